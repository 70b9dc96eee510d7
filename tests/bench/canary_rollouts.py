"""Seeded simulation of whole canary rollouts: how often twins and defects go back.

Traffic arrives in small parts, and every part is looked at, as a rollout does. Latency is
lognormal; predictions follow a beta distribution. The counters are those of the product.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from components.core.artifacts import LATENCY_BOUNDS_MS, SERVER_LATENCY_BOUNDS_MS
from components.core.spec.operation import Canary
from components.ops.rollout.canary import (
    CanaryAnalysis,
    Decision,
    PredictionStats,
    VersionStats,
    assess_canary,
)
from components.ops.rollout.sequential_test import FALSE_ALARM
from components.ops.targets.protocol import Traffic
from tests.bench.ledger import result

MEDIAN_MS, SPREAD = 10.0, 0.5
BETA = (2.0, 6.0)  # a mean of 0.25, a standard deviation of 0.14
PART, LATER_PART = 5, 25  # requests to the candidate between two looks; from 500 on
PROMISED_MISS = 0.05
ENOUGH = 20_000  # requests to the candidate in a step before its timeout
ROLLOUTS = 1_000


@dataclass(frozen=True)
class Version:
    """What a version does: rates of 5xx and 4xx, its latency, an offset of its predictions."""

    errors: float = 0.0
    refused: float = 0.0
    slowdown: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True)
class Scenario:
    """A champion and a candidate; `spread` is the standard deviation of log latency."""

    name: str
    champion: Version
    candidate: Version
    spread: float = SPREAD
    is_coarse: bool = False  # buckets as a server exports them


@dataclass(frozen=True)
class Ended:
    """How a rollout ended, and how many requests the candidate had."""

    is_back: bool
    is_undecided: bool
    requests: int


class _Counter:
    def __init__(self, version: Version, scenario: Scenario, draws: np.random.Generator) -> None:
        self._version, self._draws = version, draws
        self._latency = _bucket_chances(version, scenario)

    def count(self, requests: int) -> VersionStats:
        """What the version did with some requests, each of one row."""
        version, draws = self._version, self._draws
        chances = [version.errors, version.refused, 1 - version.errors - version.refused]
        errors, refused, answered = (int(n) for n in draws.multinomial(requests, chances))
        latency = tuple(int(n) for n in draws.multinomial(requests, self._latency))
        rows = np.clip(draws.beta(*BETA, answered) + version.offset, 0, 1)
        predictions = PredictionStats(answered, float(rows.sum()), float((rows**2).sum()))
        return VersionStats(Traffic(
            requests=requests, errors=errors, refused=refused, latency=latency
        ), predictions)  # fmt: skip


def _bucket_chances(version: Version, scenario: Scenario) -> np.ndarray:
    log_latency = NormalDist(float(np.log(MEDIAN_MS * version.slowdown)), scenario.spread)
    below, chances, reached = 0.0, [], set(SERVER_LATENCY_BOUNDS_MS)
    for bound in LATENCY_BOUNDS_MS:
        if scenario.is_coarse and bound not in reached:
            chances.append(0.0)
            continue
        now = log_latency.cdf(float(np.log(bound)))
        chances.append(now - below)
        below = now
    return np.array([*chances, 1 - below])


def _add(one: VersionStats, other: VersionStats) -> VersionStats:
    a, b = one.traffic, other.traffic
    latency = (
        b.latency if not a.latency else tuple(map(sum, zip(a.latency, b.latency, strict=True)))
    )
    traffic = Traffic(
        requests=a.requests + b.requests,
        errors=a.errors + b.errors,
        refused=a.refused + b.refused,
        latency=latency,
    )
    p, q = one.predictions, other.predictions
    squares = (p.squares or 0.0) + (q.squares or 0.0)
    return VersionStats(traffic, PredictionStats(p.rows + q.rows, p.total + q.total, squares))


def roll_out(scenario: Scenario, canary: Canary, seed: int, enough: int = ENOUGH) -> Ended:
    """Simulates a rollout through all steps."""
    draws = np.random.default_rng(seed)
    ours, theirs = (_Counter(v, scenario, draws) for v in (scenario.candidate, scenario.champion))
    earlier, total = VersionStats(), 0
    for share in canary.steps:
        candidate, champion, decision = VersionStats(), VersionStats(), Decision.WAIT
        while decision is Decision.WAIT:
            part = PART if candidate.traffic.requests < 500 else LATER_PART
            candidate = _add(candidate, ours.count(part))
            rest = int(draws.negative_binomial(part, share))
            champion = _add(champion, theirs.count(rest))
            requests = candidate.traffic.requests
            known = champion
            if champion.traffic.requests < canary.min_requests:
                known = _add(earlier, champion)
            found = assess_canary(
                CanaryAnalysis(share, candidate, known, requests >= enough), canary
            )
            decision = found.decision
        earlier, total = _add(earlier, champion), total + requests
        if decision is Decision.ROLL_BACK:
            codes = {finding.code for finding in found.findings}
            return Ended(True, bool(codes & {"undecided", "log"}), total)
    return Ended(False, False, total)


def simulate(
    scenario: Scenario, rollouts: int, canary: Canary | None = None, enough: int = ENOUGH
) -> tuple[Ended, ...]:
    """Simulates rollouts by the default canary; the seeds are 0, 1, 2 and so on."""
    canary = canary or Canary()
    return tuple(roll_out(scenario, canary, seed, enough) for seed in range(rollouts))


def share_back(ended: Sequence[Ended]) -> float:
    """The share of rollouts that went back."""
    return sum(one.is_back for one in ended) / len(ended)


def twins() -> Iterator[Scenario]:
    """Candidates that do what their champion does."""
    for refused in (0.0, 0.01, 0.05, 0.1, 0.2, 0.35):
        for errors in (0.0, 0.005, 0.01):
            version = Version(errors, refused)
            yield Scenario(f"{refused:.0%} of 4xx, {errors:.1%} of 5xx", version, version)
    plain = Version()
    for spread in (0.1, 1.0, 1.5):
        yield Scenario(f"log latency varies by {spread:g}", plain, plain, spread)
    for spread in (0.1, 0.5, 1.5):
        name = f"log latency varies by {spread:g}, buckets of a server"
        yield Scenario(name, plain, plain, spread, is_coarse=True)


def defects() -> Iterator[Scenario]:
    """Candidates that are worse by what is promised to be found."""
    for errors in (0.0, 0.005, 0.01):
        champion = Version(errors)
        worse = replace(champion, errors=errors + 0.05)
        yield Scenario(f"5xx from {errors:.1%} to {errors + 0.05:.1%}", champion, worse)
    for refused in (0.0, 0.01, 0.05, 0.1, 0.2, 0.35):
        champion = Version(refused=refused)
        worse = replace(champion, refused=refused + 0.05)
        yield Scenario(f"4xx from {refused:.0%} to {refused + 0.05:.0%}", champion, worse)
    for spread in (0.05, 0.1, 0.5, 1.0, 1.5):
        slow = Version(slowdown=3.0)
        yield Scenario(f"3x latency that varies by {spread:g}", Version(), slow, spread)
        name = f"3x latency that varies by {spread:g}, buckets of a server"
        yield Scenario(name, Version(), slow, spread, is_coarse=True)
    yield Scenario("mean probability 0.2 higher", Version(), Version(offset=0.2))


def main(rollouts: int) -> None:
    """Writes a row for each scenario."""
    for scenario in twins():
        ended = simulate(scenario, rollouts)
        back, limit = share_back(ended), FALSE_ALARM
        _row(f"decisions: canary twin goes back, {scenario.name}", back, limit, ended)
    for scenario in defects():
        ended = simulate(scenario, rollouts)
        missed, limit = 1 - share_back(ended), PROMISED_MISS
        _row(f"decisions: canary misses {scenario.name}", missed, limit, ended)


def _row(name: str, measured: float, limit: float, ended: Sequence[Ended]) -> None:
    ratio = limit / max(measured, 1 / (2 * len(ended)))
    result(name, measured, limit, "share", ratio)
    sizes = np.percentile([one.requests for one in ended], (50, 95))
    undecided = sum(one.is_undecided for one in ended) / len(ended)
    sys.stdout.write(
        f"{'':<4}requests to the candidate: median {sizes[0]:.0f}, 95% below {sizes[1]:.0f}; "
        f"undecided at the timeout: {undecided:.1%}\n"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROLLOUTS)
