"""The page that says whether a candidate may be rolled out."""

from components.core.artifacts import ModelCard
from components.core.plan import Plan
from components.core.report import Banner, Facts, Findings, Page, Section, Tone, render
from components.core.verdict import Verdict
from components.ops.deploy.targets.protocol import name_of

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
            f"{card.version} as of {plan.as_of}",
            (
                Banner(verdict.decision, verdict.reason, tone),
                facts,
                Section("What was tried", text, (Findings(verdict.findings),)),
            ),
        )
    )
