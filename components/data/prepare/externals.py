"""Outside sources, ready to be joined: rules applied, and cut to what a span can see."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.core.artifacts import SourceState
from components.core.plan import Plan
from components.core.spans import Span, format_instant, parse_instant
from components.core.spec import External
from components.data.prepare.files import digest_rows
from components.data.prepare.instants import microseconds, of_delta, of_instant, to_instant
from components.data.prepare.joins import repeated_keys
from components.data.prepare.refusals import Bools, refuse_values
from components.data.prepare.wanted import rules_of


@dataclass(frozen=True)
class Outside:
    """One outside source.

    Attributes:
        name: Its name in the spec.
        source: What the spec says of it.
        table: Its rows, refused values null; a history by time, without rows that have none.
        refused: Rule text to the rows whose value it refused, shape [rows].
    """

    name: str
    source: External
    table: pa.Table
    refused: Mapping[str, Bools]

    def rows_for(self, span: Span) -> pa.Table:
        """The rows that an example of the span could be joined with."""
        if self.source.event_time is None:
            return self.table
        first = 0
        if self.source.max_age is not None:
            oldest = of_instant(span.start) - of_delta(self.source.max_age)
            first = int(np.searchsorted(self._times, oldest))
        newest = of_instant(span.end) - of_delta(self.source.known_after)
        return self.table.slice(first, int(np.searchsorted(self._times, newest)) - first)

    def digest_for(self, rows: pa.Table) -> str:
        """Names rows that `rows_for` gave; a static table is named once."""
        return self._digest if self.source.event_time is None else digest_rows(rows)

    def refused_in(self, span: Span, is_first: bool) -> dict[str, int]:
        """Rule text to the values refused whose time lies in the span.

        A static table has no time: what was refused in it counts with the first span.
        """
        if self.source.event_time is None:
            return {text: int(mask.sum()) * is_first for text, mask in self.refused.items()}
        first, end = np.searchsorted(self._times, [of_instant(span.start), of_instant(span.end)])
        return {text: int(mask[first:end].sum()) for text, mask in self.refused.items()}

    def state(self, as_of: str, future_rows: int) -> SourceState:
        """What lineage says of the source as of an instant."""
        columns = list(self.source.on)
        newest = None
        if self.source.event_time is not None:
            columns.append(self.source.event_time)
            latest = of_instant(parse_instant(as_of)) - of_delta(self.source.known_after)
            known = self._times[: np.searchsorted(self._times, latest, side="right")]
            newest = format_instant(to_instant(int(known[-1]))) if len(known) else None
        repeated = repeated_keys([self.table[column] for column in columns])
        return SourceState(
            name=self.name, newest=newest, future_rows=future_rows, duplicates=repeated
        )

    @cached_property
    def _times(self) -> npt.NDArray[np.int64]:
        return microseconds(self.table[self.source.event_time])

    @cached_property
    def _digest(self) -> str:
        return digest_rows(self.table)


def outside_source(plan: Plan, name: str, table: pa.Table) -> Outside:
    """Applies the spec's rules to a source.

    A `change` follows the source's whole history, so that what is refused does not depend on
    the span that is prepared.
    """
    source = plan.spec.data.external[name]
    if source.event_time is not None:
        table = table.filter(pc.is_valid(table[source.event_time])).sort_by(source.event_time)
    refused = refuse_values(table, rules_of(plan.spec, name), source.event_time)
    return Outside(name, source, refused.table.combine_chunks(), refused.masks)
