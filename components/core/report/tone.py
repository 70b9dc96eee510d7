"""The four tones of a report, and the shapes and words that say them without colour."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

Tone: TypeAlias = Literal["good", "warn", "bad", "neutral"]

TONE_SYMBOLS: Final[Mapping[Tone, str]] = MappingProxyType(
    {"good": "\u2713", "warn": "!", "bad": "\u2715", "neutral": "\u2022"}
)
TONE_WORDS: Final[Mapping[Tone, str]] = MappingProxyType(
    {"good": "good", "warn": "warning", "bad": "bad", "neutral": "information"}
)

_SEVERITIES: Final[Mapping[str, Tone]] = MappingProxyType(
    {
        **dict.fromkeys(("good", "ok", "pass", "passed"), "good"),
        **dict.fromkeys(("warn", "warning"), "warn"),
        **dict.fromkeys(("bad", "error", "fail", "failed", "critical", "blocking"), "bad"),
    }
)


def tone_of(severity: object) -> Tone:
    """Says which tone a severity is shown in.

    Args:
        severity: A word such as `error`, or an enum member whose value is such a word.

    Returns:
        The tone; `neutral` for a word that says neither good nor bad.
    """
    word = severity.value if isinstance(severity, Enum) else severity
    return _SEVERITIES.get(str(word).lower(), "neutral")
