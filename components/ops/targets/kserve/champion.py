"""What serves by an InferenceService and the record beside it, or why that cannot be said."""

from components.core.errors import InputError
from components.ops.cluster.protocol import Object
from components.ops.targets.kserve.names import DIGEST, VERSION, is_ours, metadata, record_name
from components.ops.targets.kserve.record import Published, RolloutRecord

UNDO = "Undo that (kubectl edit), or remove the InferenceService"


def standing(
    record: RolloutRecord, service: Object | None, where: str, undo: str = UNDO
) -> RolloutRecord:
    """The record as it is true of the service that stands.

    While a canary runs in Knative mode the service names the candidate, and after a step that was
    killed it may still name what the record has left behind. So the champion is the record's, and
    the service only has to be one that follows from this record or from an earlier one.

    Args:
        record: The record.
        service: The InferenceService; None: somebody removed it, and so nothing serves.
        where: What it is called in errors.
        undo: How a change by hand is undone there.

    Raises:
        InputError: The service was not written by Ratoon, or was changed by hand since.
    """
    if service is None:
        return _without_champion(record)
    if not is_ours(service, record.model) or (not record.outcomes and not record.known):
        raise _foreign(record, where)
    said = metadata(service, "annotations")
    version = said.get(VERSION)
    ended = {outcome.version for outcome in record.outcomes}
    published = next((one for one in record.known if one.version == version), None)
    if published is None and version not in ended:
        raise _edited(where, f"version {version!r}, which the record does not know", undo)
    if published is not None:
        _check_same(published, service, where, undo)
    return record


def _check_same(published: Published, service: Object, where: str, undo: str) -> None:
    digest, uri = metadata(service, "annotations").get(DIGEST), _uri_of(service)
    if digest != published.digest:
        raise _edited(where, f"version {published.version} with digest {digest!r}", undo)
    if uri != published.uri:
        raise _edited(where, f"version {published.version} with storageUri {uri!r}", undo)


def _without_champion(record: RolloutRecord) -> RolloutRecord:
    if record.champion is None:
        return record
    retired = record.retired(record.champion, served=True)
    return record.model_copy(update={"champion": None, **retired})


def _uri_of(service: Object) -> object:
    predictor = (service.get("spec") or {}).get("predictor") or {}
    return (predictor.get("model") or {}).get("storageUri")


def _foreign(record: RolloutRecord, where: str) -> InputError:
    return InputError(
        where,
        "an InferenceService without a record by Ratoon",
        f"one that Ratoon made, with its record in {record_name(record.model)}",
        "Put the record back from a backup, or remove the InferenceService, or name another "
        "namespace. Nothing was changed.",
    )


def _edited(where: str, given: str, undo: str) -> InputError:
    return InputError(
        where,
        given,
        "what the record beside it says",
        f"Somebody changed it by hand. {undo}; "
        "a rollout or a rollback is made by Ratoon or by git. Nothing was changed.",
    )
