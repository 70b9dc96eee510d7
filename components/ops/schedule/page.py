"""The page that says what watches a model from now on."""

from components.core.report import Banner, Facts, Page, Tone, render
from components.ops.schedule.recurrence import Wanted

_TONES: dict[str, Tone] = {"scheduled": "good", "unchanged": "good", "skipped": "warn"}


def page_of(wanted: Wanted, as_of: str, decision: str, reason: str) -> str:
    """The page as one HTML file.

    Args:
        wanted: The recurring run.
        as_of: The instant of the run that wants it (ISO).
        decision: ``scheduled``, ``unchanged`` or ``skipped``.
        reason: Why, in one sentence.
    """
    said = wanted.model_dump(mode="json")
    facts = Facts([(name, value) for name, value in said.items() if value != ""])
    blocks = (Banner(decision, reason, _TONES[decision]), facts)
    return render(Page(f"{wanted.name}: the recurring monitoring run", f"as of {as_of}", blocks))
