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
from components.model.serve import parsers
from components.model.serve.parsers import KEY, InvalidInput, abbreviate

_MAX_NAMED = 5


@dataclass(frozen=True, slots=True)
class RawColumn:
    """A column as a request has it: a JSON value a row, None if missing; v1 has no datatype."""

    cells: Sequence[Any]
    datatype: str | None = None


@dataclass(frozen=True, slots=True)
class InputColumns:
    """The n rows of a request, one array for each kind, columns in the model's order.

    Attributes:
        rows: n.
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
    """What a model accepts, at most `max_rows` rows in a request.

    `kinds` are column to kind of what the model reads, in its order, `passthrough` the same of what
    is only logged: keys and timestamps. `key` are the key columns.
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
            categories[place] = parsers.parse_category(raw[name].cells, raw[name].datatype)
        timestamps = np.empty((len(self.names["timestamp"]), rows), dtype=np.int64)
        for place, name in enumerate(self.names["timestamp"]):
            cells = raw[name].cells
            if None in cells:
                where = f"column {name}, row {cells.index(None)}"
                raise InvalidInput(where, None, parsers.ACCEPTED_CELLS["timestamp"])
            timestamps[place] = parsers.parse_timestamps(name, cells).cast(pa.int64()).to_numpy()
        numbers = parsers.parse_numbers({n: raw[n].cells for n in self.names["number"]}, rows)
        passthrough = {
            name: (parsers.parse_keys if kind == KEY else parsers.parse_timestamps)(
                name, raw[name].cells
            )
            for name, kind in self.passthrough.items()
            if name in raw
        }
        return InputColumns(rows, numbers, categories, timestamps, passthrough)

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
            known = [*self.kinds, *self.passthrough]
            near = {name: get_close_matches(name, known, n=1) for name in first}
            do = " ".join(f"Did you mean {n[0]} by {name}?" for name, n in near.items() if n)
            raise InvalidInput(where, first, accepted, do)
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
        if column.datatype is not None and column.datatype not in parsers.DATATYPES[kind]:
            accepted = ", ".join(sorted(parsers.DATATYPES[kind]))
            raise InvalidInput(f"column {name}: datatype", abbreviate(column.datatype), accepted)
        types = parsers.cell_types(kind, column.datatype)
        if not types.issuperset(map(type, column.cells)):
            row = next(i for i, cell in enumerate(column.cells) if type(cell) not in types)
            declared = f" (datatype {column.datatype})" if column.datatype else ""
            where, accepted = f"column {name}, row {row}", parsers.ACCEPTED_CELLS[kind] + declared
            raise InvalidInput(where, abbreviate(column.cells[row]), accepted)
