"""Confidence intervals that resample blocks of time: rows of one day are not independent.

Blocks are drawn with replacement, as often as there are blocks; each draw weights every row by
how often its block came. The interval is the percentile interval of the draws, moved so that
their mean is the estimate (|.| in a calibration error grows under resampling), with the tails
widened for few blocks (Hesterberg 2015, "What teachers should know about the bootstrap",
expanded percentile interval): ten days would otherwise give 90% where 95% is promised. The move
can lead beyond what the metric can be, so the ends are kept within its bounds (those of a
difference are the width of the metric's own, either way); that takes no true value out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from components.core.tasks.metrics import Floats, Ints, Sample
from components.core.tasks.task import Metric

MIN_BLOCKS = 5
_UNDEFINED_SHARE = 0.05
_DAY_US = 86_400_000_000
_BLOCK_US = {"hour": _DAY_US // 24, "day": _DAY_US, "week": 7 * _DAY_US}
_MONDAY_US = 3 * _DAY_US  # 1970-01-01 was a Thursday


@dataclass(frozen=True)
class ConfidenceInterval:
    """A metric, or the difference of two, with its interval and the blocks that it rests on."""

    estimate: float
    low: float
    high: float
    blocks: int


def blocks_of(event_time: NDArray[np.datetime64], block: str) -> Ints:
    """int64 [n]: a number that instants of one ``hour``, ``day`` or ``week`` (from Monday) share.

    Args:
        event_time: datetime64 [n], UTC.
        block: Which of the three.
    """
    instants = event_time.astype("datetime64[us]").astype(np.int64)
    moved = instants + _MONDAY_US if block == "week" else instants
    blocks: Ints = moved // _BLOCK_US[block]
    return blocks


def block_interval(
    metric: Metric,
    label: ArrayLike,
    prediction: ArrayLike,
    blocks: ArrayLike,
    *,
    resamples: int = 1_000,
    confidence: float = 0.95,
    seed: int = 17,
) -> ConfidenceInterval | None:
    """A metric with its interval; None if it is not defined or there are under 5 blocks.

    The arguments are those of `compare`.
    """
    sample = Sample.of(label, prediction)
    bootstrap = BlockBootstrap.of(blocks, resamples, seed)
    values = bootstrap.values(metric, sample)
    return bootstrap.interval(metric.of(sample), values, confidence, metric.bounds)


@dataclass(frozen=True)
class BlockBootstrap:
    """Blocks drawn with replacement, the same ones for everything that is to be compared.

    Attributes:
        block: int64 [n], the block of each row, numbered from 0 to B-1.
        drawn: float64 [r, B], how often each block is in each draw; no draws of under 5 blocks.
    """

    block: Ints
    drawn: Floats

    @classmethod
    def of(cls, blocks: ArrayLike, resamples: int, seed: int) -> "BlockBootstrap":
        """Draws as many blocks as there are, `resamples` times."""
        ids, block = np.unique(np.asarray(blocks).reshape(-1), return_inverse=True)
        if len(ids) < MIN_BLOCKS:
            return cls(block.reshape(-1), np.empty((0, len(ids))))
        random = np.random.Generator(np.random.PCG64(seed))
        drawn = random.multinomial(len(ids), np.full(len(ids), 1 / len(ids)), resamples)
        return cls(block.reshape(-1), drawn.astype(np.float64))

    def values(self, metric: Metric, sample: Sample) -> Floats:
        """float64 [r]; none where there are too few blocks or nothing to measure."""
        if len(self.block) != len(sample.label):
            raise ValueError(f"{len(self.block)} blocks for {len(sample.label)} rows")
        if not len(self.drawn) or not sample.is_usable:
            return np.empty(0)
        return metric.resample(sample, self.block, self.drawn)

    def interval(
        self,
        estimate: float | None,
        values: Floats,
        confidence: float,
        bounds: tuple[float, float],
    ) -> ConfidenceInterval | None:
        """The interval of an estimate from its values in each draw; None if there is none.

        Its ends lie within `bounds`, the least and the largest value that there can be.
        """
        if estimate is None or not len(values) or np.isnan(values).mean() > _UNDEFINED_SHARE:
            return None
        count = self.drawn.shape[1]
        tail = _tail(confidence, count)
        ends = np.nanquantile(values, (tail, 1 - tail)) + estimate - np.nanmean(values)
        low, high = np.clip(ends, *bounds)
        # A very skewed sample could leave its own estimate outside.
        return ConfidenceInterval(
            estimate, min(float(low), estimate), max(float(high), estimate), count
        )


@dataclass(frozen=True)
class Comparison:
    """What several models score on the same rows; each mapping is model to metric name to number.

    Attributes:
        values: The metrics; None if undefined.
        intervals: Their intervals; None if there is none.
        differences: Each other model minus the one compared with, with its interval.
        rows: Rows measured.
        blocks: Blocks that they lie in.
    """

    values: Mapping[str, Mapping[str, float | None]]
    intervals: Mapping[str, Mapping[str, ConfidenceInterval | None]]
    differences: Mapping[str, Mapping[str, ConfidenceInterval | None]]
    rows: int
    blocks: int


def compare(
    metrics: Iterable[Metric],
    label: ArrayLike,
    predictions: Mapping[str, ArrayLike],
    blocks: ArrayLike,
    *,
    against: str | None = None,
    resamples: int = 1_000,
    confidence: float = 0.95,
    seed: int = 17,
) -> Comparison:
    """Measures models on the same draws of blocks.

    Args:
        metrics: Of the task.
        label: [n].
        predictions: Model to its predictions, each float [n].
        blocks: int [n], rows of one block share a number.
        against: The model that the others are compared with, if any.
        resamples: How often blocks are drawn.
        confidence: Of every interval.
        seed: Same seed, same intervals.
    """
    bootstrap = BlockBootstrap.of(blocks, resamples, seed)
    samples = {name: Sample.of(label, values) for name, values in predictions.items()}
    values: dict[str, dict[str, float | None]] = {name: {} for name in samples}
    intervals: dict[str, dict[str, ConfidenceInterval | None]] = {name: {} for name in samples}
    differences: dict[str, dict[str, ConfidenceInterval | None]] = {
        name: {} for name in samples if against is not None and name != against
    }
    for metric in metrics:
        drawn = {name: bootstrap.values(metric, sample) for name, sample in samples.items()}
        for name, sample in samples.items():
            value = values[name][metric.name] = metric.of(sample)
            intervals[name][metric.name] = bootstrap.interval(
                value, drawn[name], confidence, metric.bounds
            )
        width = metric.bounds[1] - metric.bounds[0]
        for name, found in differences.items():
            ours, theirs = values[name][metric.name], values[str(against)][metric.name]
            found[metric.name] = (
                None
                if ours is None or theirs is None
                else bootstrap.interval(
                    ours - theirs,
                    drawn[name] - drawn[str(against)],
                    confidence,
                    (-width, width),
                )
            )
    return Comparison(
        values, intervals, differences, len(bootstrap.block), bootstrap.drawn.shape[1]
    )


def t_quantile(level: float, freedom: int) -> float:
    """Student's t by the Cornish-Fisher expansion.

    Args:
        level: The share of the distribution below it; within 1% for 0.975 from 4 degrees of
            freedom on, for 0.8 from 2 on.
        freedom: Degrees of freedom.
    """
    z = NormalDist().inv_cdf(level)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


def _tail(confidence: float, blocks: int) -> float:
    """The share of draws beyond each end: that of a t interval of so few blocks."""
    wide = t_quantile((1 + confidence) / 2, blocks - 1) * np.sqrt(blocks / (blocks - 1))
    return 1 - NormalDist().cdf(float(wide))
