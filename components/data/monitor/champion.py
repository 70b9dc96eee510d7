"""The champion's own folder: its training statistics, its schema, its held-out blocks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from google.protobuf import text_format
from google.protobuf.message import DecodeError
from pydantic import ValidationError
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.core import storage
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
class Reference:
    """What live predictions are held against.

    Attributes:
        card: What the champion is.
        schema: The schema that it was trained by.
        statistics: Statistics of the rows that it was trained on.
        limits: What its kind scored on held-out blocks of its training window.
    """

    card: ModelCard
    schema: schema_pb2.Schema
    statistics: statistics_pb2.DatasetFeatureStatisticsList
    limits: Limits


def read_reference(champion: Champion) -> Reference:
    """Reads the champion's folder.

    Raises:
        InputError: A file of it is missing or broken, or it holds another version.
        OSError: The place cannot be reached.
    """
    card = _read(champion, MODEL_CARD, ModelCard.model_validate_json)
    if card.version != champion.version:
        raise InputError(f"{champion.uri}/{MODEL_CARD}", card.version, champion.version)
    return Reference(
        card=card,
        schema=_read(champion, SCHEMA, lambda b: text_format.Parse(b, schema_pb2.Schema())),
        statistics=_read(
            champion,
            STATISTICS.format(split=SplitName.TRAIN),
            statistics_pb2.DatasetFeatureStatisticsList.FromString,
        ),
        limits=_read(champion, LIMITS, Limits.model_validate_json),
    )


def _read(champion: Champion, name: str, parse: Callable[[bytes], _Content]) -> _Content:
    uri = f"{champion.uri.rstrip('/')}/{name}"
    try:
        return parse(storage.read_bytes(uri))
    except _BROKEN as error:
        given = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        raise InputError(uri, given, "the file that train wrote") from error
