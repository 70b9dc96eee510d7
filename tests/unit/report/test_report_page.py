"""What a report page promises: everything escaped, nothing loaded, the same bytes every time."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from components.core.verdict import Finding, Severity
from components.report.blocks import (
    Banner,
    Block,
    Facts,
    Figure,
    Findings,
    Links,
    Note,
    Row,
    Section,
    Table,
)
from components.report.charts import Bars, ErrorBar, Series, bar_chart, interval_chart, line_chart
from components.report.page import build_page

EVIL = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>\x00\ud800"
VOID = {"meta", "br", "img", "hr", "link", "input"}


class Outline(HTMLParser):
    """Collects tags and attributes, and fails if an element is closed out of order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def outline_of(html: str) -> Outline:
    outline = Outline()
    outline.feed(html)
    outline.close()
    assert outline.open == []
    return outline


def full_page(text: str, blocks: slice = slice(None)) -> str:
    finding = Finding.model_construct(
        code=text, severity=Severity.FAIL, subject=text, measured=text, limit=text, sentence=text
    )
    charts = [
        line_chart([Series(text, [text, "b"], [1, 2])], title=text, x_label=text, y_label=text),
        bar_chart([text, "b"], [Bars(text, [1, 2])], title=text, x_label=text, y_label=text),
        interval_chart([ErrorBar(text, 0.1, 0.0, 0.2)], title=text, x_label=text),
    ]
    parts: list[Block] = [
        Banner(text, text, "bad"),
        Row([Figure(svg, text) for svg in charts]),
        Section(text, text, [Section(text, text, [Note(text, "warn"), Note(text)])]),
        Findings([finding], text),
        Table([text, "n"], [[text, 1]], text, tones=["bad"]),
        Table(["n"], [[text]] * 13, text),
        Facts([(text, text)]),
        Links([(text, text), (text, "https" + "://x.test/" + text)]),
    ]
    return build_page(text, about=text, blocks=parts[blocks])


def test_no_text_of_a_user_becomes_markup() -> None:
    evil, plain = (outline_of(full_page(text)) for text in (EVIL, "a" * len(EVIL)))
    assert "script" not in {tag for tag, _ in evil.seen}
    assert "img" not in {tag for tag, _ in evil.seen}
    assert not [a for _, attrs in evil.seen for a in attrs if a.startswith("on")]
    assert [tag for tag, _ in evil.seen] == [tag for tag, _ in plain.seen]


def test_text_that_no_encoding_knows_can_be_written() -> None:
    document = full_page(EVIL)
    assert document.encode("utf-8").decode("utf-8") == document
    assert "\x00" not in document


def test_page_needs_nothing_from_outside() -> None:
    document = full_page("plain", slice(-1))
    assert set(re.findall(r"https?://[^\"' ]*", document)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<(script|link|iframe|object|img)\b|url\(|@import|\bsrc=", document)
    ids = re.findall(r'\bid="([^"]*)"', document)
    assert len(ids) == len(set(ids))


def test_page_has_the_parts_that_assistive_software_reads() -> None:
    outline = outline_of(full_page("plain"))
    assert ("html", {"lang": "en"}) in outline.seen
    assert [tag for tag, _ in outline.seen].count("title") >= 1
    heads = [attrs for tag, attrs in outline.seen if tag == "th"]
    assert heads
    assert all(attrs.get("scope") in {"col", "row"} for attrs in heads)
    pictures = [attrs for tag, attrs in outline.seen if tag == "svg" and "role" in attrs]
    assert len(pictures) == 3
    assert all(attrs["role"] == "img" and attrs["aria-label"] for attrs in pictures)


def test_equal_pages_give_equal_bytes() -> None:
    assert full_page("plain") == full_page("plain")


@pytest.mark.parametrize(
    ("tone", "symbol", "word"),
    [("good", "✓", "good"), ("warn", "!", "warning"), ("bad", "✕", "bad")],
)
def test_decision_is_said_by_shape_and_word_too(tone, symbol, word) -> None:
    banner = Banner("refused", "Because.", tone).html(2)
    assert f">{symbol}</span>" in banner
    assert f"({word})" in banner


def test_headings_go_down_one_level_for_each_section() -> None:
    html = Section("a", "", [Section("b", "", [Row([Section("c")])])]).html(2)
    assert re.findall(r"<(h\d)>(.)<", html) == [("h2", "a"), ("h3", "b"), ("h4", "c")]


def test_blank_line_begins_a_paragraph() -> None:
    assert Note("one\n\ntwo\n\n").html(2).count("<p>") == 2


@pytest.mark.parametrize(
    "svg",
    [
        "not svg",
        "<svg><g></svg>",
        "<div/>",
        "<svg><script>alert(1)</script></svg>",
        '<svg onload="alert(1)"/>',
        '<svg xmlns="http://www.w3.org/2000/svg"><foreignObject/></svg>',
    ],
)
def test_figure_refuses_what_is_no_still_picture(svg: str) -> None:
    with pytest.raises(ValueError, match="figure 'roc'"):
        Figure(svg, "roc")


def test_a_page_holds_the_decision_the_facts_and_the_findings_in_this_order() -> None:
    finding = Finding(
        code="auc", severity=Severity.FAIL, subject="recent", measured=0.5, limit=0.6, sentence=""
    )

    page = build_page(
        "churn: may it serve?",
        banner=Banner("refused", "The AUC is too low.", "bad"),
        about="v2",
        as_of=datetime(2013, 7, 1, tzinfo=UTC),
        facts=[("rows", 3), ("since", datetime(2013, 6, 1, tzinfo=UTC))],
        findings=[finding],
        blocks=[Section("More", "", [])],
    )

    pieces = [
        "<h1>churn: may it serve?</h1>",
        "v2 as of 2013-07-01T00:00:00Z",
        "refused",
        "<dd>2013-06-01T00:00:00Z</dd>",
        "What was checked",
        "<h2>More</h2>",
    ]
    places = [page.find(piece) for piece in pieces]
    assert -1 not in places
    assert places == sorted(places)


def test_a_page_leaves_out_what_is_not_given() -> None:
    page = build_page("churn", findings=[])

    assert "What was checked: none." in page
    assert '<dl class="facts">' not in page
    assert '<section class="banner' not in page
    assert '<p class="subtitle">' not in page
