"""The places that models are deployed to, each behind the same protocol.

``local://<folder>`` is a folder on this machine.
"""

from components.core.errors import InputError
from components.core.plan import Champion
from components.ops.deploy.targets.local.place import SCHEME, parse_place
from components.ops.deploy.targets.protocol import Target


def read_champion(target: str, model_name: str) -> Champion | None:
    """Reads what serves now, and changes nothing.

    Args:
        target: The spec's `serving.target`.
        model_name: The spec's name.

    Returns:
        The champion; None: nothing serves there yet.

    Raises:
        InputError: The target's scheme is not known, its record is damaged, or another model
            serves there.
    """
    place = parse_place(_checked(target))
    record = place.read(model_name)
    return place.champion_of(record.champion) if record and record.champion else None


def connect(target: str, model_name: str) -> Target:
    """The target that a spec names; nothing is started or changed by this alone.

    Raises:
        InputError: The target's scheme is not known.
    """
    from components.ops.deploy.targets.local.target import (
        LocalTarget,  # the gateway needs none of it
    )

    return LocalTarget(parse_place(_checked(target)), model_name)


def _checked(target: str) -> str:
    if not target.startswith(SCHEME):
        raise InputError("serving.target", target, f"a target of the form {SCHEME}<folder>")
    return target
