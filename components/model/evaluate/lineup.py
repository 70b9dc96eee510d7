"""Who competes: the retrained model, the champion, and the champion recalibrated."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from components.core.plan import Champion, Plan
from components.core.spans import parse_instant
from components.core.verdict import Finding
from components.model.evaluate.champion import Unreadable
from components.model.evaluate.conditions import champion_condition, no_recalibration
from components.model.evaluate.contenders import (
    CHAMPION,
    Contender,
    is_recalibratable,
    load_champion,
    load_retrained,
)
from components.model.evaluate.contest import Probabilities
from components.model.evaluate.holdouts import Labelled, read_newest
from components.model.evaluate.recalibration import LEAST_ROWS, NEWEST, fit, newest_rows


@dataclass(frozen=True)
class LineUp:
    """The contenders, their answers, and what stands in the way of a comparison.

    Attributes:
        contenders: Those that there are, the champion first.
        probabilities: Contender to holdout to float64 [n].
        conditions: Findings about the comparison itself.
    """

    contenders: Mapping[str, Contender]
    probabilities: Mapping[str, Probabilities]
    conditions: tuple[Finding, ...]


def line_up(
    plan: Plan, examples: Path, model: Path, holdouts: Mapping[str, Labelled], scratch: Path
) -> LineUp:
    """Loads who competes and asks everyone about the holdouts.

    Args:
        plan: The plan, which names the champion.
        examples: The examples, whose newest training rows recalibrate the champion.
        model: The retrained model's folder.
        holdouts: Holdout to its rows.
        scratch: A folder for a copy of a remote champion.
    """
    retrained = load_retrained(model)
    opened = _champion(plan.champion, holdouts, scratch)
    condition = champion_condition(plan, opened if isinstance(opened, Unreadable) else None)
    if opened is None or isinstance(opened, Unreadable):
        return _asked((retrained,), holdouts, (condition,))
    again = _recalibrated(opened, plan, examples)
    if isinstance(again, Finding):
        return _asked((opened, retrained), holdouts, (condition, again))
    return _asked((opened, retrained, again), holdouts, (condition,))


def _champion(
    champion: Champion | None, holdouts: Mapping[str, Labelled], scratch: Path
) -> Contender | Unreadable | None:
    if champion is None:
        return None
    rows = max((part.rows for part in holdouts.values()), key=lambda rows: int(rows.num_rows))
    return load_champion(champion, rows, scratch)


def _recalibrated(champion: Contender, plan: Plan, examples: Path) -> Contender | Finding:
    """Fitted on the newest training rows: never on a holdout."""
    if not is_recalibratable(champion):
        return no_recalibration("its SavedModel carries no calibration that could be changed")
    newest = read_newest(examples, plan.spec, NEWEST, LEAST_ROWS)
    chosen = newest_rows(newest.event_time, parse_instant(champion.folder.card.as_of))
    probability = champion.predict(newest.rows.take(chosen))
    calibration = fit(probability, newest.label[chosen])
    if calibration is None:
        return no_recalibration(f"{len(chosen)} newest training rows give no sound fit")
    return champion.recalibrated(calibration, f"{plan.version}-c")


def _asked(
    contenders: tuple[Contender, ...],
    holdouts: Mapping[str, Labelled],
    conditions: tuple[Finding, ...],
) -> LineUp:
    answers: dict[str, Probabilities] = {}
    for one in contenders:
        if one.calibration is None:
            answers[one.name] = {name: one.predict(part.rows) for name, part in holdouts.items()}
        else:  # the champion has been asked before
            said = answers[CHAMPION].items()
            answers[one.name] = {name: one.calibration.apply(p) for name, p in said}
    return LineUp({c.name: c for c in contenders}, answers, conditions)
