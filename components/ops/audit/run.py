"""Reads the prediction log, the audit and the target, and links them."""

from pathlib import Path

from pydantic import ValidationError

from components.core import audit, storage
from components.core.artifacts import MODEL_CARD, ModelCard
from components.core.errors import InputError
from components.core.spec import Spec
from components.ops.audit.chain import Chain, chain_of
from components.ops.audit.predictions import find_predictions
from components.ops.deploy.targets.local.place import SCHEME, parse_place
from components.ops.deploy.targets.store.shelf import find_shelf
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
    """The card of a version that is still kept where models are served from."""
    if Path(version).name != version:
        return None
    file = f"{_published(spec, version)}/{MODEL_CARD}"
    if not storage.exists(file):
        return None
    try:
        return ModelCard.model_validate_json(storage.read_bytes(file))
    except ValidationError as error:
        raise InputError(file, "a damaged file", "a model card") from error


def _published(spec: Spec, version: str) -> str:
    """The folder that a version is served from."""
    serving = spec.serving
    if serving.target.startswith(SCHEME):
        return str(parse_place(serving.target).model_folder(version))
    assert serving.store is not None  # a spec with another target has one
    return find_shelf(serving.store, spec.name, version).uri
