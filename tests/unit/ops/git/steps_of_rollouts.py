"""Changes of a model's folder, as the steps of a rollout make them."""

import yaml

from components.ops.targets import changes
from components.ops.targets.git.committed import Committed
from components.ops.targets.git.place import parse_place
from components.ops.targets.git.repository import Branch
from components.ops.targets.kserve.desired import Change
from components.ops.targets.kserve.record import Mode, RolloutRecord, Strategy
from tests.unit.ops.git.repositories import MODEL, Bare, published

FILES = {
    "inferenceservice-candidate.yaml",
    "inferenceservice.yaml",
    "kustomization.yaml",
    "record.json",
}


def committed(bare: Bare, **fields: object) -> Committed:
    return Committed(Branch(parse_place(bare.target).address, 60), MODEL, **fields)


def to(record: RolloutRecord) -> Change:
    return lambda _: record


def stage(version: str, strategy: Strategy = Strategy.WHOLE) -> Change:
    mode = Mode.KNATIVE if strategy is Strategy.KNATIVE else Mode.STANDARD
    told = {"strategy": strategy, "mode": mode}
    return lambda record: changes.staged(record.model_copy(update=told), published(version))


def shift(version: str, share: float) -> Change:
    return lambda record: changes.shifted(record, version, share)


def promote(version: str) -> Change:
    return lambda record: changes.promoted(record, version, "it answered well")


def roll_back(version: str) -> Change:
    return lambda record: changes.rolled_back(record, version, "it was slow")


def service_of(bare: Bare, at: str = "main") -> dict:
    return yaml.safe_load(bare.files(at)["inferenceservice.yaml"])
