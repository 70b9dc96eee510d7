"""Where a model's record and InferenceServices are written: a ConfigMap and the cluster itself.

`RolloutStore` is the contract; `ConfigMapStore` keeps it here, and the git target has its own.
`verify_record` compares a record with the InferenceService beside it, so that a change by hand is
reported and not overwritten.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from components.core.errors import ApiUnavailable, InputError
from components.ops.cluster.protocol import (
    CONFIG_MAP,
    INFERENCE_SERVICE,
    AlreadyExists,
    Conflict,
    KubeClient,
    Object,
)
from components.ops.targets.kserve.inference_service import (
    DIGEST,
    VERSION,
    WHY,
    candidate_name,
    desired_services,
    is_ours,
    labels_of,
    metadata_of,
    record_name,
)
from components.ops.targets.kserve.record import PublishedVersion, RolloutRecord

RecordChange = Callable[[RolloutRecord], RolloutRecord]
UNDO_HINT = "Undo that (kubectl edit), or remove the InferenceService"
_RECORD_KEY = "record.json"
_ATTEMPTS = 30
_SHORT_BACKOFFS = 3
_MAX_BACKOFF_S = 1.0
_MAX_WHY_LENGTH = 4_000
_random = random.SystemRandom()


class RolloutStore(Protocol):
    """One model's record and the objects that follow from it."""

    def read(self) -> RolloutRecord | None:
        """Reads the record; None if nothing was ever deployed here.

        Raises:
            InputError: It is damaged, or of another model.
        """

    def service(self) -> Object | None:
        """Returns the InferenceService as it is written; None if there is none."""

    def change(self, change: RecordChange, why: str) -> RolloutRecord:
        """Changes the record and makes the objects equal to what follows from it.

        Of two concurrent changes the second is decided anew on what the first one wrote. A change
        that changes nothing still repairs the objects, so that repeating a killed step finishes it.

        Args:
            change: From the current record to the new one; it may raise to give up.
            why: What is done and on what evidence: a commit's message, or an annotation.

        Raises:
            ApiUnavailable: It could not be written in time.
        """


@dataclass(frozen=True)
class ConfigMapStore:
    """Keeps the record in a ConfigMap and applies the InferenceServices; see `RolloutStore`."""

    cluster: KubeClient
    namespace: str
    model: str

    def read(self) -> RolloutRecord | None:
        """Reads the record in the ConfigMap."""
        return self._parse(self._config_map())

    def service(self) -> Object | None:
        """Returns the InferenceService of the cluster."""
        return self.cluster.get(INFERENCE_SERVICE, self.namespace, self.model)

    def change(self, change: RecordChange, why: str) -> RolloutRecord:
        """Writes the record if nobody changed it meanwhile, then applies what follows from it."""
        empty = RolloutRecord(model=self.model)
        for attempt in range(_ATTEMPTS):
            config_map = self._config_map()
            record = self._parse(config_map) or empty
            new = change(record)
            try:
                if new != record:
                    self._write(config_map, new, why)
            except (Conflict, AlreadyExists):  # decided anew on what the other change left
                _back_off(attempt)
            else:
                if new != empty:
                    self._apply_newest(new)
                return new
        raise ApiUnavailable(
            f"{self._where}: others changed it {_ATTEMPTS} times while this step tried to"
        )

    def _apply_newest(self, record: RolloutRecord) -> None:
        """Applies what follows from the record until no newer record appeared meanwhile."""
        conflict: Conflict | None = None
        for attempt in range(_ATTEMPTS):
            try:
                self._apply(record)
                conflict = None
            except Conflict as error:  # permanent only if another manager owns one of our fields
                conflict = error
                _back_off(min(attempt, _SHORT_BACKOFFS))
            newest = self.read() or RolloutRecord(model=self.model)
            if newest == record and conflict is None:
                return
            record = newest
        raise conflict or ApiUnavailable(f"{self._where}: others changed it again and again")

    def _apply(self, record: RolloutRecord) -> None:
        unwanted = {self.model, candidate_name(self.model)}
        for service in desired_services(record, self.namespace):
            name = service["metadata"]["name"]
            unwanted.discard(name)
            self._check_ours(name)
            self.cluster.apply(INFERENCE_SERVICE, service)
        for name in sorted(unwanted):
            if self._check_ours(name) and self.read() == record:
                self.cluster.delete(INFERENCE_SERVICE, self.namespace, name)

    def _check_ours(self, name: str) -> bool:
        """Whether an InferenceService exists; raises InputError if it is not Ratoon's."""
        found = self.cluster.get(INFERENCE_SERVICE, self.namespace, name)
        if found is None or is_ours(found, self.model):
            return found is not None
        raise InputError(
            f"InferenceService {self.namespace}/{name}",
            "one that is not Ratoon's, or of another model",
            "a name that is free",
            "Rename it or the model, or use another namespace. Nothing was changed.",
        )

    def _write(self, existing: Object | None, record: RolloutRecord, why: str) -> None:
        metadata = {
            "name": record_name(self.model),
            "namespace": self.namespace,
            "labels": labels_of(self.model),
            "annotations": {WHY: why[:_MAX_WHY_LENGTH]} if why else {},
        }
        data = {_RECORD_KEY: record.content().decode()}
        config_map = CONFIG_MAP.typed({"metadata": metadata, "data": data})
        if existing is None:
            self.cluster.create(CONFIG_MAP, config_map)
            return
        metadata["resourceVersion"] = existing["metadata"]["resourceVersion"]
        self.cluster.replace(CONFIG_MAP, config_map)

    def _config_map(self) -> Object | None:
        return self.cluster.get(CONFIG_MAP, self.namespace, record_name(self.model))

    def _parse(self, config_map: Object | None) -> RolloutRecord | None:
        if config_map is None:
            return None
        do = "Restore a copy of it, or remove it together with the InferenceService."
        content = (config_map.get("data") or {}).get(_RECORD_KEY, "")
        record = RolloutRecord.parse(content, self._where, "the record that Ratoon wrote", do)
        if record.model != self.model:
            raise InputError(self._where, f"model {record.model}", f"model {self.model}", do)
        return record

    @property
    def _where(self) -> str:
        return f"ConfigMap {self.namespace}/{record_name(self.model)}"


