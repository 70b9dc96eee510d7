"""Reads the prediction log, the audit and the target, and links them."""

from pathlib import Path

from pydantic import ValidationError

from components.core import audit
from components.core.artifacts import MODEL_CARD, ModelCard
from components.core.errors import InputError
from components.core.spec import Spec
from components.ops.audit.chain import Chain, chain_of
from components.ops.audit.predictions import find_predictions
from components.ops.deploy.targets.local.place import SCHEME, parse_place
from components.ops.plan.folder import opened
from components.ops.plan.request import read_spec


def trace(request: str, model: str, overlay: str = "", target: str = "") -> tuple[Chain, ...]:
    """The chain behind each row of a request.

    Args:
        request: The request's id, or ``id/row``.
        model: The model's folder, by path or URI.
        overlay: The overlay that the model was deployed with; empty for none.
        target: The target that it was deployed to; empty for the spec's.

    Raises:
        InputError: The request is not in the log, or something cannot be read.
    """
    with opened(model) as folder:
        spec = read_spec(folder, overlay, target).spec
    rows = find_predictions(spec.serving.log, request)
    if not rows:
        do = "A row is logged within seconds; one that was lost is counted by the server's metrics."
        raise InputError(f"request {request}", "no such row", f"one in {spec.serving.log}", do)
    entries = audit.entries(spec.serving.audit_uri)
    event_time = spec.data.primary.event_time
    return tuple(chain_of(r, entries, _card(spec, r["version"]), event_time) for r in rows)


def _card(spec: Spec, version: str) -> ModelCard | None:
    """The card of a version that a local target still keeps."""
    if not spec.serving.target.startswith(SCHEME) or Path(version).name != version:
        return None
    file = parse_place(spec.serving.target).model_folder(version) / MODEL_CARD
    try:
        return ModelCard.read(file) if file.exists() else None
    except ValidationError as error:
        raise InputError(str(file), "a damaged file", "a model card") from error
