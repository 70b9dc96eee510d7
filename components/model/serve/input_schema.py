"""The columns that a model accepts, and the check of a request against them.

Both protocols bring a request here as `RawColumn`s by name. `InputSchema.parse` rejects columns
and cells that are missing, unknown or of a wrong type, and converts the rest to `InputColumns`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.core.artifacts import ModelCard
from components.model.serve.errors import InvalidInput, abbreviate
from components.model.serve.parsers import (
    ACCEPTED_CELLS,
    DATATYPES,
    KEY,
    cell_types,
    parse_category,
    parse_keys,
    parse_numbers,
    parse_timestamps,
)

_MAX_NAMED = 5


@dataclass(frozen=True, slots=True)
class RawColumn:
    """A column as a request has it.

    Attributes:
        cells: One JSON value a row; None where it is missing.
        datatype: The v2 datatype; None for v1.
    """

    cells: Sequence[Any]
    datatype: str | None = None


@dataclass(frozen=True, slots=True)
class InputColumns:
    """The rows of a request, one array for each kind, columns in the model's order.

    Attributes:
        rows: Their number, n.
        numbers: float64 [numbers, n], NaN where missing.
        categories: object (str) [categories, n], ``""`` where missing.
        timestamps: int64 microseconds since 1970 UTC [timestamps, n].
        passthrough: Name to array of what is only logged: key columns and the event time.
    """

    rows: int
    numbers: npt.NDArray[np.float64]
    categories: npt.NDArray[np.object_]
    timestamps: npt.NDArray[np.int64]
    passthrough: Mapping[str, pa.Array]


@dataclass(frozen=True)
class InputSchema:
    """What a model accepts.

    Attributes:
        kinds: Column to kind of what the model reads, in its order.
        passthrough: Column to kind (``key`` or ``timestamp``) of what is only logged.
        key: The key columns.
        max_rows: Rows of one request.
    """

    kinds: Mapping[str, str]
    passthrough: Mapping[str, str]
    key: tuple[str, ...]
    max_rows: int

    @classmethod
    def from_card(cls, card: ModelCard, max_rows: int) -> Self:
        """The schema of a model."""
        kinds = {column.name: column.kind for column in card.columns}
        logged = dict.fromkeys((*card.key, card.event_time), KEY) | {card.event_time: "timestamp"}
        passthrough = {name: kind for name, kind in logged.items() if name not in kinds}
        return cls(kinds, passthrough, card.key, max_rows)

    @cached_property
    def names(self) -> Mapping[str, tuple[str, ...]]:
        """Kind to the model's columns of that kind, in its order."""
        return {
            kind: tuple(name for name, given in self.kinds.items() if given == kind)
            for kind in ("number", "category", "timestamp")
        }

    def parse(self, raw: Mapping[str, RawColumn], rows: int) -> InputColumns:
        """Checks and converts the columns of a request, each with `rows` cells.

        Raises:
            InvalidInput: A column or cell is missing, unknown or of a wrong type.
        """
        self.check_rows(rows)
        self.check_names(raw)
        for name, column in raw.items():
            self._check_types(name, column)
        categories = np.empty((len(self.names["category"]), rows), dtype=np.object_)
        for place, name in enumerate(self.names["category"]):
            categories[place] = parse_category(raw[name].cells)
        timestamps = np.empty((len(self.names["timestamp"]), rows), dtype=np.int64)
        for place, name in enumerate(self.names["timestamp"]):
            timestamps[place] = _complete_timestamps(name, raw[name].cells)
        numbers = parse_numbers({n: raw[n].cells for n in self.names["number"]}, rows)
        return InputColumns(rows, numbers, categories, timestamps, self._passthrough(raw))

    def check_rows(self, rows: int) -> None:
        """Rejects an empty request and one that is too large."""
        if rows < 1:
            raise InvalidInput("the request", "no rows", "at least one row")
        if rows > self.max_rows:
            do = "Send several requests."
            raise InvalidInput("the request", f"{rows} rows", f"{self.max_rows} rows", do, 413)

    def check_names(self, names: Iterable[str], where: str = "the request") -> None:
        """Rejects missing and unknown columns."""
        given = set(names)
        unknown: set[str] = given - self.kinds.keys() - self.passthrough.keys()
        missing = [name for name in self.kinds if name not in given]
        if not unknown and not missing:
            return
        logged = (f"{name} (logged only)" for name in self.passthrough)
        accepted = ", ".join([*self.kinds, *logged])
        if unknown:
            first = [str(abbreviate(name)) for name in sorted(unknown)[:_MAX_NAMED]]
            raise InvalidInput(where, first, accepted, self._suggestions(first))
        do = f"Add {', '.join(missing)}; null says that a value is missing."
        raise InvalidInput(where, f"no {', '.join(missing)}", accepted, do)

    def rows_without_key(self, columns: InputColumns) -> int:
        """How many rows lack a part of their key: no label can ever be joined to them."""
        lacking = np.zeros(columns.rows, dtype=bool)
        for name in self.key:
            kind = self.kinds.get(name)
            if kind is None:
                array = columns.passthrough.get(name)
                lacking |= True if array is None else np.asarray(array.is_null())
            elif kind == "number":
                lacking |= np.isnan(columns.numbers[self.names[kind].index(name)])
            elif kind == "category":
                lacking |= columns.categories[self.names[kind].index(name)] == ""
        return int(lacking.sum())

    def _check_types(self, name: str, column: RawColumn) -> None:
        kind = self.kinds.get(name) or self.passthrough[name]
        if column.datatype is not None and column.datatype not in DATATYPES[kind]:
            accepted = ", ".join(sorted(DATATYPES[kind]))
            raise InvalidInput(f"column {name}: datatype", abbreviate(column.datatype), accepted)
        types = cell_types(kind, column.datatype)
        if not types.issuperset(map(type, column.cells)):
            row = next(i for i, cell in enumerate(column.cells) if type(cell) not in types)
            declared = f" (datatype {column.datatype})" if column.datatype else ""
            where, accepted = f"column {name}, row {row}", ACCEPTED_CELLS[kind] + declared
            raise InvalidInput(where, abbreviate(column.cells[row]), accepted)

    def _passthrough(self, raw: Mapping[str, RawColumn]) -> dict[str, pa.Array]:
        return {
            name: (parse_keys if kind == KEY else parse_timestamps)(name, raw[name].cells)
            for name, kind in self.passthrough.items()
            if name in raw
        }

    def _suggestions(self, unknown: Iterable[str]) -> str:
        known = [*self.kinds, *self.passthrough]
        near = {name: get_close_matches(name, known, n=1) for name in unknown}
        return " ".join(f"Did you mean {n[0]} by {name}?" for name, n in near.items() if n)


def _complete_timestamps(name: str, cells: Sequence[Any]) -> npt.NDArray[np.int64]:
    if None in cells:
        where = f"column {name}, row {cells.index(None)}"
        raise InvalidInput(where, None, ACCEPTED_CELLS["timestamp"])
    micros: npt.NDArray[np.int64] = parse_timestamps(name, cells).cast(pa.int64()).to_numpy()
    return micros
