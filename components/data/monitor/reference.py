"""What a check compares with: the champion's own folder, and the earlier checks in the audit."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from google.protobuf import text_format
from google.protobuf.message import DecodeError
from pydantic import ValidationError
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.core import audit, storage
from components.core.artifacts import (
    LIMITS,
    MODEL_CARD,
    SCHEMA,
    STATISTICS,
    Limits,
    ModelCard,
    SplitName,
)
from components.core.errors import InputError
from components.core.plan import Champion

_Content = TypeVar("_Content")
_BROKEN = (ValidationError, DecodeError, text_format.ParseError, UnicodeDecodeError)


@dataclass(frozen=True)
class ChampionReference:
    """What live predictions are compared with, from the champion's folder."""

    card: ModelCard
    schema: schema_pb2.Schema
    statistics: statistics_pb2.DatasetFeatureStatisticsList
    limits: Limits


@dataclass(frozen=True)
class PastCheck:
    """An earlier monitoring run, and the champion then."""

    as_of: datetime
    version: str | None
    decision: str
    metrics: Mapping[str, float | None]


def read_reference(champion: Champion) -> ChampionReference:
    """Reads the champion's folder.

    Raises:
        InputError: A file of it is missing or broken, or it holds another version.
        OSError: The folder cannot be reached.
    """
    parse_statistics = statistics_pb2.DatasetFeatureStatisticsList.FromString
    card = _read(champion, MODEL_CARD, ModelCard.model_validate_json)
    if card.version != champion.version:
        raise InputError(f"{champion.uri}/{MODEL_CARD}", card.version, champion.version)
    return ChampionReference(
        card=card,
        schema=_read(champion, SCHEMA, lambda b: text_format.Parse(b, schema_pb2.Schema())),
        statistics=_read(champion, STATISTICS.format(split=SplitName.TRAIN), parse_statistics),
        limits=_read(champion, LIMITS, Limits.model_validate_json),
    )


def past_checks(
    entries: Iterable[audit.AuditEntry], step: str, model: str, run: str, as_of: datetime
) -> tuple[PastCheck, ...]:
    """The checks before this one, oldest first; of several for one instant the last one."""
    checks: dict[datetime, PastCheck] = {}
    for entry in entries:
        if (entry.step, entry.model) != (step, model) or entry.run == run:
            continue
        if entry.as_of < as_of:
            metrics = entry.details.get("metrics", {})
            checks[entry.as_of] = PastCheck(entry.as_of, entry.version, entry.decision, metrics)
    return tuple(checks[instant] for instant in sorted(checks))


def _read(champion: Champion, name: str, parse: Callable[[bytes], _Content]) -> _Content:
    uri = f"{champion.uri.rstrip('/')}/{name}"
    try:
        return parse(storage.read_bytes(uri))
    except _BROKEN as error:
        given = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        raise InputError(uri, given, "the file that train wrote") from error
