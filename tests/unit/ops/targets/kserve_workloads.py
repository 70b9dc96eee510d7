"""What runs behind an InferenceService: pods, deployments, revisions, and who gets traffic."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.unit.ops.targets.kserve_pods import Server


@dataclass
class Pod:
    name: str
    version: str
    found: dict[str, Any]
    server: Server
    looks: int = 0
    is_ready: bool = False


@dataclass
class Workload:
    """A deployment or a revision: a template and its pods."""

    name: str
    template: str
    version: str
    pods: list[Pod] = field(default_factory=list)
    looks_since_up: int = 0
    is_up: bool = False


@dataclass
class Knative:
    revisions: list[Workload] = field(default_factory=list)
    ready: str = ""
    rolled_out: str = ""
    before: str = ""
    seen: tuple[int, int] = (0, 0)

    def shares(self, percent: int | None) -> dict[str, int]:
        """Revision to percent: createKnativeService."""
        if percent is None or not self.rolled_out:
            return {self.ready: 100}
        shares = {self.ready: percent}
        shares[self.rolled_out] = shares.get(self.rolled_out, 0) + 100 - percent
        return shares

    def note(self, percent: int, lag: int) -> None:
        """Which revision was rolled out last: PropagateStatus, which sees it a little later."""
        looks = self.seen[1] + 1 if self.seen[0] == percent else 0
        self.seen = (percent, looks)
        if looks < lag:
            return
        if self.ready and self.rolled_out != self.ready and percent == 100:
            self.before, self.rolled_out = self.rolled_out, self.ready
        elif self.rolled_out == self.ready == self.revisions[-1].name and percent < 100:
            self.rolled_out = self.before or self.rolled_out


def summed(parts: Iterable[tuple[str, int]]) -> dict[str, int]:
    summed: Counter[str] = Counter()
    for version, part in parts:
        summed[version] += part
    return {version: part for version, part in summed.items() if part}
