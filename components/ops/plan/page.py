"""The meaning of a spec as a page: of the terminal, and of the dashboard."""

import textwrap
from collections.abc import Iterable

from components.ops.plan.meaning import Topic
from components.report.blocks import Section
from components.report.page import Page, render
from components.report.tables import Table

_WIDTH = 100
_LONG = 30


def as_text(topics: Iterable[Topic]) -> str:
    """The topics as plain text, 100 columns wide."""
    return "\n".join(_plain(topic) for topic in topics)


def as_html(title: str, sentence: str, topics: Iterable[Topic]) -> str:
    """The topics as one self-contained HTML file.

    Args:
        title: The model and the instant.
        sentence: What was planned.
        topics: The meaning.
    """
    sections = [Section(topic.title, blocks=(_block(topic),)) for topic in topics]
    return render(Page(title, sentence, sections))


def _plain(topic: Topic) -> str:
    width = max(len(word) for word, _ in topic.lines)
    lines = (
        textwrap.fill(
            text,
            _WIDTH,
            initial_indent=f"  {word:{width}}  ",
            subsequent_indent=" " * (width + 4),
            break_long_words=False,
            break_on_hyphens=False,
        )
        for word, text in topic.lines
    )
    return "\n".join([topic.title, *lines, ""])


def _block(topic: Topic) -> Table:
    folded = len(topic.lines) > _LONG
    caption = topic.title if folded else ""
    return Table(("what", "how"), topic.lines, caption=caption, fold_after=_LONG)
