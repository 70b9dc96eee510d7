"""Instants as whole microseconds since 1970, the unit that joins compare in."""

from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.core.spans import parse_instant

_EPOCH = parse_instant("1970-01-01")
_MICROSECOND = timedelta(microseconds=1)


def of_instant(instant: datetime) -> int:
    """An instant in microseconds since 1970 UTC."""
    return (instant - _EPOCH) // _MICROSECOND


def of_delta(delta: timedelta) -> int:
    """A duration in microseconds."""
    return delta // _MICROSECOND


def to_instant(value_us: int) -> datetime:
    """The instant of microseconds since 1970 UTC."""
    return _EPOCH + value_us * _MICROSECOND


def microseconds(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """A timestamp[us, UTC] column without nulls as int64, shape [rows]."""
    flat = column.cast(pa.int64()).combine_chunks()
    values: npt.NDArray[np.int64] = flat.to_numpy(zero_copy_only=False)
    return values
