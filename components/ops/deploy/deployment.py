"""What deploy hands on: ``deployment.json`` to rollout, and a page to people."""

from pathlib import Path

from components.core.artifacts import DEPLOYMENT, ModelCard, Record
from components.core.plan import Champion, Plan
from components.core.verdict import Verdict
from components.ops.targets.protocol import name_of
from components.report.blocks import Banner
from components.report.page import build_page

STAGED, REFUSED = "staged", "refused"


class Deployment(Record):
    """A candidate that is staged and may be rolled out.

    Attributes:
        uri: Where its published model folder is; the digest is of that folder.
        champion: What served when it was staged; None if nothing did.
        address: The URL that clients use.
    """

    target: str
    model: str
    version: str
    uri: str
    digest: str
    champion: Champion | None
    address: str | None

    @classmethod
    def of(cls, folder: Path) -> "Deployment":
        """Reads the deployment of a deployment artifact."""
        return cls.read(folder / DEPLOYMENT)


def draw_report(verdict: Verdict, plan: Plan, card: ModelCard, address: str | None) -> str:
    """Draws the page that says whether a candidate may be rolled out."""
    return build_page(
        f"{plan.spec.name}: deploy",
        banner=Banner(
            verdict.decision, verdict.reason, "good" if verdict.decision == STAGED else "bad"
        ),
        about=card.version,
        as_of=plan.as_of,
        facts=(
            ("Candidate", card.version),
            ("Method", card.method),
            ("Trained on rows", card.rows),
            ("Champion of the plan", name_of(plan.champion)),
            ("Target", plan.spec.serving.target),
            ("Address of clients", address),
            ("Digest", verdict.digests.get("model")),
        ),
        findings=verdict.findings,
    )
