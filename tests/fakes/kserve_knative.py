"""Knative mode: revisions, and traffic by ``canaryTrafficPercent``.

Follows KServe's createKnativeService and InferenceServiceStatus.PropagateStatus, and Knative's
rule that a target without a name means the newest revision that was ever ready.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from components.ops.cluster.protocol import Object
from tests.fakes.kserve_pod import ModelPod, Pods
from tests.fakes.kserve_routes import Split
from tests.fakes.kserve_template import ROUTING_TAG, Template, template_of


@dataclass(frozen=True)
class Target:
    """A traffic target of the Knative service.

    Attributes:
        percent: Its share.
        revision: A revision by name; None: the newest ready one.
        tag: Its own address.
    """

    percent: int
    revision: str | None = None
    tag: str | None = None


@dataclass(frozen=True)
class Names:
    """What the status of a predictor remembers of its revisions; empty: none."""

    created: str = ""
    ready: str = ""
    rolled_out: str = ""
    previous: str = ""


@dataclass(frozen=True)
class Revision:
    name: str
    template: Template
    pod: ModelPod


def targets_of(percent: int | None, rolled_out: str, tagged: bool) -> tuple[Target, ...]:
    """The targets that KServe asks Knative for; without a rolled-out revision no percentage."""
    tag = "latest" if tagged else None
    if percent is None or not rolled_out:
        return (Target(100, None, tag),)
    latest = Target(percent, None, tag)
    return (latest,) if percent >= 100 else (latest, Target(100 - percent, rolled_out, "prev"))


def propagated(names: Names, targets: tuple[Target, ...]) -> Names:
    """The names after KServe has read the traffic that Knative reports."""
    latest = next((t for t in targets if t.revision is None), None)
    if latest is None or not names.ready:
        return names
    if names.rolled_out != names.ready:
        if latest.percent == 100:
            return replace(names, previous=names.rolled_out, rolled_out=names.ready)
        return names
    total = sum(t.percent for t in targets if t.revision in (None, names.ready))
    taken_back = names.ready == names.created and latest.percent < 100 and total == 100
    if taken_back and names.previous:
        return replace(names, rolled_out=names.previous)
    return names


class KnativeService:
    """The Knative service behind an InferenceService.

    Args:
        pods: Its pods.
        runtime: The ServingRuntime's spec.
    """

    mode = "Knative"

    def __init__(self, pods: Pods, runtime: Mapping[str, Any]) -> None:
        self._pods, self._runtime = pods, runtime
        self.generation = 0
        self.names = Names()
        self.targets: tuple[Target, ...] = ()
        self.revisions: dict[str, Revision] = {}

    def reconcile(self, service: Object) -> None:
        """One look at the object, and what follows from it."""
        predictor = service["spec"]["predictor"]
        template = template_of(service, predictor, self._runtime, by_revision=True)
        tagged = template.annotations.get(ROUTING_TAG) == "true"
        percent = predictor.get("canaryTrafficPercent")
        targets = targets_of(percent, self.names.rolled_out, tagged)
        newest = self.revisions.get(self.names.created)
        if newest is None or newest.template != template:
            self._revise(service["metadata"]["name"], template)
            self.generation += 1
        elif targets != self.targets:
            self.generation += 1
        self.targets = targets
        self._advance()
        self.names = propagated(self.names, targets)
        self._scale()

    @property
    def newest(self) -> ModelPod | None:
        """The pod of the revision that was made last."""
        revision = self.revisions.get(self.names.created)
        return revision.pod if revision else None

    def pod_of(self, target: Target) -> ModelPod | None:
        """The pod that a target means; None: nothing was ready yet."""
        revision = self.revisions.get(target.revision or self.names.ready)
        return revision.pod if revision else None

    def split(self) -> Split:
        """Where requests go."""
        found = [(self.pod_of(target), target) for target in self.targets]
        reached = [(pod, target) for pod, target in found if pod]
        if not reached:
            return Split()
        stable, canary = reached[-1][0], reached[0]
        if canary[0] is stable:
            return Split(stable)
        return Split(stable, canary[0], canary[1].percent / 100)

    def _revise(self, name: str, template: Template) -> None:
        made = f"{name}-predictor-{len(self.revisions) + 1:05d}"
        pod = self._pods.start(f"{made}-deployment", template, made)
        self.revisions[made] = Revision(made, template, pod)
        self.names = replace(self.names, created=made)

    def _advance(self) -> None:
        """The newest ready revision only ever becomes a newer one."""
        names = sorted(self.revisions)
        ready = [n for n in names if n > self.names.ready and self.revisions[n].pod.state.ready]
        if ready:
            self.names = replace(self.names, ready=ready[-1])

    def _scale(self) -> None:
        """A revision that nothing is sent to has no pods; one that is sent to gets them back."""
        used = {target.revision or self.names.ready for target in self.targets} - {""}
        for name in used | {self.names.created}:
            revision = self.revisions[name]
            if revision.pod.state.terminating or revision.pod.state.gone:
                pod = self._pods.start(f"{name}-deployment", revision.template, name)
                self.revisions[name] = replace(revision, pod=pod)
        self._pods.keep([self.revisions[n].pod for n in used | {self.names.created}])
