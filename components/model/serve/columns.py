"""The columns of a request, checked against what the model reads; shared by every protocol."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.core.artifacts import ModelCard
from components.model.serve.cells import read_category, read_keys, read_numbers
from components.model.serve.datatypes import ACCEPTED, KEY, SENTENCES, cell_types
from components.model.serve.instants import read_instants
from components.model.serve.refusal import Refusal, shown

_NAMED = 5


@dataclass(frozen=True, slots=True)
class Given:
    """A column as a request gives it.

    Attributes:
        cells: One value a row, as JSON types; None where it is missing.
        datatype: The v2 datatype; None for v1.
    """

    cells: Sequence[Any]
    datatype: str | None = None


@dataclass(frozen=True, slots=True)
class Columns:
    """The rows of a request, one array a kind, columns in the model's order.

    Attributes:
        rows: Their number, n.
        numbers: float64 [numbers, n], NaN where missing.
        categories: object (str) [categories, n], ``""`` where missing.
        instants: int64 microseconds since 1970 UTC [timestamps, n].
        carried: What the model does not read and the log keeps: key columns and the event time.
    """

    rows: int
    numbers: npt.NDArray[np.float64]
    categories: npt.NDArray[np.object_]
    instants: npt.NDArray[np.int64]
    carried: Mapping[str, pa.Array]


@dataclass(frozen=True)
class Contract:
    """What a model accepts.

    Attributes:
        kinds: Column to kind of what the model reads, in its order.
        carried: Column to kind (``key`` or ``timestamp``) of what is only logged.
        key: The key columns.
        most_rows: The most rows of one request.
    """

    kinds: Mapping[str, str]
    carried: Mapping[str, str]
    key: tuple[str, ...]
    most_rows: int

    @classmethod
    def of(cls, card: ModelCard, most_rows: int) -> Self:
        """The contract of a model."""
        kinds = {column.name: column.kind for column in card.columns}
        logged = dict.fromkeys((*card.key, card.event_time), KEY) | {card.event_time: "timestamp"}
        carried = {name: kind for name, kind in logged.items() if name not in kinds}
        return cls(kinds, carried, card.key, most_rows)

    def named(self, kind: str) -> tuple[str, ...]:
        """The model's columns of one kind, in its order."""
        return self._named[kind]

    @cached_property
    def _named(self) -> Mapping[str, tuple[str, ...]]:
        return {
            kind: tuple(name for name, given in self.kinds.items() if given == kind)
            for kind in ("number", "category", "timestamp")
        }

    def read(self, given: Mapping[str, Given], rows: int) -> Columns:
        """Checks and converts the columns of a request.

        Args:
            given: Name to column; each with `rows` cells.
            rows: At least 1.

        Raises:
            Refusal: A column or cell is missing, unknown or of a wrong type.
        """
        self.check_rows(rows)
        self.check_names(given)
        for name, column in given.items():
            self._check_types(name, column)
        categories = np.empty((len(self.named("category")), rows), dtype=np.object_)
        for place, name in enumerate(self.named("category")):
            categories[place] = read_category(given[name].cells)
        instants = np.empty((len(self.named("timestamp")), rows), dtype=np.int64)
        for place, name in enumerate(self.named("timestamp")):
            instants[place] = _complete(name, given[name].cells)
        numbers = read_numbers({n: given[n].cells for n in self.named("number")}, rows)
        return Columns(rows, numbers, categories, instants, self._carried(given))

    def check_rows(self, rows: int) -> None:
        """Refuses an empty batch and one that is too large."""
        if rows < 1:
            raise Refusal("the request", "no rows", "at least one row")
        if rows > self.most_rows:
            do = "Send several requests."
            raise Refusal("the request", f"{rows} rows", f"{self.most_rows} rows", do, 413)

    def check_names(self, names: Iterable[str], where: str = "the request") -> None:
        """Refuses columns that are missing or not known."""
        given = set(names)
        unknown: set[str] = given - self.kinds.keys() - self.carried.keys()
        missing = [name for name in self.kinds if name not in given]
        if not unknown and not missing:
            return
        accepted = ", ".join([*self.kinds, *(f"{name} (logged only)" for name in self.carried)])
        if unknown:
            first = [str(shown(name)) for name in sorted(unknown)[:_NAMED]]
            raise Refusal(where, first, accepted, self._near(first))
        do = f"Add {', '.join(missing)}; null says that a value is missing."
        raise Refusal(where, f"no {', '.join(missing)}", accepted, do)

    def rows_without_key(self, columns: Columns) -> int:
        """How many rows lack a part of their key: no label can ever be joined to them."""
        lacking = np.zeros(columns.rows, dtype=bool)
        for name in self.key:
            lacking |= self._is_null(name, columns)
        return int(lacking.sum())

    def _check_types(self, name: str, column: Given) -> None:
        kind = self.kinds.get(name) or self.carried[name]
        if column.datatype is not None and column.datatype not in ACCEPTED[kind]:
            accepted = ", ".join(sorted(ACCEPTED[kind]))
            raise Refusal(f"column {name}: datatype", shown(column.datatype), accepted)
        types = cell_types(kind, column.datatype)
        if not types.issuperset(map(type, column.cells)):
            row = next(i for i, cell in enumerate(column.cells) if type(cell) not in types)
            declared = f" (datatype {column.datatype})" if column.datatype else ""
            where = f"column {name}, row {row}"
            raise Refusal(where, shown(column.cells[row]), SENTENCES[kind] + declared)

    def _carried(self, given: Mapping[str, Given]) -> dict[str, pa.Array]:
        return {
            name: (read_keys if kind == KEY else read_instants)(name, given[name].cells)
            for name, kind in self.carried.items()
            if name in given
        }

    def _near(self, unknown: Iterable[str]) -> str:
        known = [*self.kinds, *self.carried]
        near = {name: get_close_matches(name, known, n=1) for name in unknown}
        return " ".join(f"Did you mean {n[0]} by {name}?" for name, n in near.items() if n)

    def _is_null(self, name: str, columns: Columns) -> npt.NDArray[np.bool_]:
        kind = self.kinds.get(name)
        if kind is None:
            array = columns.carried.get(name)
            return np.array([True]) if array is None else np.asarray(array.is_null())
        if kind == "timestamp":
            return np.array([False])
        place = self.named(kind).index(name)
        lacking: npt.NDArray[np.bool_] = (
            np.isnan(columns.numbers[place])
            if kind == "number"
            else columns.categories[place] == ""
        )
        return lacking


def _complete(name: str, cells: Sequence[Any]) -> npt.NDArray[np.int64]:
    if None in cells:
        raise Refusal(f"column {name}, row {cells.index(None)}", None, SENTENCES["timestamp"])
    micros: npt.NDArray[np.int64] = read_instants(name, cells).cast(pa.int64()).to_numpy()
    return micros
