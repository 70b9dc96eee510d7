"""The names, labels and annotations by which our objects and their pods are found again."""

from collections.abc import Mapping
from typing import Any

from components.core.spans import format_instant
from components.ops.cluster.protocol import Object
from components.ops.targets.kserve.record import Published

MANAGED_BY = "app.kubernetes.io/managed-by"
OF_MODEL = "app.kubernetes.io/name"
OWNER = "ratoon"
VERSION, DIGEST = "ratoon.dev/version", "ratoon.dev/digest"
RUN, AS_OF = "ratoon.dev/run", "ratoon.dev/as-of"
WHY = "ratoon.dev/why"
# The container of a predictor that serves the model.
CONTAINER = "kserve-container"
# Set by KServe on the pods of an InferenceService, and by Knative on those of a revision.
SERVICE_LABEL = "serving.kserve.io/inferenceservice"
REVISION_LABEL = "serving.knative.dev/revision"
DEPLOYMENT_MODE = "serving.kserve.io/deploymentMode"
TAG_ROUTING = "serving.kserve.io/enable-tag-routing"


def record_name(model: str) -> str:
    """The ConfigMap with the record of a model."""
    return f"{model}-ratoon"


def candidate_name(model: str) -> str:
    """The InferenceService that a candidate is tried in where it cannot share another's."""
    return f"{model}-candidate"


def labels_of(model: str) -> dict[str, str]:
    """The labels of all our objects of a model."""
    return {MANAGED_BY: OWNER, OF_MODEL: model}


def annotations_of(published: Published) -> dict[str, str]:
    """What its pods say of a version; KServe copies an InferenceService's annotations to them."""
    return {
        VERSION: published.version,
        DIGEST: published.digest,
        RUN: published.run,
        AS_OF: format_instant(published.as_of),
    }


def metadata(found: Object, field: str) -> Mapping[str, Any]:
    """A mapping of an object's metadata; empty where there is none."""
    return (found.get("metadata") or {}).get(field) or {}


def is_ours(found: Object, model: str) -> bool:
    """Whether we made an object, for this model."""
    return labels_of(model).items() <= dict(metadata(found, "labels")).items()


def names_version(found: Object, published: Published) -> bool:
    """Whether an InferenceService or a pod is of a version, by its annotations."""
    said = metadata(found, "annotations")
    return (said.get(VERSION), said.get(DIGEST)) == (published.version, published.digest)
