"""The page that tells a rollout: every step, its numbers, and how it ended."""

from collections.abc import Sequence

from components.core.plan import Plan
from components.core.spans import format_instant
from components.core.verdict import Verdict
from components.ops.deploy.deployment import Deployment
from components.ops.rollout.canary import Move, Side
from components.ops.rollout.steps import Step
from components.ops.targets.protocol import name_of
from components.report.blocks import Banner, Block, Figure, Row, Section
from components.report.charts.bars import Bars, bar_chart
from components.report.page import Page, render
from components.report.tables import Facts, Findings, Table
from components.report.text import Tone

_TONES: dict[str, Tone] = {"promoted": "good", "rolled_back": "bad", "proposed": "neutral"}
_COLUMNS = (
    "Share",
    "Version",
    "Requests",
    "Errors",
    "p50 ms",
    "p99 ms",
    "Mean probability",
    "After s",
    "Judged",
)


def draw_report(verdict: Verdict, deployment: Deployment, steps: Sequence[Step], plan: Plan) -> str:
    """Draws the page.

    Args:
        verdict: The decision.
        deployment: The candidate.
        steps: The steps that were taken.
        plan: The plan of the run.

    Returns:
        HTML that needs nothing else.
    """
    facts = Facts(
        (
            ("Candidate", deployment.version),
            ("Champion before", name_of(deployment.champion)),
            ("Target", deployment.target),
            ("Address of clients", deployment.address),
            ("Digest", deployment.digest),
        )
    )
    blocks: list[Block] = [
        Banner(verdict.decision, verdict.reason, _TONES[verdict.decision]),
        facts,
    ]
    if steps:
        blocks.append(_steps(steps))
    if verdict.findings:
        blocks.append(Section("What was judged", "", (Findings(verdict.findings),)))
    subtitle = f"{deployment.version} as of {format_instant(plan.as_of)}"
    return render(Page(f"{deployment.model}: rollout", subtitle, blocks))


def _steps(steps: Sequence[Step]) -> Section:
    text = (
        "Each step gives the candidate a larger share of the live traffic, and ends when enough "
        "requests were answered to judge it. Errors, refusals and latency are counted where the "
        "requests are answered, probabilities come from the prediction log."
    )
    rows = [row for step in steps for row in _rows(step)]
    tones = [tone for step in steps for tone in (_tone(step), None)]
    table = Table(_COLUMNS, rows, "Steps", numeric=("After s",), tones=tones)
    return Section("Steps", text, (table, Row((_latency(steps), _answers(steps)))))


def _tone(step: Step) -> Tone:
    return "good" if step.judgement.move is Move.ON else "bad"


def _rows(step: Step) -> tuple[tuple[object, ...], tuple[object, ...]]:
    judged = (f"{step.seconds:.1f}", step.judgement.move.value)
    share = step.seen.share
    return (
        (f"{share:.0%}", "candidate", *_numbers(step.seen.candidate), *judged),
        (f"{1 - share:.0%}", "champion", *_numbers(step.seen.champion), None, ""),
    )


def _numbers(side: Side) -> tuple[object, ...]:
    traffic = side.traffic
    latency = (traffic.p50_ms, traffic.p99_ms)
    return (traffic.requests, traffic.errors, *latency, side.answers.mean)


def _latency(steps: Sequence[Step]) -> Figure:
    def medians(sides: Sequence[Side]) -> list[float | None]:
        return [side.traffic.p50_ms for side in sides]

    groups = (
        Bars("candidate", medians([s.seen.candidate for s in steps])),
        Bars("champion", medians([s.seen.champion for s in steps])),
    )
    svg = bar_chart(_shares(steps), groups, title="Median latency", y_label="ms", x_label="share")
    return Figure(svg, "Median latency of both versions at each step.")


def _answers(steps: Sequence[Step]) -> Figure:
    groups = (
        Bars("candidate", [s.seen.candidate.answers.mean for s in steps]),
        Bars("champion", [s.seen.champion.answers.mean for s in steps]),
    )
    title = "Mean probability"
    svg = bar_chart(_shares(steps), groups, title=title, y_label="probability", x_label="share")
    return Figure(svg, "Mean predicted probability of both versions at each step.")


def _shares(steps: Sequence[Step]) -> list[str]:
    return [f"{step.seen.share:.0%}" for step in steps]
