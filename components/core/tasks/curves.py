"""Curves of few points and calibration bins, for drawing; metrics are never computed from these."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from components.core.tasks.metrics import CALIBRATION_BINS, Floats, Sample, equal_mass_bins

_POINTS = 120


@dataclass(frozen=True)
class Curve:
    """A curve with the threshold at each point.

    Attributes:
        x_label: What `x` is.
        y_label: What `y` is.
        x: Ascending, from 0 to 1.
        y: Of the same length.
        threshold: The probability from which a row counts as positive at the point.
    """

    x_label: str
    y_label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    threshold: tuple[float, ...]


@dataclass(frozen=True)
class Bins:
    """Mean probability, observed rate and rows of calibration bins, in order of probability."""

    mean: tuple[float, ...]
    rate: tuple[float, ...]
    rows: tuple[int, ...]


def roc_curve(label: ArrayLike, prediction: ArrayLike) -> Curve | None:
    """True against false positive rate; None if a class is missing."""
    counted = _counts(label, prediction)
    if counted is None or counted[1][-1] == 0:
        return None
    hits, misses, threshold = (
        np.concatenate(([edge], c)) for edge, c in zip((0, 0, 1), counted, strict=True)
    )
    return _curve(
        ("false positive rate", "true positive rate"),
        (misses / misses[-1], hits / hits[-1], threshold),
        misses / misses[-1] + hits / hits[-1],
    )


def precision_recall_curve(label: ArrayLike, prediction: ArrayLike) -> Curve | None:
    """Precision against recall; None if there is no positive row."""
    counted = _counts(label, prediction)
    if counted is None:
        return None
    hits, misses, threshold = counted
    recall = hits / hits[-1]
    return _curve(("recall", "precision"), (recall, hits / (hits + misses), threshold), recall)


def confusion(
    label: ArrayLike, prediction: ArrayLike, threshold: float
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Rows by true class (outer) and predicted class; from `threshold` on a row is positive."""
    sample = Sample.of(label, prediction)
    cell = 2 * (sample.label > 0) + (sample.prediction >= threshold)
    rows = np.bincount(cell, minlength=4).tolist()
    return (rows[0], rows[1]), (rows[2], rows[3])


def _counts(label: ArrayLike, prediction: ArrayLike) -> tuple[Floats, Floats, Floats] | None:
    """Positives and negatives found from each distinct probability on, the highest first."""
    sample = Sample.of(label, prediction)
    if not sample.is_usable or not sample.label.any():
        return None
    values, rank = np.unique(-sample.prediction, return_inverse=True)
    hits: Floats = np.cumsum(np.bincount(rank.reshape(-1), sample.label))
    misses: Floats = np.cumsum(np.bincount(rank.reshape(-1), 1 - sample.label))
    return hits, misses, -values


def _curve(labels: tuple[str, str], points: tuple[Floats, ...], along: Floats) -> Curve:
    """Keeps the points that are nearest to equal steps along the curve, and both ends."""
    steps = np.linspace(along[0], along[-1], _POINTS)
    kept = np.unique(np.clip(np.searchsorted(along, steps), 0, len(along) - 1))
    x, y, threshold = (tuple(column[kept].tolist()) for column in points)
    return Curve(*labels, x=x, y=y, threshold=threshold)


def calibration_bins(
    label: ArrayLike, prediction: ArrayLike, bins: int = CALIBRATION_BINS
) -> Bins | None:
    """Each bin's mean probability, observed rate and rows; None if there is nothing to bin."""
    sample = Sample.of(label, prediction)
    if not sample.is_usable:
        return None
    bin_of_row = equal_mass_bins(sample, bins)
    rows = np.bincount(bin_of_row, minlength=bins)
    held = rows > 0
    mean = np.bincount(bin_of_row, sample.prediction, bins)[held] / rows[held]
    rate = np.bincount(bin_of_row, sample.label, bins)[held] / rows[held]
    return Bins(tuple(mean.tolist()), tuple(rate.tolist()), tuple(rows[held].tolist()))
