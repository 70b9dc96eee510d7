"""Cutting the examples of a span into training rows and the two holdouts."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.core.artifacts import SplitName
from components.core.plan import Windows
from components.core.spans import TimeInterval
from components.data.prepare.instants import microseconds, of_instant


def cut(
    examples: pa.Table, event_time: str, label: str, windows: Windows
) -> Mapping[SplitName, pa.Table]:
    """The labelled rows of each split, in the order that they had.

    Args:
        examples: Prepared examples.
        event_time: The column of their instants.
        label: The column of their answers; a row without one is in no split.
        windows: Which instants belong to which split.
    """
    labelled = examples.filter(pc.is_valid(examples[label]))
    times = microseconds(labelled[event_time])
    parts = {
        SplitName.TRAIN: windows.train,
        SplitName.RECENT: windows.recent,
        SplitName.REFERENCE: windows.reference,
    }
    return {name: labelled.filter(_within(times, inside)) for name, inside in parts.items()}


def _within(times: np.ndarray, intervals: Sequence[TimeInterval]) -> pa.Array:
    mask = np.zeros(len(times), np.bool_)
    for interval in intervals:
        mask |= (times >= of_instant(interval.start)) & (times < of_instant(interval.end))
    return pa.array(mask)
