"""Event time, cut; every expected instant is read off a calendar.

2013-01-07 is a Monday, 2244 weeks after Monday 1970-01-05.
"""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from components.core.plan import Windows
from components.core.spans import Span, SpanKind, TimeInterval, format_instant, spans_between
from components.core.spec import Spec, load_spec
from components.ops.plan.windows import reference_weeks, split_windows, subtract

SPEC = """name: churn
data: {primary: {uri: "churn/{SPAN}.parquet", event_time: seen_at, key: [customer]}}
label: {column: left, known_after: 1d}
"""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def between(start: str, end: str) -> TimeInterval:
    return TimeInterval(start=at(start), end=at(end))


HOURS = "gates: {block: hour}\n"  # three days are too few blocks of a day


def spec_of(more: str = "", span: str = "day") -> Spec:
    return load_spec(SPEC.replace("SPAN", span) + more)


def days(start: str, end: str) -> tuple[Span, ...]:
    return spans_between(SpanKind.DAY, at(start), at(end))


def test_every_nth_week_is_counted_from_the_first_monday_of_1970() -> None:
    assert (at("2013-01-07") - at("1970-01-05")).days == 2244 * 7
    # 2244 = 4 * 561, so that week and every fourth from it; history starts in its middle.
    weeks = reference_weeks(between("2013-01-09T06:00", "2013-03-05"), 4)

    assert weeks == (
        between("2013-01-09T06:00", "2013-01-14"),
        between("2013-02-04", "2013-02-11"),
        between("2013-03-04", "2013-03-05"),
    )


def test_a_week_is_reference_whatever_history_it_is_seen_from() -> None:
    whole = reference_weeks(between("2010-01-01", "2013-06-01"), 5)
    late = reference_weeks(between("2013-01-01", "2013-06-01"), 5)

    assert set(late[1:]) <= set(whole)
    assert len(whole) == pytest.approx((at("2013-06-01") - at("2010-01-01")).days / 35, abs=1)


@pytest.mark.parametrize(
    ("history", "weeks"),
    [
        (("1969-12-30", "1970-01-06"), [("1970-01-05", "1970-01-06")]),
        (("1969-12-20", "1970-01-02"), [("1969-12-22", "1969-12-29")]),  # the week number -2
        (("2013-01-14", "2013-01-14"), []),
        (("2013-01-14", "2013-01-21"), []),
    ],
)
def test_reference_weeks_at_the_edges(
    history: tuple[str, str], weeks: list[tuple[str, str]]
) -> None:
    assert reference_weeks(between(*history), 2) == tuple(between(*w) for w in weeks)


@pytest.mark.parametrize(
    ("holes", "left"),
    [
        ([], [("2013-01-01", "2013-01-31")]),
        ([("2012-12-01", "2013-01-05")], [("2013-01-05", "2013-01-31")]),
        ([("2013-01-20", "2013-02-05")], [("2013-01-01", "2013-01-20")]),
        ([("2012-12-01", "2013-02-05")], []),
        ([("2013-01-01", "2013-01-31")], []),
        ([("2012-11-01", "2012-12-01")], [("2013-01-01", "2013-01-31")]),
        ([("2013-03-01", "2013-04-01")], [("2013-01-01", "2013-01-31")]),
        (
            [("2013-01-05", "2013-01-06"), ("2013-01-10", "2013-01-12")],
            [
                ("2013-01-01", "2013-01-05"),
                ("2013-01-06", "2013-01-10"),
                ("2013-01-12", "2013-01-31"),
            ],
        ),
    ],
)
def test_holes_are_taken_out(holes: list[tuple[str, str]], left: list[tuple[str, str]]) -> None:
    pieces = subtract(between("2013-01-01", "2013-01-31"), [between(*h) for h in holes])

    assert pieces == tuple(between(*piece) for piece in left)


