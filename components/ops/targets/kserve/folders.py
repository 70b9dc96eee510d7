"""The model folders of a rollout in the model store: what stays, and what is taken out again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from components.core.errors import ApiRejected, ClusterError
from components.ops.targets import changes, store
from components.ops.targets.kserve.record import Published, RolloutRecord

_TIDIED = 5
Read = Callable[[], RolloutRecord]


@contextmanager
def withdrawn_if_refused(published: list[Published], now: Read) -> Iterator[None]:
    """Takes out what was published for a change that was refused before it was written down.

    Args:
        published: What was published meanwhile.
        now: Reads the record.
    """
    try:
        yield
    except ApiRejected:
        with suppress(ClusterError):  # the refusal itself is what is to be mended
            record = now()
            _withdraw(record, published)
        raise


def tidy(records: tuple[RolloutRecord, ...], now: Read) -> None:
    """Takes out what is not used any more; what remains goes the next time.

    Args:
        records: What a change saw, in the order of time.
        now: Reads the record.
    """
    record = records[-1]
    known = [one for each in records for one in each.known]
    places = {one.serving.store for one in known if one.serving.store}
    used = {one.version for one in now().known}
    ended = dict.fromkeys(one.version for one in record.outcomes[:_TIDIED])
    with suppress(ClusterError):
        for place in places:
            for version in ended:
                if version not in used:
                    store.withdraw(place, record.model, version)


def check_kept(kept: Published) -> None:
    """Compares the folder of an earlier version with what served.

    Raises:
        InputError: It is gone or has other bytes, or cannot be reached from here.
        ClusterError: The store refused, or did not answer.
    """
    changes.check_bytes(kept, kept.uri, store.digest_kept(kept.uri))


def _withdraw(record: RolloutRecord, published: list[Published]) -> None:
    used = {one.version for one in record.known}
    for one in published:
        if one.version not in used and one.serving.store:
            store.withdraw(one.serving.store, record.model, one.version)