def verify_record(
    record: RolloutRecord, service: Object | None, where: str, undo: str = UNDO_HINT
) -> RolloutRecord:
    """Returns the record as it holds for the InferenceService beside it.

    During a Knative canary the service names the candidate, and after a killed step it may name a
    version that the record has left behind. So the record says who the champion is; the service
    only has to follow from this record or from an earlier one.

    Args:
        record: What the store holds.
        service: The InferenceService; None if somebody removed it, so that nothing serves.
        where: What the service is called in errors.
        undo: How a change by hand is undone there.

    Raises:
        InputError: The service was not written by Ratoon, or was changed by hand since.
    """
    if service is None:
        retired = record.retired(record.champion, served=True) if record.champion else {}
        return record.model_copy(update={"champion": None, **retired})
    if not is_ours(service, record.model) or (not record.outcomes and not record.kept_versions):
        raise InputError(
            where,
            "an InferenceService without a record by Ratoon",
            f"one that Ratoon created, with its record in {record_name(record.model)}",
            "Restore the record from a backup, remove the InferenceService, or use another "
            "namespace. Nothing was changed.",
        )
    version = metadata_of(service, "annotations").get(VERSION)
    ended = {outcome.version for outcome in record.outcomes}
    published = next((one for one in record.kept_versions if one.version == version), None)
    edit = _edit_of(published, service) if published else ""
    if published is None and version not in ended:
        edit = f"version {version!r}, which the record does not know"
    if edit:
        raise InputError(
            where,
            edit,
            "what the record beside it says",
            f"Somebody changed it by hand. {undo}; "
            "a rollout or a rollback is made by Ratoon or by git. Nothing was changed.",
        )
    return record


def _edit_of(published: PublishedVersion, service: Object) -> str:
    """Says how a service differs from the version that it names; empty if it does not."""
    predictor = (service.get("spec") or {}).get("predictor") or {}
    digest = metadata_of(service, "annotations").get(DIGEST)
    uri = (predictor.get("model") or {}).get("storageUri")
    if digest != published.digest:
        return f"version {published.version} with digest {digest!r}"
    if uri != published.uri:
        return f"version {published.version} with storageUri {uri!r}"
    return ""


def _back_off(attempt: int) -> None:
    time.sleep(_random.uniform(0, min(_MAX_BACKOFF_S, 0.02 * 2**attempt)))
