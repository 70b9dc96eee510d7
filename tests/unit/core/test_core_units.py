"""Durations, shares and sizes as people write them."""

from datetime import timedelta

import pytest
from pydantic import TypeAdapter, ValidationError

from components.core.units import (
    Cpu,
    Duration,
    Size,
    format_duration,
    parse_duration,
    parse_share,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("90m", 5400),
        ("36h", 129600),
        ("7d", 604800),
        ("2w", 1209600),
        (" 7 d ", 604800),
    ],
)
def test_reads_durations(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "7", "d", "-7d", "7.5h", "7 days", "1d12h", "\u0667d", None, 7, True]
)
def test_refuses_other_durations(text: object) -> None:
    with pytest.raises(ValueError, match="36h or 7d"):
        parse_duration(text)


def test_refuses_durations_that_no_calendar_holds() -> None:
    assert parse_duration("36500d") == timedelta(days=36500)
    with pytest.raises(ValueError, match="at most 36500d"):
        parse_duration("36501d")
    with pytest.raises(ValueError, match="at most 36500d"):
        parse_duration("9" * 40 + "w")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(seconds=90), "90s"),
        (timedelta(hours=36), "36h"),
        (timedelta(days=14), "14d"),
        (timedelta(minutes=90), "90m"),
    ],
)
def test_writes_durations_in_the_largest_unit_that_divides(value: timedelta, text: str) -> None:
    assert format_duration(value) == text
    assert parse_duration(text) == value


@pytest.mark.parametrize(
    ("text", "share"), [("90%", 0.9), ("12.5 %", 0.125), (0.9, 0.9), (1, 1.0), ("0%", 0.0)]
)
def test_reads_shares(text: object, share: float) -> None:
    assert parse_share(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["most", "101%", "-1%", 1.5, -0.1, "nan", "inf", None, "%"])
def test_refuses_other_shares(text: object) -> None:
    with pytest.raises(ValueError, match=r"(percentage|between 0% and 100%)"):
        parse_share(text)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Size, "512Mi", "512MB"),
        (Size, "2Gi", "2.5Gi"),
        (Cpu, "500m", "500u"),
        (Cpu, 2, "two"),
        (Duration, "36h", "36"),
    ],
)
def test_types_accept_and_refuse(kind: object, good: object, bad: object) -> None:
    adapter = TypeAdapter(kind)

    assert adapter.validate_python(good)
    with pytest.raises(ValidationError):
        adapter.validate_python(bad)
