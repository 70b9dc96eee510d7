"""The parameters of a run on a cluster, checked before anything is sent there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import yaml

from components.core.errors import InputError
from components.core.spec import Spec
from components.ops.plan.folder import SPEC_FILE
from components.ops.plan.model_files import load_model
from components.ops.plan.windows import resolve_as_of
from pipelines.document import VOLUMES

# A pod gets its parameters as one argument of a command, and Linux takes 128 KiB of each.
MAX_PARAMETER_BYTES = 64 * 1024
_REMOTE = ("s3://", "gs://", "https://")


@dataclass(frozen=True)
class RunRequest:
    """The parameters of a run, as a person gives them; empty for those that the spec has.

    Attributes:
        model: The model's folder on this machine, or where a cluster reads it: git+https, s3, gs.
    """

    model: str
    as_of: str = ""
    target: str = ""
    overlay: str = ""


def prepare_request(request: RunRequest, claim: str = "") -> RunRequest:
    """The request as a cluster can read it.

    A cluster cannot see this machine: a folder goes there as one text, with the overlay applied.
    `claim` is the volume that the pipelines were compiled with; empty for none.

    Raises:
        InputError: The spec, an argument of it, or a place that it names cannot be used there.
    """
    resolve_as_of(request.as_of)
    if request.model.startswith(("git+", *_REMOTE)):
        return request
    model = load_model(request.model, request.overlay, request.target)
    model.signature()  # a cluster would find out only after minutes
    _require_reachable(model.spec, model.where, claim)
    text = _text(model.given, model.files)
    if len(text.encode()) > MAX_PARAMETER_BYTES:
        accepted = f"at most {MAX_PARAMETER_BYTES} bytes of spec and files"
        do = "Commit the folder and give it as git+https://host/repository@<commit>#folder."
        raise InputError(model.where, len(text.encode()), accepted, do)
    return replace(request, model=text, overlay="")


def _require_reachable(spec: Spec, where: str, claim: str) -> None:
    volume = f"{VOLUMES}/{claim}/" if claim else ""
    own = f"{volume}…" if volume else f"{VOLUMES}/<claim>/… after `ratoon compile --pvc <claim>`"
    accepted = f"a place that a pod reaches: s3://…, gs://…, https://…, or {own}"
    do = "Write it in an overlay of the model and give that: --overlay overlays/<name>.yaml."
    for field, uri in _places(spec):
        path = uri.removeprefix("file://")
        if not uri.startswith(_REMOTE) and not (volume and path.startswith(volume)):
            raise InputError(f"{where}: {field}", uri, accepted, do)
    if spec.serving.target.startswith("local://"):
        accepted = "kserve://<namespace> or git+https://…@<branch>#<path>"
        do = "Give it as --target, or in an overlay."
        raise InputError(f"{where}: serving.target", spec.serving.target, accepted, do)


def _places(spec: Spec) -> Iterator[tuple[str, str]]:
    yield "data.primary.uri", spec.data.primary.uri
    for name, source in spec.data.external.items():
        yield f"data.external.{name}.uri", source.uri
    if spec.data.prepared:
        yield "data.prepared", spec.data.prepared
    yield "serving.log", spec.serving.log
    yield "serving.audit", spec.serving.audit_uri


class _Readable(yaml.SafeDumper):
    """Writes texts of many lines as they stand: people read them on the dashboard."""


def _as_block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Readable.add_representer(str, _as_block)


def _text(given: Mapping[str, Any], files: Mapping[str, bytes]) -> str:
    others = {name: content.decode() for name, content in files.items() if name != SPEC_FILE}
    fields = {**given, "files": others}
    return str(yaml.dump(fields, Dumper=_Readable, sort_keys=False, width=100, allow_unicode=True))
