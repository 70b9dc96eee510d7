"""How cells, findings and links are written."""

import math
import re

import pytest

from components.core.verdict import Finding, Severity
from components.report.blocks import Facts, Findings, Links, Table
from components.report.text import decimals_for, escape, format_value


def finding(severity: str, code: str) -> Finding:
    return Finding(
        code=code, severity=Severity(severity), subject="", measured=1, limit=2, sentence=""
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "\u2013"),
        (True, "yes"),
        (2013, "2013"),
        (336776, "336,776"),
        (-12345, "-12,345"),
        (0.751234, "0.7512"),
        (12.345, "12.35"),
        (123.45, "123.5"),
        (1234.5, "1,234"),
        (-0.25, "\u22120.2500"),
        (-0.0, "0.0000"),
        (0.00001, "1.0e-05"),
        (1e20, "1.0e+20"),
        (math.nan, "NaN"),
        (-math.inf, "\u2212\u221e"),
        (Severity.FAIL, "fail"),
        ("text", "text"),
    ],
)
def test_values_are_written_for_readers(value: object, text: str) -> None:
    assert format_value(value) == text


def test_column_has_one_number_of_decimals() -> None:
    assert decimals_for([0.5, 120.0, None, math.nan, "x"]) == 1
    assert decimals_for([]) == 4
    body = Table(["m", "v"], [["a", 0.5], ["b", 120.0]]).html(2)
    assert re.findall(r'<td class="num">([^<]*)</td>', body) == ["0.5", "120.0"]


def test_escape_replaces_what_xml_does_not_know() -> None:
    assert escape("a\x00b\x1b\ud800<&\"'") == "a\ufffdb\ufffd\ufffd&lt;&amp;&quot;&#x27;"


def test_numbers_are_set_to_the_right_and_named_columns_too() -> None:
    html = Table(["name", "n", "when"], [["a", 1, "x"], ["b", None, "y"]], numeric=["when"]).html(2)
    assert re.findall(r'<th scope="col"( class="num")?>(\w+)', html) == [
        ("", "name"),
        (' class="num"', "n"),
        (' class="num"', "when"),
    ]


def test_long_table_is_folded_and_says_how_long_it_is() -> None:
    assert "<details>" not in Table(["a"], [["x"]] * 12, "days").html(2)
    folded = Table(["a"], [["x"]] * 13, "days").html(2)
    assert "<summary>days <small>(13 rows)</small></summary>" in folded


def test_empty_table_says_so() -> None:
    assert '<td colspan="2">no rows</td>' in Table(["a", "b"], []).html(2)


def test_tone_of_a_row_is_a_word_too() -> None:
    html = Table(["a"], [["x"], ["y"]], tones=["bad", None]).html(2)
    assert '<tr class="bad">' in html
    assert '<span class="hidden">bad: </span>x' in html
    assert '<tr><th scope="row">y' in html


def test_rows_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="has not 2 cells"):
        Table(["a", "b"], [["x"]])
    with pytest.raises(ValueError, match="1 tones for 2 rows"):
        Table(["a"], [["x"], ["y"]], tones=["good"])


@pytest.mark.parametrize(
    ("severity", "tone"), [("info", "neutral"), ("warn", "warn"), ("fail", "bad")]
)
def test_severity_has_a_tone(severity: str, tone: str) -> None:
    assert f'<tr class="{tone}">' in Findings([finding(severity, "x")]).html(2)


def test_findings_are_worst_first_and_otherwise_in_order() -> None:
    rows = [finding(s, s + i) for s in ("info", "warn", "fail") for i in "12"]
    html = Findings(rows).html(2)
    codes = re.findall(r"<code>(\w+)</code>", html)
    assert codes == ["fail1", "fail2", "warn1", "warn2", "info1", "info2"]


def test_no_findings_are_said() -> None:
    assert "Anomalies: none." in Findings([], "Anomalies").html(2)


@pytest.mark.parametrize("address", ["javascript:alert(1)", " JaVaScRiPt:x", "data:text/html,x"])
def test_address_that_would_run_is_only_text(address: str) -> None:
    assert "<a " not in Links([("run", address)]).html(2)


def test_address_is_a_link_and_written_out() -> None:
    html = Links([("run", "https://x.test/?a=1&b=2")]).html(2)
    assert html.count("https://x.test/?a=1&amp;b=2") == 2


def test_facts_are_pairs() -> None:
    assert "<dt>rows</dt><dd>336,776</dd>" in Facts([("rows", 336776)]).html(2)
