"""Changes of a model's folder, as the steps of a rollout make them."""

import yaml

from components.ops.targets import rollout_state
from components.ops.targets.git.branch import Branch
from components.ops.targets.git.git_store import GitStore
from components.ops.targets.kserve.record import Mode, RolloutRecord, Strategy
from components.ops.targets.kserve.rollout_store import RecordChange
from components.ops.targets.target_uri import parse_git_uri
from tests.unit.ops.git.repositories import MODEL, Bare, published

FILES = {
    "inferenceservice-candidate.yaml",
    "inferenceservice.yaml",
    "kustomization.yaml",
    "record.json",
}


def committed(bare: Bare, **fields: object) -> GitStore:
    return GitStore(Branch(parse_git_uri(bare.target).address, 60), MODEL, **fields)


def to(record: RolloutRecord) -> RecordChange:
    return lambda _: record


def stage(version: str, strategy: Strategy = Strategy.BLUE_GREEN) -> RecordChange:
    mode = Mode.KNATIVE if strategy is Strategy.KNATIVE else Mode.STANDARD
    told = {"strategy": strategy, "mode": mode}
    return lambda record: rollout_state.with_candidate(
        record.model_copy(update=told), published(version)
    )


def shift(version: str, share: float) -> RecordChange:
    return lambda record: rollout_state.with_share(record, version, share)


def promote(version: str) -> RecordChange:
    return lambda record: rollout_state.with_promotion(record, version, "it answered well")


def roll_back(version: str) -> RecordChange:
    return lambda record: rollout_state.without_candidate(record, version, "it was slow")


def service_of(bare: Bare, at: str = "main") -> dict:
    return yaml.safe_load(bare.files(at)["inferenceservice.yaml"])
