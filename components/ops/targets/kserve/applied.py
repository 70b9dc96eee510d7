"""What a model should serve, kept in a ConfigMap, and the InferenceServices made equal to it."""

import random
import time
from dataclasses import dataclass

from pydantic import ValidationError

from components.core.errors import ApiUnavailable, InputError
from components.ops.cluster.protocol import (
    CONFIG_MAP,
    INFERENCE_SERVICE,
    AlreadyExists,
    Conflict,
    KubeClient,
    Object,
)
from components.ops.targets.kserve.desired import Change
from components.ops.targets.kserve.inference_service import wanted
from components.ops.targets.kserve.names import WHY, candidate_name, is_ours, labels_of, record_name
from components.ops.targets.kserve.record import RolloutRecord

RECORD = "record.json"
_ATTEMPTS = 30
_SHORT_PAUSES = 3
_LONGEST_PAUSE_S = 1.0
_LONGEST_WHY = 4_000
_random = random.SystemRandom()


@dataclass(frozen=True)
class Applied:
    """One model's record and InferenceServices in a namespace; see `Desired`.

    Attributes:
        cluster: The API server.
        namespace: The namespace.
        model: The model's name.
    """

    cluster: KubeClient
    namespace: str
    model: str

    def read(self) -> RolloutRecord | None:
        """The record in the ConfigMap."""
        return self._parsed(self._config_map())

    def service(self) -> Object | None:
        """The InferenceService that stands."""
        return self.cluster.get(INFERENCE_SERVICE, self.namespace, self.model)

    def change(self, change: Change, why: str) -> RolloutRecord:
        """Writes the record if it is still the one that the change was decided on, then applies."""
        for attempt in range(_ATTEMPTS):
            kept = self._config_map()
            record = self._parsed(kept)
            new = change(record or RolloutRecord(model=self.model))
            try:
                if new != (record or RolloutRecord(model=self.model)):
                    self._write(kept, new, why)
            except (Conflict, AlreadyExists):  # decided anew on what the other left
                _pause(attempt)
            else:
                if new != RolloutRecord(model=self.model):
                    self._make(new)
                return new
        raise ApiUnavailable(
            f"{self._where}: others changed it {_ATTEMPTS} times while this step wanted to"
        )

    def _make(self, record: RolloutRecord) -> None:
        """Applies what follows from the record, until no newer record came meanwhile."""
        refused: Conflict | None = None
        for attempt in range(_ATTEMPTS):
            try:
                self._apply(record)
            except Conflict as error:  # passes, unless somebody else owns a field that we want
                refused = error
                _pause(min(attempt, _SHORT_PAUSES))
            else:
                refused = None
            newest = self.read() or RolloutRecord(model=self.model)
            if newest == record and refused is None:
                return
            record = newest
        raise refused or ApiUnavailable(f"{self._where}: others changed it again and again")

    def _apply(self, record: RolloutRecord) -> None:
        names = {self.model, candidate_name(self.model)}
        for made in wanted(record, self.namespace):
            name = made["metadata"]["name"]
            names.discard(name)
            self._check_ours(name)
            self.cluster.apply(INFERENCE_SERVICE, made)
        for name in sorted(names):
            if self._check_ours(name) and self.read() == record:
                self.cluster.delete(INFERENCE_SERVICE, self.namespace, name)

    def _check_ours(self, name: str) -> bool:
        """Whether it is there; nobody else's is changed."""
        found = self.cluster.get(INFERENCE_SERVICE, self.namespace, name)
        if found is None or is_ours(found, self.model):
            return found is not None
        raise InputError(
            f"InferenceService {self.namespace}/{name}",
            "one that is not Ratoon's, or of another model",
            "a name that is free",
            "Rename it or the model, or name another namespace. Nothing was changed.",
        )

    def _write(self, kept: Object | None, record: RolloutRecord, why: str) -> None:
        said = {WHY: why[:_LONGEST_WHY]} if why else {}
        metadata = {
            "name": record_name(self.model),
            "namespace": self.namespace,
            "labels": labels_of(self.model),
            "annotations": said,
        }
        made = {
            "apiVersion": CONFIG_MAP.api_version,
            "kind": CONFIG_MAP.kind,
            "metadata": metadata,
            "data": {RECORD: record.model_dump_json(indent=1) + "\n"},
        }
        if kept is None:
            self.cluster.create(CONFIG_MAP, made)
            return
        metadata["resourceVersion"] = kept["metadata"]["resourceVersion"]
        self.cluster.replace(CONFIG_MAP, made)

    def _config_map(self) -> Object | None:
        return self.cluster.get(CONFIG_MAP, self.namespace, record_name(self.model))

    def _parsed(self, kept: Object | None) -> RolloutRecord | None:
        if kept is None:
            return None
        accepted = "the record that Ratoon wrote"
        do = "Put back a copy of it, or remove it together with the InferenceService."
        content = (kept.get("data") or {}).get(RECORD, "")
        try:
            record = RolloutRecord.model_validate_json(content)
        except ValidationError as error:
            given = str(error).splitlines()[0]
            raise InputError(self._where, given, accepted, do) from error
        if record.model != self.model:
            raise InputError(self._where, f"model {record.model}", f"model {self.model}", do)
        return record

    @property
    def _where(self) -> str:
        return f"ConfigMap {self.namespace}/{record_name(self.model)}"


def _pause(attempt: int) -> None:
    time.sleep(_random.uniform(0, min(_LONGEST_PAUSE_S, 0.02 * 2**attempt)))
