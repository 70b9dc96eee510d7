"""Blocks of time: what is held out together, because rows of one time are not independent."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.core.spans import SpanKind

MOST_BLOCKS = 6
_LEAST_MONTHS = 3
_LEAST_SHARE = 0.25


@dataclass(frozen=True)
class TimeBlock:
    """Rows of one time.

    Attributes:
        name: Its month, or its first day.
        rows: Positions, int64 [m], ascending.
    """

    name: str
    rows: NDArray[np.int64]


def blocks_of(times: NDArray[np.datetime64], span: SpanKind) -> tuple[TimeBlock, ...]:
    """Cuts the training rows into blocks to hold out, oldest first.

    Where the data is cut by month, a block is a month; of more than six, six are held out that
    lie evenly from the first to the last. Else the window is cut into six equal lengths of time.
    A block with under a quarter of the median block's rows is only trained on.

    Args:
        times: datetime64[us] [n], UTC.
        span: How the data is cut.
    """
    if not len(times):
        return ()
    blocks = _by_month(times) if span is SpanKind.MONTH else ()
    if len(blocks) < _LEAST_MONTHS:
        blocks = _by_length(times)
    least = _LEAST_SHARE * float(np.median([len(block.rows) for block in blocks]))
    large = [block for block in blocks if len(block.rows) >= least]
    chosen = np.linspace(0, len(large) - 1, min(MOST_BLOCKS, len(large))).round().astype(int)
    return tuple(large[i] for i in chosen)


def _by_month(times: NDArray[np.datetime64]) -> tuple[TimeBlock, ...]:
    months = times.astype("datetime64[M]")
    return tuple(TimeBlock(str(m), np.flatnonzero(months == m)) for m in np.unique(months))


def _by_length(times: NDArray[np.datetime64]) -> tuple[TimeBlock, ...]:
    instants = times.astype("datetime64[us]").astype(np.int64)
    first = instants.min()
    length = -(-(instants.max() - first + 1) // MOST_BLOCKS)
    part = (instants - first) // length
    found = []
    for index in np.unique(part):
        start = np.datetime64(int(first + index * length), "us").astype("datetime64[m]")
        found.append(TimeBlock(str(start), np.flatnonzero(part == index)))
    return tuple(found)
