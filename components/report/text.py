"""Values as text that is safe in HTML and SVG, and the tones that a report has."""

import html
import math
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum
from numbers import Integral, Real
from types import MappingProxyType
from typing import Literal

from components.core.spans import format_instant

Tone = Literal["good", "warn", "bad", "neutral"]

TONE_SYMBOLS: Mapping[Tone, str] = MappingProxyType(
    {"good": "\u2713", "warn": "!", "bad": "\u2715", "neutral": "\u2022"}
)
TONE_WORDS: Mapping[Tone, str] = MappingProxyType(
    {"good": "good", "warn": "warning", "bad": "bad", "neutral": "information"}
)

# XML 1.0 knows no other characters; a NUL or half a surrogate pair would break the whole file.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MISSING = "\u2013"


def escape(value: object) -> str:
    """Makes text safe as the content or the quoted attribute of an HTML or SVG element."""
    return html.escape(_NOT_XML.sub("\ufffd", str(value)), quote=True)


def is_number(value: object) -> bool:
    """Whether a value is a number to be lined up; a truth value is not."""
    return isinstance(value, Real) and not isinstance(value, bool)


def decimals_for(values: Iterable[object]) -> int:
    """The decimals of a column by its largest finite number: 0 from 1000 on, 1 from 100, 2 from 10.

    Smaller columns have 4.
    """
    numbers = [abs(float(v)) for v in values if isinstance(v, Real)]
    largest = max((n for n in numbers if math.isfinite(n)), default=0.0)
    return next((d for edge, d in ((1000, 0), (100, 1), (10, 2)) if largest >= edge), 4)


def format_value(value: object, decimals: int | None = None) -> str:
    """Writes one cell as plain, not yet escaped, text.

    Args:
        value: Anything; None is shown as a dash, an enum member by its value, an instant in UTC.
            Whole numbers get thousands separators from 10,000 on, so that years stay years.
        decimals: Decimals of a number with a fraction; chosen from the value if not given.
    """
    if value is None:
        return _MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Integral):
        return f"{int(value):,}" if abs(int(value)) >= 10_000 else str(int(value))
    if isinstance(value, Real):
        return _format_real(float(value), decimals)
    return format_instant(value) if isinstance(value, datetime) else str(value)


def _format_real(value: float, decimals: int | None) -> str:
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("\u221e" if value > 0 else "\u2212\u221e")
    places = decimals_for([value]) if decimals is None else decimals
    if abs(value) >= 1e15 or (value != 0.0 and abs(value) < 0.5 * 10**-places):
        return f"{value:.1e}"  # neither a row of zeros nor a row of digits
    return f"{value:,.{places}f}".replace("-", "\u2212") if value else f"{0.0:.{places}f}"
