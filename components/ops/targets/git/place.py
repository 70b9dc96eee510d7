"""What a ``git+…`` target says: a folder on a branch of a repository that a cluster follows."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from components.core.errors import InputError
from components.ops.git.address import GitAddress, is_branch_name, parse_address
from components.ops.targets.kserve.record import Mode

_WHERE = "serving.target"
_FORM = "git+https://host/repository@branch#folder"
_OPTIONS = "mode=knative or standard, namespace=<name>, review=branch, each once, joined by &"
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class GitPlace:
    """A folder of a repository that holds what one model should serve.

    Attributes:
        address: Repository, branch and folder.
        mode: KServe's deployment mode; None: as the cluster says.
        namespace: Where the cluster serves it; None: the manifests name none.
        review: Whether a person merges every promotion, whatever the spec says.
    """

    address: GitAddress
    mode: Mode | None = None
    namespace: str | None = None
    review: bool = False

    @property
    def where(self) -> str:
        """What to call it in errors and sentences; it holds no secret."""
        return f"git+{self.address.url}@{self.address.at}#{self.address.folder}"


def parse_place(target: str) -> GitPlace:
    """Reads ``git+https://host/repository@branch#folder`` and its options.

    Raises:
        InputError: It is not one, or carries credentials.
    """
    address = parse_address(target, _WHERE, _FORM)
    if not is_branch_name(address.at):
        accepted = "the name of a branch: git+https://host/repository@main#folder"
        raise InputError(_WHERE, target, accepted)
    if not address.folder:
        do = "Name the folder that the cluster follows, one for each model."
        raise InputError(_WHERE, target, _FORM, do)
    given = parse_qsl(address.query, keep_blank_values=True)
    options = dict(given)
    if len(options) != len(given) or not _are_known(options):
        raise InputError(_WHERE, f"?{address.query}", _OPTIONS)
    return GitPlace(
        address,
        Mode(options["mode"].capitalize()) if "mode" in options else None,
        options.get("namespace"),
        "review" in options,
    )


def _are_known(options: dict[str, str]) -> bool:
    accepted = {
        "mode": re.compile("knative|standard"),
        "namespace": _NAMESPACE,
        "review": re.compile("branch"),
    }
    return all(name in accepted and accepted[name].fullmatch(v) for name, v in options.items())