def test_an_expanding_window_is_the_history_without_both_holdouts() -> None:
    spec = spec_of("split: {recent: 3d, reference: every 4th week}\n" + HOURS)

    windows = split_windows(spec, days("2013-01-01", "2013-02-20"), at("2013-02-20T15:30"))

    assert format_instant(windows.labels_until) == "2013-02-19T15:30:00Z"
    assert windows.recent == (between("2013-02-16", "2013-02-19"),)
    assert windows.reference == (
        between("2013-01-07", "2013-01-14"),
        between("2013-02-04", "2013-02-11"),
    )
    assert windows.train == (
        between("2013-01-01", "2013-01-07"),
        between("2013-01-14", "2013-02-04"),
        between("2013-02-11", "2013-02-16"),
    )


def test_a_sliding_window_keeps_the_reference_of_the_whole_history() -> None:
    spec = spec_of(
        "window: last 10 spans\nsplit: {recent: 3d, reference: every 4th week}\n" + HOURS
    )

    windows = split_windows(spec, days("2013-01-01", "2013-02-20"), at("2013-02-20"))

    assert windows.reference[0] == between("2013-01-07", "2013-01-14")
    # The last ten days begin on 2013-02-10, the last reference week ends on the 11th.
    assert windows.train == (
        between("2013-02-11", "2013-02-15T00:00").model_copy(update={"end": at("2013-02-16")}),
    )


def test_a_sliding_window_counts_spans_that_have_data() -> None:
    months = [Span.parse(SpanKind.MONTH, m) for m in ("2012-01", "2012-06", "2012-12", "2013-01")]
    spec = spec_of("window: last 3 spans\nsplit: {recent: 5d}\n", span="month")

    windows = split_windows(spec, months, at("2013-02-01"))

    assert windows.train[0].start >= at("2012-06-01")
    assert windows.train[0].start < at("2012-06-08")


def test_no_instant_is_in_two_parts_and_none_is_lost() -> None:
    spec = spec_of("split: {recent: 10d, reference: every 5th week}\n")
    windows = split_windows(spec, days("2012-03-05", "2013-07-01"), at("2013-07-01T09:00"))
    parts = sorted(
        (*windows.train, *windows.reference, *windows.recent), key=lambda part: part.start
    )

    assert parts[0].start == at("2012-03-05")
    assert parts[-1].end == at("2013-06-30")
    assert len(parts) > 2
    assert all(a.end == b.start for a, b in pairwise(parts))


def test_too_short_a_history_trains_on_nothing() -> None:
    windows = split_windows(
        spec_of("split: {recent: 10d}\n"), days("2013-01-15", "2013-01-20"), at("2013-01-20")
    )

    assert windows.train == ()
    assert windows.reference == ()
    assert windows.recent == (between("2013-01-09", "2013-01-19"),)


def test_the_data_may_begin_within_its_first_span() -> None:
    text = SPEC.replace("churn/{SPAN}", "churn").replace("key:", "start: 2013-01-16T06:00Z, key:")
    text += "split: {reference: every 4th week}\n"
    windows = split_windows(load_spec(text), days("2013-01-16", "2013-03-01"), at("2013-03-01"))

    assert windows.train[0].start == at("2013-01-16T06:00")


@pytest.mark.parametrize(
    ("every", "as_of", "watched", "earlier"),
    [
        ("hour", "2013-07-01T06:30", "2013-07-01T05:30", "2013-07-01T04:30"),
        ("day", "2013-03-01", "2013-02-28", "2013-02-27"),
        ("7d", "2013-03-04", "2013-02-25", "2013-02-18"),
        ("month", "2013-08-01", "2013-07-01", "2013-06-01"),
        ("month", "2013-01-01", "2012-12-01", "2012-11-01"),
        ("month", "2013-02-01", "2013-01-01", "2012-12-01"),
        ("month", "2013-03-31T05:00", "2013-02-28T05:00", "2013-01-31T05:00"),
        ("month", "2012-04-30", "2012-03-30", "2012-02-29"),
    ],
)
def test_what_is_watched_ends_now(every: str, as_of: str, watched: str, earlier: str) -> None:
    windows = split_windows(
        spec_of(f"monitoring: {{every: {every}}}\n"), days("2012-01-01", "2012-01-03"), at(as_of)
    )

    assert windows.watch == between(watched, as_of)
    assert windows.before == between(earlier, watched)


