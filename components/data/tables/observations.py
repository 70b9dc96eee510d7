"""What observe writes and monitor reads: ``coverage.json``, and the file of each window."""

from collections.abc import Mapping

from components.core.artifacts import BEFORE, LABELLED, OBSERVED, Record, SourceRead
from components.core.plan import Windows
from components.core.spans import Instant


class WindowCoverage(Record):
    """What one window, from `start` to before `end`, holds.

    Attributes:
        rows: Predictions in it, one for each example and version.
        due: Those whose label must be known.
        labelled: Those of `due` whose label has arrived.
        keyless: Rows with an incomplete key, which no label can be joined to.
        repeated: Rows left out because that version had predicted their example before.
        versions: Model version to its rows.
        empty_hours: Clock hours of the window without a row.
        longest_silence_h: The longest stretch of the window without a row, in hours.
    """

    start: Instant
    end: Instant
    rows: int
    due: int
    labelled: int
    keyless: int
    repeated: int
    versions: Mapping[str, int]
    empty_hours: int
    longest_silence_h: float


class Coverage(Record):
    """``coverage.json``: the three windows of the plan, and the log as a whole.

    Attributes:
        plan: Digest of the plan.
        labelled: The window whose labels judge performance; often `watch` itself.
        newest: The newest logged event time before `as_of`; None if nothing was logged.
        timeless: Rows of the whole log without an event time, which belong to no window.
        unreadable: Files of the log that are not Parquet.
        sources: What was read: the log, and the tables that labels come from.
    """

    plan: str
    as_of: Instant
    watch: WindowCoverage
    before: WindowCoverage
    labelled: WindowCoverage
    newest: Instant | None
    timeless: int
    unreadable: tuple[str, ...]
    sources: tuple[SourceRead, ...]


def labelled_file(windows: Windows) -> str:
    """The file of the window whose labels are judged; no window is stored twice."""
    if not windows.is_late:
        return OBSERVED
    return BEFORE if windows.labelled == windows.before else LABELLED
