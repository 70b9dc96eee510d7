"""What no model could ever pass or use, told from the spec alone."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from pydantic_core import PydanticCustomError

from components.core.spans import shortest_length
from components.core.spec.base import field_error
from components.core.spec.training import Gates, Split, window_spans
from components.core.units import format_duration

if TYPE_CHECKING:
    from components.core.spec.spec import Spec

# The least blocks of an interval, and the best value of each metric: tests hold them to
# components.core.tasks, which measures and needs numpy.
MIN_BLOCKS = 5
BEST = {"auc": 1.0, "log_loss": 0.0, "brier": 0.0, "pr_auc": 1.0, "calibration_error": 0.0}
_DAY = timedelta(days=1)
_NONE = timedelta(0)
_BLOCKS = {"hour": timedelta(hours=1), "day": _DAY, "week": 7 * _DAY}


def most_blocks(recent: timedelta, block: str) -> int:
    """The most blocks that the recent holdout, which ends at a midnight, can have rows in.

    A week has its most when the holdout ends on a Tuesday's midnight, with one day of the newest.
    """
    length = _BLOCKS[block]
    if block == "week" and recent > _DAY:
        return 1 + -(-(recent - _DAY) // length)
    return -(-recent // length)


def check_attainable(spec: "Spec") -> None:
    """Checks that the gates can be passed, and that there can be rows to train on.

    Raises:
        PydanticCustomError: Not so, with the arithmetic.
    """
    problem = next(
        (p for p in (*_holdout(spec.split, spec.gates), *_training(spec), *_floors(spec))), None
    )
    if problem is not None:
        raise problem


def _holdout(split: Split, gates: Gates) -> Iterator[PydanticCustomError]:
    count = most_blocks(split.recent, gates.block)
    if count >= MIN_BLOCKS:
        return
    needed = MIN_BLOCKS * _BLOCKS[gates.block]
    if gates.block == "week":  # so many days touch five weeks, whatever the weekday
        needed = (MIN_BLOCKS - 1) * _BLOCKS["week"] + _DAY
    given = f"{format_duration(split.recent)}, in which at most {count} block(s) of a {gates.block}"
    yield field_error(
        "split.recent",
        f"{given} have rows, and a comparison with the champion needs {MIN_BLOCKS}",
        f"at least {format_duration(needed)} with gates.block: {gates.block}",
        "Lengthen split.recent, or choose a shorter gates.block.",
    )


def _training(spec: "Spec") -> Iterator[PydanticCustomError]:
    """Spans of one file follow each other; those of many files may have gaps, which reach back."""
    spans = window_spans(spec.window)
    if spans is None or spec.data.primary.placeholder is not None:
        return
    held_out = spec.label.known_after + spec.split.recent
    # Some months are up to three days longer than the shortest ones.
    longest = shortest_length(spec.data.span, spans) + (
        3 * _DAY if spec.data.span == "month" else _NONE
    )
    if longest <= held_out:
        text = f"{format_duration(spec.label.known_after)} + {format_duration(spec.split.recent)}"
        yield field_error(
            "window",
            f"{spec.window} of a {spec.data.span}, all of which label.known_after + split.recent "
            f"({text}) hold out, so that no row is left to train on",
            f"expanding, or more than {format_duration(held_out)}",
            "Lengthen window, or shorten split.recent.",
        )


def _floors(spec: "Spec") -> Iterator[PydanticCustomError]:
    """A floor beyond the best that the metric can be."""
    named: dict[str, Mapping[str, float]] = {"gates.floors": spec.gates.floors}
    named |= {f"gates.slices[{i}].floors": s.floors for i, s in enumerate(spec.gates.slices)}
    if not isinstance(spec.monitoring.thresholds, str):
        named["monitoring.thresholds"] = spec.monitoring.thresholds
    for place, floors in named.items():
        for metric, floor in floors.items():
            best = BEST.get(metric, floor)
            if (floor - best) * (1 if best else -1) > 0:
                side = "at most" if best else "at least"
                given = f"{floor:g}, and a perfect model has {best:g}"
                yield field_error(f"{place}.{metric}", given, f"{side} {best:g}")
