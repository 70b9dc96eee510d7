"""What a task is: its metrics with their directions, its curves and its calibration."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from components.core.tasks.curves import Bins, Curve
from components.core.tasks.sample import Floats, Ints, Sample


@dataclass(frozen=True)
class Metric:
    """One number about labelled predictions.

    Attributes:
        name: As specs and verdicts call it, such as ``log_loss``.
        label: As reports call it, such as ``log loss``.
        higher_is_better: None: neither direction is better, as for a rate.
        measure: The number of a usable sample; NaN where it is not defined.
        resample: The numbers of weighted copies of a sample: from the sample, the block of each
            row (int64 [n], 0 to B-1) and how often each block is drawn (float64 [r, B]) to
            float64 [r], NaN where not defined.
    """

    name: str
    label: str
    higher_is_better: bool | None
    measure: Callable[[Sample], float]
    resample: Callable[[Sample, Ints, Floats], Floats]

    def __call__(
        self, label: ArrayLike, prediction: ArrayLike, weight: ArrayLike | None = None
    ) -> float | None:
        """The metric; None where it is not defined: no rows, one class only, not finite."""
        return self.of(Sample.of(label, prediction, weight))

    def of(self, sample: Sample) -> float | None:
        """The metric of a sample; None where it is not defined."""
        value = self.measure(sample) if sample.is_usable else np.nan
        return float(value) if np.isfinite(value) else None

    def reaches(self, value: float | None, floor: float) -> bool:
        """Whether a value is at least as good as a floor; a value that is not defined is not."""
        if value is None or self.higher_is_better is None:
            return False
        return value >= floor if self.higher_is_better else value <= floor


@dataclass(frozen=True)
class Task:
    """A kind of answer.

    Attributes:
        name: As the spec calls it.
        metrics: Name to metric, the most telling first.
        curves: Name to a curve of labels and predictions, thinned for drawing.
        calibration: Bins of equal mass of labels and predictions; the third argument is their
            number.
        confusion: Rows by true class (outer) and predicted class; the third argument is the
            threshold.
        decisive: The metric that chooses between two models that are both good enough.
        ranking: The metric, 1 at best and 0.5 by chance, of how well an order tells the answer;
            what one column alone reaches of it shows a leak.
        headline: The metrics of sentences and of tables over time, the most telling first.
        level: The metric, without a better direction, of what is predicted on average.
        rate: The same of what came true.
        unwatched: Metrics that follow the rate, so that monitoring judges them only where the spec
            gives a limit.
    """

    name: str
    metrics: Mapping[str, Metric]
    curves: Mapping[str, Callable[[ArrayLike, ArrayLike], Curve | None]]
    calibration: Callable[[ArrayLike, ArrayLike, int], Bins | None]
    confusion: Callable[[ArrayLike, ArrayLike, float], tuple[tuple[int, ...], ...]]
    decisive: str
    ranking: str
    headline: tuple[str, ...]
    level: str
    rate: str
    unwatched: frozenset[str] = frozenset()

    @property
    def judged(self) -> Mapping[str, Metric]:
        """The metrics that have a better direction, so that a gate can use them."""
        return {n: m for n, m in self.metrics.items() if m.higher_is_better is not None}
