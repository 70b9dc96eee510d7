"""What is remembered of a model's rollouts beside its InferenceService.

Annotations of an InferenceService would not do: KServe copies them to the pods, so that every
change would restart them. The objects that are to exist follow from this record alone.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal

from components.core.spec.operation import Serving
from components.ops.targets.protocol import Candidate, DeployedVersion
from components.ops.targets.rollout_state import RolloutState


class Mode(StrEnum):
    """KServe's deployment mode, as in its annotation ``serving.kserve.io/deploymentMode``."""

    KNATIVE = "Knative"
    STANDARD = "Standard"


class Strategy(StrEnum):
    """How a candidate meets live traffic beside the champion."""

    KNATIVE = "knative"  # two revisions, predictor.canaryTrafficPercent
    CANARY = "canary"  # two deployments, spec.canary[] (KServe 0.20)
    BLUE_GREEN = "blue_green"  # no shared traffic: a service of its own, then a switch


class PublishedVersion(DeployedVersion):
    """A version whose model folder is in the model store.

    Attributes:
        uri: Its folder in the store, the ``storageUri``.
        serving: How it serves: replicas, resources, the prediction log.
        slot: The name of its predictor under `Strategy.CANARY`, else empty. It keeps the name when
            it is promoted, so that its pods stay.
    """

    uri: str
    serving: Serving
    slot: str = ""

    @classmethod
    def of(cls, candidate: Candidate, uri: str) -> "PublishedVersion":
        """Returns a candidate that is published at a URI."""
        fields = candidate.model_dump(exclude={"model", "serving"})
        return cls(**fields, uri=uri, serving=candidate.serving)

    def with_replicas_of(self, other: "PublishedVersion | None") -> "PublishedVersion":
        """Returns it with at least as many replicas as the version that it is to replace."""
        replicas = max(self.serving.min_replicas, other.serving.min_replicas if other else 0)
        serving = self.serving.model_copy(update={"min_replicas": replicas})
        return self.model_copy(update={"serving": serving})


class RolloutRecord(RolloutState[PublishedVersion]):
    """Everything that is remembered of a model's rollouts.

    Attributes:
        mode: The deployment mode that the target names; None for KServe's default.
        strategy: How the rollout under way shares traffic; None if nothing serves beside it.
        scaled_up: Whether the candidate is being scaled for all traffic, just before its promotion.
        pinned: Whether Knative is to keep all traffic at the revision that was rolled out last,
            because the newest revision may be of a candidate that was rolled back.
    """

    format: Literal[1] = 1
    mode: Mode | None = None
    strategy: Strategy | None = None
    scaled_up: bool = False
    pinned: bool = False

    def retired(self, version: PublishedVersion, *, served: bool) -> Mapping[str, Any]:
        """Remembers an earlier champion; after a promotion the newest revision may serve."""
        if not served:
            return {"scaled_up": False}
        return {"previous": self.with_previous(version), "scaled_up": False, "pinned": False}

    @property
    def kept_versions(self) -> tuple[PublishedVersion, ...]:
        """Every version whose model folder is kept: all in use, and the last few champions."""
        used = (self.champion, self.candidate, *self.previous)
        return tuple(one for one in used if one)
