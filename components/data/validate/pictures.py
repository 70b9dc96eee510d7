"""How a column of the training rows and of the newest days looks, as charts."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.core.spec import FeatureKind
from components.report.charts.bars import Bars, bar_chart

_BINS = 12
_BARS = 10


def picture_of(name: str, kind: str, parts: Sequence[tuple[str, pa.ChunkedArray]]) -> str:
    """Draws a column's distribution in several parts of the data, side by side.

    Args:
        name: The column.
        kind: What it holds.
        parts: What each part is called, and its values.

    Returns:
        The SVG.
    """
    columns = [column for _, column in parts]
    classes, shares = _categories(columns) if kind == FeatureKind.CATEGORY else _numbers(columns)
    groups = [Bars(part, list(share)) for (part, _), share in zip(parts, shares, strict=True)]
    return bar_chart(classes, groups, title=name, y_label="share of values", width=420, height=260)


def _numbers(columns: Sequence[pa.ChunkedArray]) -> tuple[list[str], list[npt.NDArray[np.float64]]]:
    values = [column.drop_null().to_numpy().astype(np.float64) for column in columns]
    pooled = np.concatenate(values)
    if not len(pooled):
        return ["none"], [np.zeros(1) for _ in values]
    low, high = np.quantile(pooled, [0.005, 0.995])
    if low == high:
        return [f"{low:,.4g}"], [np.ones(1) * (len(v) > 0) for v in values]
    edges = np.linspace(low, high, _BINS + 1)
    # What lies beyond the outer half percents counts with the outermost bins.
    counts = [np.histogram(np.clip(v, edges[0], edges[-1]), edges)[0] for v in values]
    names = [f"{edge:,.4g}" for edge in edges[:-1]]
    return names, [count / max(count.sum(), 1) for count in counts]


def _categories(
    columns: Sequence[pa.ChunkedArray],
) -> tuple[list[str], list[npt.NDArray[np.float64]]]:
    joined = pa.chunked_array([c for column in columns for c in column.chunks], type=pa.string())
    encoded = joined.combine_chunks().dictionary_encode()
    names = encoded.dictionary.to_pylist()
    codes = encoded.indices.fill_null(len(names)).to_numpy(zero_copy_only=False)
    ends = np.cumsum([len(column) for column in columns])[:-1]
    counts = [np.bincount(p, minlength=len(names) + 1)[:-1] for p in np.split(codes, ends)]
    order = sorted(range(len(names)), key=lambda i: (-counts[0][i], names[i]))[:_BARS]
    return [names[i] for i in order], [count[order] / max(count.sum(), 1) for count in counts]
