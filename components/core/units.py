"""Durations, shares and sizes as people write them: ``36h``, ``7d``, ``90%``, ``512Mi``."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from components.core.spans import SpanKind

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_MOST_SECONDS = 36_500 * 86_400
_DURATION = re.compile(r"([0-9]+)\s*([smhdw])")
_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*%")
_SIZE = re.compile(r"\d+(Ki|Mi|Gi|Ti)")
_CPU = re.compile(r"\d+m|\d+(\.\d+)?")


def parse_duration(text: object) -> timedelta:
    """Reads ``36h`` as a timedelta.

    Raises:
        ValueError: The text is not a whole number with one of s, m, h, d, w, or more than 36500d.
    """
    if isinstance(text, timedelta):
        return text
    match = _DURATION.fullmatch(str(text).strip())
    if match is None:
        raise ValueError("a whole number and one of s, m, h, d, w, such as 36h or 7d")
    seconds = int(match[1]) * _SECONDS[match[2]]
    if seconds > _MOST_SECONDS:
        raise ValueError("a duration of at most 36500d")
    return timedelta(seconds=seconds)


def format_duration(value: timedelta) -> str:
    """Writes a timedelta in the largest unit that divides it, ``36h`` for a day and a half."""
    seconds = int(value.total_seconds())
    for unit in ("d", "h", "m"):
        if seconds and seconds % _SECONDS[unit] == 0:
            return f"{seconds // _SECONDS[unit]}{unit}"
    return f"{seconds}s"


def parse_share(text: object) -> float:
    """Reads ``90%`` or ``0.9`` as 0.9.

    Raises:
        ValueError: The text is no number, or lies outside 0 to 1.
    """
    match = _PERCENT.fullmatch(str(text).strip())
    try:
        share = float(match[1]) / 100 if match else float(str(text))
    except ValueError as error:
        raise ValueError("a percentage such as 90%, or a number from 0 to 1") from error
    if not 0 <= share <= 1:
        raise ValueError("a share between 0% and 100%")
    return share


def _check_frequency(every: object) -> object:
    frequency = every if every in list(SpanKind) else parse_duration(every)
    if not frequency:
        raise ValueError("hour, day, month, or a duration that is not zero")
    return frequency


def _check_size(text: object) -> str:
    if not _SIZE.fullmatch(str(text)):
        raise ValueError("a whole number and one of Ki, Mi, Gi, Ti, such as 512Mi")
    return str(text)


def _check_cpu(text: object) -> str:
    if not _CPU.fullmatch(str(text)):
        raise ValueError("a number of cores such as 2 or 500m")
    return str(text)


def _text(pattern: str, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern}$", "examples": [example]})


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    _text(_DURATION.pattern, "36h"),
]
Frequency = Annotated[SpanKind | Duration, BeforeValidator(_check_frequency)]
Share = Annotated[
    float,
    BeforeValidator(parse_share),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "string"}]}),
]
Size = Annotated[str, BeforeValidator(_check_size), _text(_SIZE.pattern, "512Mi")]
Cpu = Annotated[str, BeforeValidator(_check_cpu), WithJsonSchema({"type": ["string", "number"]})]
