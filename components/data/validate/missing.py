"""Whether more of a column is missing in a span than the spans before it ever lacked."""

import numpy as np
import numpy.typing as npt

from components.data.validate.pieces import Pieces
from components.data.validate.shifts import EARLIER_SPANS, Shift

_FLOOR = 0.1  # of the rows: no smaller rise is judged
_PRESENT = 0.65  # of the least that earlier spans had; half a column missing lies below


def missing_shares(missing: npt.NDArray[np.bool_], pieces: Pieces) -> npt.NDArray[np.float64]:
    """Share of each span's rows without a value, float64 [spans]; NaN where it has no piece.

    Args:
        missing: In the order of the pieces' rows, bool [rows].
        pieces: How rows are cut; a piece counts for its newest span.
    """
    span = np.repeat(pieces.span, pieces.ends - pieces.starts)
    rows = np.bincount(span, minlength=len(pieces.names))
    lacking = np.bincount(span[missing], minlength=len(pieces.names))
    shares = np.full(len(rows), np.nan)
    np.divide(lacking, rows, out=shares, where=rows > 0)
    return shares


def gap_of(shares: npt.NDArray[np.float64], span: int) -> Shift | None:
    """The share missing in a span against what earlier spans allow; None with too few of them."""
    before = shares[:span][~np.isnan(shares[:span])]
    if len(before) < EARLIER_SPANS or np.isnan(shares[span]):
        return None
    most, least = before.max(), before.min()
    limit = min(most + max(_FLOOR, most - least), 1 - _PRESENT * (1 - most))
    return Shift("the share of its rows without a value is", float(shares[span]), float(limit))
