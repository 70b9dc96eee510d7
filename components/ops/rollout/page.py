"""The page of a rollout: how it ended, and every step with its measurements."""

from collections.abc import Callable, Sequence

from components.core.plan import Plan
from components.core.verdict import Verdict
from components.ops.deploy.deployment import Deployment
from components.ops.rollout.canary import Decision, VersionStats
from components.ops.rollout.steps import CanaryStep
from components.ops.targets.protocol import name_of
from components.report.blocks import Banner, Figure, Row, Section, Table
from components.report.charts import Bars, bar_chart
from components.report.page import build_page
from components.report.text import Tone

_TONES: dict[str, Tone] = {"promoted": "good", "rolled_back": "bad", "proposed": "neutral"}
_Measure = Callable[[VersionStats], float | None]
_TRAFFIC = ("Share", "Version", "Requests", "Errors", "p50 ms", "p99 ms")
_COLUMNS = (*_TRAFFIC, "Mean probability", "After s", "Decision")


def draw_report(
    verdict: Verdict, deployment: Deployment, steps: Sequence[CanaryStep], plan: Plan
) -> str:
    """Draws the page."""
    return build_page(
        f"{deployment.model}: rollout",
        banner=Banner(verdict.decision, verdict.reason, _TONES[verdict.decision]),
        about=deployment.version,
        as_of=plan.as_of,
        facts=(
            ("Candidate", deployment.version),
            ("Champion before", name_of(deployment.champion)),
            ("Target", deployment.target),
            ("Address of clients", deployment.address),
            ("Digest", deployment.digest),
        ),
        findings=verdict.findings or None,
        blocks=(_steps(steps),) if steps else (),
    )


def _steps(steps: Sequence[CanaryStep]) -> Section:
    text = (
        "Each step gives the candidate a larger share of the live traffic, and ends when enough "
        "requests were answered to assess it. Errors, refusals and latency are counted where the "
        "requests are answered; probabilities come from the prediction log."
    )
    rows = [row for step in steps for row in _rows(step)]
    tones = [tone for step in steps for tone in (_tone(step), None)]
    table = Table(_COLUMNS, rows, "Steps", numeric=("After s",), tones=tones)
    latency = _chart(
        steps, "Median latency", "ms", "Median latency", lambda stats: stats.traffic.p50_ms
    )
    title, subject = "Mean probability", "Mean predicted probability"
    predictions = _chart(steps, title, "probability", subject, lambda stats: stats.predictions.mean)
    return Section("Steps", text, (table, Row((latency, predictions))))


def _tone(step: CanaryStep) -> Tone:
    return "good" if step.assessment.decision is Decision.ADVANCE else "bad"


def _rows(step: CanaryStep) -> tuple[tuple[object, ...], tuple[object, ...]]:
    decided = (f"{step.seconds:.1f}", step.assessment.decision.value)
    share = step.analysis.share
    return (
        (f"{share:.0%}", "candidate", *_numbers(step.analysis.candidate), *decided),
        (f"{1 - share:.0%}", "champion", *_numbers(step.analysis.champion), None, ""),
    )


def _numbers(stats: VersionStats) -> tuple[object, ...]:
    traffic = stats.traffic
    latency = (traffic.p50_ms, traffic.p99_ms)
    return (traffic.requests, traffic.errors, *latency, stats.predictions.mean)


def _chart(
    steps: Sequence[CanaryStep], title: str, unit: str, subject: str, value: _Measure
) -> Figure:
    groups = (
        Bars("candidate", [value(step.analysis.candidate) for step in steps]),
        Bars("champion", [value(step.analysis.champion) for step in steps]),
    )
    shares = [f"{step.analysis.share:.0%}" for step in steps]
    svg = bar_chart(shares, groups, title=title, y_label=unit, x_label="share")
    return Figure(svg, f"{subject} of both versions at each step.")
