"""Whether a probability of 0.3 comes true three times in ten, measured in bins of equal mass."""

import numpy as np
from numpy.typing import ArrayLike

from components.core.tasks.curves import Bins
from components.core.tasks.means import quotient
from components.core.tasks.sample import Floats, Ints, Sample

BINS = 10


def calibration_error(sample: Sample, bins: int = BINS) -> float:
    """Expected calibration error: mean over bins of |mean probability - observed rate|."""
    bin_of_row = _bins(sample, bins)
    gaps = np.bincount(bin_of_row, sample.weight * (sample.prediction - sample.label), bins)
    return float(np.abs(gaps).sum() / sample.weight.sum())


def resampled_calibration_error(sample: Sample, block: Ints, drawn: Floats) -> Floats:
    """The same when blocks are drawn again; the bins stay those of the sample itself."""
    count = drawn.shape[1]
    cell = _bins(sample, BINS) * count + block
    gaps = np.bincount(cell, sample.weight * (sample.prediction - sample.label), BINS * count)
    totals = np.abs(drawn @ gaps.reshape(BINS, count).T).sum(axis=1)
    return quotient(totals, drawn @ np.bincount(block, sample.weight, count))


def calibration_bins(label: ArrayLike, prediction: ArrayLike, bins: int = BINS) -> Bins | None:
    """Each bin's mean probability, observed rate and rows; None where there is nothing to bin."""
    sample = Sample.of(label, prediction)
    if not sample.is_usable:
        return None
    bin_of_row = _bins(sample, bins)
    rows = np.bincount(bin_of_row, minlength=bins)
    held = rows > 0
    mean = np.bincount(bin_of_row, sample.prediction, bins)[held] / rows[held]
    rate = np.bincount(bin_of_row, sample.label, bins)[held] / rows[held]
    return Bins(tuple(mean.tolist()), tuple(rate.tolist()), tuple(rows[held].tolist()))


def _bins(sample: Sample, bins: int) -> Ints:
    """int64 [n]: the bin of each row by the middle of its probability's share of the mass.

    Equal probabilities share a bin, so that the order of the rows does not matter.
    """
    mass = np.bincount(sample.rank, sample.weight)
    middle = np.cumsum(mass) - mass / 2
    bin_of_value = np.minimum((middle / mass.sum() * bins).astype(np.int64), bins - 1)
    result: Ints = bin_of_value[sample.rank]
    return result
