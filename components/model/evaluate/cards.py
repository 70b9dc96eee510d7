"""What is written down about the models that were compared."""

from collections.abc import Mapping

from components.core.artifacts import ModelCard
from components.core.plan import Plan
from components.core.tasks import Comparison
from components.model.evaluate.contenders import RECALIBRATED, RETRAINED
from components.model.evaluate.lineup import LineUp


def recalibrated_card(
    field: LineUp, comparisons: Mapping[str, Comparison], plan: Plan, run: str
) -> ModelCard:
    """The card of the champion recalibrated: its weights and columns, but this run's data."""
    made, retrained = field.contenders[RECALIBRATED], field.contenders[RETRAINED]
    digests = {**made.folder.card.digests, **plan.digests, "plan": plan.digest}
    if "examples" in retrained.folder.card.digests:
        digests["examples"] = retrained.folder.card.digests["examples"]
    if plan.champion is not None:
        digests["champion"] = plan.champion.digest
    measured = {
        holdout: {n: v for n, v in c.values[RECALIBRATED].items() if v is not None}
        for holdout, c in comparisons.items()
    }
    return made.folder.card.model_copy(
        update={
            "version": made.version,
            "method": RECALIBRATED,
            "as_of": plan.as_of,
            "run": run,
            "digests": digests,
            "metrics": measured,
            "rows": made.calibration.rows if made.calibration else 0,
        }
    )


def facts_of(field: LineUp, plan: Plan) -> tuple[tuple[str, object], ...]:
    """What was compared, and how, for the report."""
    gates = plan.spec.gates
    facts: list[tuple[str, object]] = [
        (name, contender.version) for name, contender in field.contenders.items()
    ]
    again = field.contenders.get(RECALIBRATED)
    if again and again.calibration:
        fitted = again.calibration
        numbers = f"scale {fitted.scale:.3f}, offset {fitted.offset:+.3f}"
        facts.append(("recalibration", f"{numbers}, fitted on {fitted.rows:,} rows"))
    facts += [
        ("as of", plan.as_of),
        ("intervals", f"{gates.confidence:.0%}, {gates.resamples:,} draws of a {gates.block}"),
    ]
    return tuple(facts)
