"""Targets: the places that models are deployed to, each behind the same protocol.

``local://<folder>`` is a folder on this machine, ``kserve://<namespace>`` a cluster, and
``git+https://<repository>@<branch>#<folder>`` a repository that a cluster follows.
"""

from components.core.errors import InputError
from components.core.plan import Champion
from components.ops.targets.protocol import Target
from components.ops.targets.target_uri import LOCAL_SCHEME, parse_local_uri

_ACCEPTED = (
    f"a target of the form {LOCAL_SCHEME}<folder>, kserve://<namespace> or "
    "git+https://<repository>@<branch>#<folder>"
)


def read_champion(target: str, model_name: str) -> Champion | None:
    """Reads what serves now, and changes nothing; None if nothing serves there yet.

    Raises:
        InputError: The target's scheme is unknown, its record is damaged, another model serves
            there, or somebody changed by hand what serves.
        ClusterError: It could not be read.
    """
    return connect(target, model_name).champion()


def connect(target: str, model_name: str) -> Target:
    """Returns the target that a spec names, and starts or changes nothing.

    Raises:
        InputError: The target's scheme is unknown, or no cluster is configured.
    """
    # Imported late: the gateway's process needs none of them.
    if target.startswith(LOCAL_SCHEME):
        from components.ops.targets.local.target import LocalTarget

        return LocalTarget(parse_local_uri(target), model_name)
    if target.startswith("kserve://"):
        from components.ops.targets.kserve.target import connect_kserve

        return connect_kserve(target, model_name)
    if target.startswith(("git+https://", "git+file://")):
        from components.ops.targets.git.target import connect_git

        followed: Target = connect_git(target, model_name)
        return followed
    raise InputError("serving.target", target, _ACCEPTED)
