"""The page that says whether a candidate may be rolled out."""

from components.core.artifacts import ModelCard
from components.core.plan import Plan
from components.core.spans import format_instant
from components.core.verdict import Verdict
from components.ops.targets.protocol import name_of
from components.report.blocks import Banner, Section
from components.report.page import Page, render
from components.report.tables import Facts, Findings
from components.report.text import Tone

STAGED = "staged"


def draw_report(verdict: Verdict, plan: Plan, card: ModelCard, address: str | None) -> str:
    """Draws the page.

    Args:
        verdict: The decision.
        plan: The plan of the run.
        card: The candidate.
        address: The URL that clients use.

    Returns:
        HTML that needs nothing else.
    """
    facts = Facts(
        (
            ("Candidate", card.version),
            ("Method", card.method),
            ("Trained on rows", card.rows),
            ("Champion of the plan", name_of(plan.champion)),
            ("Target", plan.spec.serving.target),
            ("Address of clients", address),
            ("Digest", verdict.digests.get("model")),
        )
    )
    text = (
        "Before any client meets the candidate, its own server is asked for the golden rows, for "
        "single rows, and for what it must refuse."
    )
    tone: Tone = "good" if verdict.decision == STAGED else "bad"
    return render(
        Page(
            f"{plan.spec.name}: deploy",
            f"{card.version} as of {format_instant(plan.as_of)}",
            (
                Banner(verdict.decision, verdict.reason, tone),
                facts,
                Section("What was tried", text, (Findings(verdict.findings),)),
            ),
        )
    )
