"""The fixed names inside the folders that pass between steps."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from components.core.errors import InputError
from components.core.spans import Instant

PLAN = "plan.json"
MODEL_FILES = "model"
LINEAGE = "lineage.json"
VERDICT = "verdict.json"
SAVED_MODEL = "saved_model"
MODEL_CARD = "model.json"
GOLDEN = "golden.json"
PUBLISHED = "published.json"  # beside a model in a model store: its upload is complete
LIMITS = "limits.json"
STATISTICS = "{split}.statistics.pb"
SCHEMA = "schema.pbtxt"
DEPLOYMENT = "deployment.json"
OBSERVED = "observed.parquet"
BEFORE = "before.parquet"
LABELLED = "labelled.parquet"
COVERAGE = "coverage.json"

# Prefix of the request ids of a deployment's own test requests: they are not traffic, so they are
# neither logged nor counted by a canary.
TRIAL_REQUEST = "ratoon-trial-"

# The buckets that latencies are counted in: 10% apart from 0.1 ms to 100 s, so that a quantile is
# off by at most that.
LATENCY_BOUNDS_MS = tuple(round(0.1 * 1.1**step, 6) for step in range(146))
# A server exports a third of them, 33% apart, so that a reading of its metrics stays small.
SERVER_LATENCY_BOUNDS_MS = LATENCY_BOUNDS_MS[::3]


class SplitName(StrEnum):
    """The parts of the examples."""

    TRAIN = "train"
    RECENT = "recent"
    REFERENCE = "reference"


def example_files(examples: Path, split: SplitName) -> tuple[Path, ...]:
    """The Parquet files of one split, oldest span first; empty if the split has no rows."""
    return tuple(sorted((examples / split).glob("*.parquet")))


class Record(BaseModel):
    """A frozen record kept as JSON; equal records give equal bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def read(cls, file: Path) -> Self:
        """Reads a record.

        Raises:
            pydantic.ValidationError: The file does not hold such a record.
        """
        return cls.model_validate_json(file.read_bytes())

    @classmethod
    def parse(cls, content: str | bytes, where: str, accepted: str, do: str = "") -> Self:
        """Parses a record that may be damaged.

        Raises:
            InputError: It is not such a record; the first problem is named.
        """
        try:
            return cls.model_validate_json(content)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            given = ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"])))
            raise InputError(where, given, accepted, do) from error

    def content(self) -> bytes:
        """The record as its file holds it."""
        return (self.model_dump_json(by_alias=True, indent=1) + "\n").encode()

    def write(self, file: Path) -> None:
        """Writes the record and creates its folder if it is missing."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(self.content())


class ModelColumn(Record):
    """A raw column of the model's signature, as examples, requests and the prediction log name it.

    Attributes:
        source: Where the spec reads it, such as ``weather.temp``.
        kind: ``number`` (float32, missing is NaN), ``category`` (string, missing is ``""``) or
            ``timestamp`` (int64, seconds since 1970 UTC, never missing).
    """

    name: str
    source: str
    kind: str


class ModelCard(Record):
    """``model.json``: what a model is, beside its SavedModel.

    Attributes:
        version: Unique and sortable, such as ``20130701T0000-1a2b3c4d``.
        method: ``trained`` or ``recalibrated``.
        label: What the answer is called.
        threshold: The probability from which the class is positive.
        columns: The signature's raw columns, in order.
        key: The key columns of an example, logged with every prediction.
        event_time: The column that says when an example exists.
        digests: What it was made from: ``spec``, ``plan``, ``schema``, ``examples``, ``code``.
        metrics: Split to metric to value, as measured after training.
        rows: How many it was trained on.
    """

    name: str
    version: str
    method: str
    task: str
    label: str
    threshold: float
    columns: tuple[ModelColumn, ...]
    key: tuple[str, ...]
    event_time: str
    as_of: Instant
    run: str
    digests: Mapping[str, str]
    metrics: Mapping[str, Mapping[str, float]]
    rows: int


class Golden(Record):
    """``golden.json``: rows with the probabilities that the model gave when it was exported."""

    columns: Mapping[str, tuple[float | int | str | None, ...]]
    probability: tuple[float, ...]
    tolerance: float


class BlockScore(Record):
    """What a model of this kind scored on one held-out block of its own training window."""

    block: str
    rows: int
    metrics: Mapping[str, float]


class Limits(Record):
    """``limits.json``: the spread that monitoring learns its limits from."""

    blocks: tuple[BlockScore, ...]


class SourceRead(Record):
    """A source as it was read, an entry of the lineage."""

    uri: str
    rows: int
    bytes: int
    digest: str
    origin: str = ""
    licence: str = ""


class SpanCount(Record):
    """What one prepared span holds, before any row is left out for its split.

    Attributes:
        rows: Its examples up to `as_of`.
        due: Those whose label must be known by `as_of`.
        labelled: Those of `due` that have one.
        positives: Those labelled that are positive.
        joined: External source to the rows for which it had a row.
        refused: Rule text to the number of values that it refused.
        duplicates: Rows left out because their key stood before.
        keyless: Rows left out because a part of their key, or their event time, is missing.
        outside: Rows left out because the span's own file holds them for another time.
    """

    span: str
    rows: int
    due: int
    labelled: int
    positives: int
    joined: Mapping[str, int]
    refused: Mapping[str, int]
    duplicates: int
    keyless: int = 0
    outside: int = 0


class SourceState(Record):
    """An external source as of the plan.

    Attributes:
        newest: Its newest event time known at `as_of`; None for a static or empty table.
        future_rows: Joined rows whose event time plus delay lay after the example's; must be 0.
        duplicates: Rows whose join key, and event time if any, another row has: of a static
            table the first is joined, of a history the last.
    """

    name: str
    newest: Instant | None
    future_rows: int
    duplicates: int = 0


class Lineage(Record):
    """``lineage.json``: what the examples were made from, and what they hold."""

    plan: str
    sources: tuple[SourceRead, ...]
    spans: tuple[SpanCount, ...]
    external: tuple[SourceState, ...]
    newest: Instant | None
    splits: Mapping[str, int]
    digest: str
