"""The files of a model's folder, which follow from its record."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from components.core.errors import InputError
from components.ops.cluster.protocol import Object
from components.ops.targets.kserve.inference_service import candidate_name, desired_services
from components.ops.targets.kserve.record import RolloutRecord

RECORD = "record.json"
SERVICE = "inferenceservice.yaml"
CANDIDATE = "inferenceservice-candidate.yaml"
KUSTOMIZATION = "kustomization.yaml"
MAX_BYTES = 1 << 20
NAMES = (RECORD, SERVICE, CANDIDATE, KUSTOMIZATION)
_HEADER = (
    "# Written by Ratoon from record.json beside it, and again with every change of the model\n"
    "# that serves. To change it, change the model's spec, or patch it from an overlay.\n"
)
_KUSTOMIZATION_HEADER = (
    "# Created by Ratoon and left alone since: add what you like, and keep the resources that are\n"
    "# here. record.json is not a manifest and must not be listed.\n"
)
_NOTHING = "# Nothing is to serve from this file now.\n"


def read_record(content: bytes, where: str, model: str) -> RolloutRecord:
    """Parses the record of the repository; InputError if it is damaged or of another model."""
    do = "Revert the commit that changed it: git log -- record.json names it."
    accepted = "the record that Ratoon wrote"
    record = RolloutRecord.parse(content, f"{where}/{RECORD}", accepted, do)
    if record.model != model:
        accepted = f"the model that serves from there: {record.model}"
        do = "Give each model a folder of its own."
        raise InputError(where, f"model {model}", accepted, do)
    return record


def manifests_of(record: RolloutRecord, namespace: str | None) -> Mapping[str, bytes]:
    """Returns the manifests that follow from a record: always the same file names.

    Without a namespace they name none, because what applies them sets it.
    """
    objects = {}
    for found in desired_services(record, namespace or ""):
        metadata = {k: v for k, v in found["metadata"].items() if namespace or k != "namespace"}
        objects[metadata["name"]] = {**found, "metadata": metadata}
    return {
        file: (_HEADER + (_as_yaml(objects[name]) if name in objects else _NOTHING)).encode()
        for file, name in ((SERVICE, record.model), (CANDIDATE, candidate_name(record.model)))
    }


def read_manifest(content: bytes | None, where: str) -> Object | None:
    """Parses a manifest; None if it is missing or empty, InputError if it is not an object."""
    try:
        found = yaml.safe_load(content or b"")
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(where, str(error).splitlines()[0], "YAML") from error
    if found is not None and not isinstance(found, Mapping):
        raise InputError(where, type(found).__name__, "one Kubernetes object")
    return found


def kustomization_file(names: Sequence[str]) -> bytes:
    """Writes ``kustomization.yaml`` over some manifests."""
    fields = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": sorted(names),
    }
    return (_KUSTOMIZATION_HEADER + _as_yaml(fields)).encode()


def check_kustomization(content: bytes, names: Sequence[str], where: str) -> None:
    """Raises InputError if a kustomization that a person edited lacks one of the manifests."""
    found = read_manifest(content, f"{where}/{KUSTOMIZATION}") or {}
    listed = found.get("resources")
    listed = listed if isinstance(listed, list) else []
    missing = [name for name in names if name not in [str(e).removeprefix("./") for e in listed]]
    if missing:
        raise InputError(
            f"{where}/{KUSTOMIZATION}: resources",
            listed,
            f"a list that holds {' and '.join(missing)}",
            "Add what is missing, or the cluster does not see what Ratoon changes.",
        )


def _as_yaml(fields: Mapping[str, Any]) -> str:
    text: str = yaml.safe_dump(
        dict(fields), sort_keys=True, default_flow_style=False, allow_unicode=True, width=100
    )
    return text