@pytest.mark.parametrize(
    ("every", "known_after", "as_of", "start", "end"),
    [
        ("day", "0s", "2013-03-01", "2013-02-28", "2013-03-01"),
        ("day", "23h", "2013-03-01", "2013-02-28", "2013-03-01"),
        ("day", "1d", "2013-03-01", "2013-02-27", "2013-02-28"),
        ("day", "25h", "2013-03-01", "2013-02-26", "2013-02-27"),
        ("day", "30d", "2013-03-31", "2013-02-28", "2013-03-01"),
        ("hour", "90m", "2013-03-01T06:30", "2013-03-01T03:30", "2013-03-01T04:30"),
        ("7d", "6d", "2013-03-29", "2013-03-22", "2013-03-29"),
        ("7d", "10d", "2013-03-29", "2013-03-08", "2013-03-15"),
        ("month", "1d", "2013-08-01", "2013-07-01", "2013-08-01"),
        ("month", "27d", "2013-03-01", "2013-02-01", "2013-03-01"),
        # February is 28 days: its labels are due on 1 April, and so is every month's at its turn.
        ("month", "28d", "2013-04-01", "2013-02-01", "2013-03-01"),
        # January's labels are all due on 2 March, so on 1 April, as May's on 1 August.
        ("month", "30d", "2013-04-01", "2013-01-01", "2013-02-01"),
        ("month", "30d", "2013-08-01", "2013-05-01", "2013-06-01"),
        # Of two months the shortest are 59 days, of six 181.
        ("month", "59d", "2013-04-01", "2013-01-01", "2013-02-01"),
        ("month", "60d", "2013-04-01", "2012-12-01", "2013-01-01"),
        ("month", "181d", "2013-07-31T05:00", "2012-12-31T05:00", "2013-01-31T05:00"),
    ],
)
def test_labels_are_judged_where_they_are_due(
    every: str, known_after: str, as_of: str, start: str, end: str
) -> None:
    text = SPEC.replace("SPAN", "day").replace("1d", known_after)
    spec = load_spec(f"{text}monitoring: {{every: {every}}}\n")

    windows = split_windows(spec, days("2012-01-01", "2012-01-03"), at(as_of))

    assert windows.labelled == between(start, end)
    assert windows.is_late == (windows.labelled != windows.watch)


@pytest.mark.parametrize(("every", "known_after"), [("month", "30d"), ("month", "100d")])
def test_each_month_is_judged_once_and_when_all_its_labels_are_due(
    every: str, known_after: str
) -> None:
    text = SPEC.replace("SPAN", "day").replace("1d", known_after)
    spec = load_spec(f"{text}monitoring: {{every: {every}}}\n")
    first = [at(f"{year}-{month:02}-01") for year in range(2011, 2017) for month in range(1, 13)]

    judged = [
        split_windows(spec, days("2011-01-01", "2011-01-03"), as_of).labelled for as_of in first
    ]

    assert all(a.end == b.start for a, b in pairwise(judged))
    due = zip(judged, first, strict=True)
    assert all(window.end + spec.label.known_after <= as_of for window, as_of in due)


def test_a_plan_that_says_no_labelled_window_means_the_watched_one() -> None:
    windows = split_windows(spec_of(), days("2013-01-01", "2013-02-20"), at("2013-02-20"))
    older = windows.model_dump(mode="json", exclude={"labelled"})

    assert windows.is_late  # a day's label, every day
    assert Windows.model_validate(older).labelled == windows.watch


def test_labels_known_at_once_are_cut_at_the_day() -> None:
    spec = load_spec(SPEC.replace("SPAN", "day").replace("1d", "0s"))

    windows = split_windows(spec, days("2013-01-01", "2013-02-20"), at("2013-02-20"))

    assert format_instant(windows.labels_until) == "2013-02-20T00:00:00Z"
    assert windows.recent[0].end == at("2013-02-20")
    assert windows.recent[0].end - windows.recent[0].start == timedelta(days=10)
