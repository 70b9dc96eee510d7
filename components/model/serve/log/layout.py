"""The columns of the prediction log, and records as its tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.core.artifacts import ModelCard
from components.model.serve.columns import Contract
from components.model.serve.instants import TYPE
from components.model.serve.log.record import LogRecord


@dataclass(frozen=True)
class Layout:
    """How the log of one model looks.

    Attributes:
        model: The spec's name.
        version: The model's version.
        contract: What the model reads.
        names: Key columns, event time, raw columns, in the order of the files.
    """

    model: str
    version: str
    contract: Contract
    names: tuple[str, ...]

    @classmethod
    def of(cls, card: ModelCard, contract: Contract) -> Self:
        """The layout of a model's log."""
        names = dict.fromkeys((*card.key, card.event_time, *contract.kinds))
        return cls(card.name, card.version, contract, tuple(names))

    def table(self, records: Sequence[LogRecord]) -> pa.Table:
        """The rows of some records, in the order of the requests."""
        counts = np.array([record.columns.rows for record in records])
        columns = {
            "request_id": _repeated(pa.array([r.request_id for r in records]), counts),
            "row": pa.array(np.concatenate([np.arange(n, dtype=np.int32) for n in counts])),
            "logged_at": pa.array(_each(records, "logged_at_us", counts)).cast(TYPE),
            "model": pa.repeat(self.model, int(counts.sum())),
            "version": pa.repeat(self.version, int(counts.sum())),
            "latency_ms": pa.array(_each(records, "latency_ms", counts)),
            "probability": pa.array(
                np.concatenate([r.answer.probability for r in records]).astype(np.float64)
            ),
            "predicted": pa.array(np.concatenate([r.answer.predicted for r in records])),
        }
        return pa.table(columns | {name: self._column(name, records) for name in self.names})

    def _column(self, name: str, records: Sequence[LogRecord]) -> pa.Array:
        kind = self.contract.kinds.get(name)
        if kind is None:
            return self._carried(name, records)
        place = self.contract.named(kind).index(name)
        if kind == "number":
            numbers = np.concatenate([r.columns.numbers[place] for r in records])
            return pa.array(numbers, mask=np.isnan(numbers))
        if kind == "category":
            texts = np.concatenate([r.columns.categories[place] for r in records])
            return pa.array(texts, type=pa.string(), mask=np.asarray(texts == "", dtype=bool))
        return pa.array(np.concatenate([r.columns.instants[place] for r in records])).cast(TYPE)

    def _carried(self, name: str, records: Sequence[LogRecord]) -> pa.Array:
        arrays = [r.columns.carried.get(name, pa.nulls(r.columns.rows)) for r in records]
        types = {array.type for array in arrays} - {pa.null()}
        if self.contract.carried[name] == "timestamp":
            types = {TYPE}
        # Clients that disagree on a key's type are written as text: no row is lost over it.
        wanted = types.pop() if len(types) == 1 else pa.string()
        return pa.concat_arrays([array.cast(wanted) for array in arrays])


def _each(records: Sequence[LogRecord], field: str, counts: Any) -> Any:
    return np.repeat(np.array([getattr(record, field) for record in records]), counts)


def _repeated(values: pa.Array, counts: Any) -> pa.Array:
    return pc.take(values, pa.array(np.repeat(np.arange(len(values)), counts)))
