"""What is remembered of a model's rollouts beside its InferenceService."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal

from components.core.plan import Champion
from components.core.spec.operation import Serving
from components.ops.targets.protocol import Candidate, Staged
from components.ops.targets.rollout_state import DeployedVersion, RolloutState


class Mode(StrEnum):
    """How KServe deploys, as its annotation ``serving.kserve.io/deploymentMode`` says it."""

    KNATIVE = "Knative"
    STANDARD = "Standard"


class Strategy(StrEnum):
    """How a candidate meets live traffic beside the champion."""

    KNATIVE = "knative"  # two revisions, predictor.canaryTrafficPercent
    CANARY = "canary"  # two deployments, spec.canary[] (KServe 0.20)
    BLUE_GREEN = (
        "blue_green"  # no shared traffic: tried in a service of its own, then promoted whole
    )


class PublishedVersion(DeployedVersion):
    """A version whose model folder is in the model store.

    Attributes:
        uri: Its folder in the store, as KServe reads it.
        serving: How it serves: replicas, resources, the prediction log.
        slot: The name of its predictor where the champion's has another (`Strategy.CANARY`); it
            keeps the name when it is promoted, so that its pods stay.
    """

    uri: str
    serving: Serving
    slot: str = ""

    @classmethod
    def of(cls, candidate: Candidate, uri: str, digest: str) -> "PublishedVersion":
        """A candidate in its place in the store."""
        return cls(
            **candidate.model_dump(exclude={"model", "serving"}),
            uri=uri,
            digest=digest,
            serving=candidate.serving,
        )

    def as_champion(self) -> Champion:
        """As the plan knows it."""
        return Champion(**self.model_dump(exclude={"serving", "slot"}))

    def as_strong_as(self, other: "PublishedVersion | None") -> "PublishedVersion":
        """The same with no fewer servers than the one that it is to take over from."""
        fewest = other.serving.min_replicas if other else 0
        replicas = max(fewest, self.serving.min_replicas)
        serving = self.serving.model_copy(update={"min_replicas": replicas})
        return self.model_copy(update={"serving": serving})

    def as_staged(self, share: float) -> Staged:
        """As a rollout knows it."""
        return Staged(**self.as_champion().model_dump(), share=share)


class RolloutRecord(RolloutState[PublishedVersion]):
    """Everything that is remembered of a model; the wanted objects are a function of it alone.

    Attributes:
        format: Of this record.
        mode: The deployment mode that the target names; None: KServe's default.
        strategy: How the rollout under way shares traffic; None: nothing serves beside it, or it
            is not known.
        scaled_up: Whether the candidate is being brought up for the whole traffic, to be promoted.
        pinned: Whether Knative is to keep all traffic where it was rolled out last, because the
            newest revision may be one that was rolled back.
    """

    format: Literal[1] = 1
    mode: Mode | None = None
    strategy: Strategy | None = None
    scaled_up: bool = False
    pinned: bool = False

    def retired(self, version: PublishedVersion, *, served: bool) -> Mapping[str, Any]:
        """An earlier champion is remembered; a promotion makes the newest revision the one."""
        if not served:
            return {"scaled_up": False}
        return {"previous": self.with_earlier(version), "scaled_up": False, "pinned": False}

    @property
    def known(self) -> tuple[PublishedVersion, ...]:
        """Every version whose model folder stays: all in use, and the last few champions."""
        used = (self.champion, self.candidate, *self.previous)
        return tuple(one for one in used if one)
