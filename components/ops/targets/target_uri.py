"""The targets that a spec can name: a folder, a namespace, or a folder of a git repository."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from components.core.errors import InputError
from components.core.plan import Champion
from components.core.spec.errors import Words
from components.ops.git.address import GitAddress, is_branch_name, parse_address
from components.ops.targets.kserve.record import Mode
from components.ops.targets.local.record import LocalRecord, LocalVersion, RecordFile

LOCAL_SCHEME, KSERVE_SCHEME = "local://", "kserve://"
DEFAULT_PORT = 8080
# KServe adds "-candidate" or the name of a predictor, and "-predictor"; a Service has at most 63.
MAX_MODEL_LENGTH = 40
# In Standard mode the first label of a predictor's host is <service>-<namespace> (KServe's default
# domainTemplate, https://github.com/kserve/kserve/issues/4807); Knative's has the service alone.
MAX_LABEL = 63
_LONGEST_HOST = "{model}-candidate-predictor-{namespace}"
_MODEL = r"[a-z]([-a-z0-9]*[a-z0-9])?"
_NAMESPACE = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"  # a DNS label (RFC 1123)
_MODE = "knative|standard"
_WHERE = "serving.target"
_GIT_FORM = "git+https://host/repository@branch#folder"
_GIT_OPTIONS = "mode=knative or standard, namespace=<name>, review=branch, each once, joined by &"


@dataclass(frozen=True)
class LocalTargetUri:
    """A serving folder.

    Attributes:
        folder: The folder as written: a relative one stays relative in what is recorded.
        port: The gateway's port; None for 8080, or a free one if that is taken.
    """

    folder: Path
    port: int | None = None

    def __str__(self) -> str:
        port = "" if self.port is None else f"?port={self.port}"
        return f"{LOCAL_SCHEME}{self.folder}{port}"

    @property
    def record_file(self) -> RecordFile:
        """Its record on disk."""
        return RecordFile(self.folder)

    def model_folder(self, version: str) -> Path:
        """Returns where a version is published."""
        return self.folder / "models" / version

    def as_champion(self, version: LocalVersion) -> Champion:
        """Returns a deployed version as the plan knows it."""
        fields = version.model_dump(exclude={"log", "server"})
        return Champion(**fields, uri=str(self.model_folder(version.version)))

    def read_record(self, model: str) -> LocalRecord | None:
        """Reads the record; None if nothing was ever deployed here.

        Raises:
            InputError: The record is damaged, or another model serves here.
        """
        record = self.record_file.read()
        if record is not None and record.model != model:
            raise InputError(
                f"serving.target {LOCAL_SCHEME}{self.folder}",
                f"model {model}",
                f"the model that serves there: {record.model}",
                "Give each model a folder of its own.",
            )
        return record


@dataclass(frozen=True)
class KServeTargetUri:
    """A namespace that serves."""

    namespace: str
    mode: Mode | None = None

    def __str__(self) -> str:
        return f"{KSERVE_SCHEME}{self.namespace}{f'?mode={self.mode.lower()}' if self.mode else ''}"


@dataclass(frozen=True)
class GitTargetUri:
    """A folder of a repository that holds what one model should serve.

    Attributes:
        mode: KServe's deployment mode; None if the cluster decides.
        namespace: Where the cluster serves it; None if the manifests name none.
        review: Whether a person merges every promotion, whatever the spec says.
    """

    address: GitAddress
    mode: Mode | None = None
    namespace: str | None = None
    review: bool = False


def parse_local_uri(target: str) -> LocalTargetUri:
    """Reads ``local://<folder>`` or ``local://<folder>?port=<port>``; or raises InputError."""
    path, _, query = target.removeprefix(LOCAL_SCHEME).partition("?")
    options = _read_options(query, port="[0-9]+")
    port = int(options["port"]) if options and "port" in options else None
    if not path or options is None or (port is not None and not 1024 <= port <= 65535):
        accepted = f"{LOCAL_SCHEME}<folder> or {LOCAL_SCHEME}<folder>?port=<1024 to 65535>"
        raise InputError(_WHERE, target, accepted)
    return LocalTargetUri(Path(path), port)


def parse_kserve_uri(target: str) -> KServeTargetUri:
    """Reads ``kserve://<namespace>`` or ``kserve://<namespace>?mode=<knative or standard>``.

    Raises:
        InputError: It is malformed.
    """
    namespace, _, query = target.removeprefix(KSERVE_SCHEME).partition("?")
    options = _read_options(query, mode=_MODE)
    if not re.fullmatch(_NAMESPACE, namespace) or options is None:
        form = f"{KSERVE_SCHEME}<namespace>"
        accepted = (
            f"{form} or {form}?mode=<knative or standard>; a namespace "
            "has lower-case letters, digits and '-', at most 63"
        )
        raise InputError(_WHERE, target, accepted)
    return KServeTargetUri(namespace, _mode_in(options))


def parse_git_uri(target: str) -> GitTargetUri:
    """Reads ``git+https://host/repository@branch#folder`` and its options.

    Raises:
        InputError: It is malformed, or carries credentials.
    """
    address = parse_address(target, _WHERE, _GIT_FORM)
    if not is_branch_name(address.at):
        accepted = "the name of a branch: git+https://host/repository@main#folder"
        raise InputError(_WHERE, target, accepted)
    if not address.folder:
        do = "Name the folder that the cluster follows, one for each model."
        raise InputError(_WHERE, target, _GIT_FORM, do)
    options = _read_options(address.query, mode=_MODE, namespace=_NAMESPACE, review="branch")
    if options is None:
        raise InputError(_WHERE, f"?{address.query}", _GIT_OPTIONS)
    namespace = options.get("namespace")
    return GitTargetUri(address, _mode_in(options), namespace, "review" in options)


def check_model(model: str, namespace: str | None = None, mode: Mode | None = None) -> str:
    """Returns a model's name; InputError if an InferenceService of the namespace cannot have it.

    A namespace of None is unknown, and then its part is not checked; a mode of None may be either.
    """
    if not re.fullmatch(_MODEL, model) or len(model) > MAX_MODEL_LENGTH:
        accepted = (
            "a lower-case letter, then letters, digits and '-', at most "
            f"{MAX_MODEL_LENGTH} for KServe, which makes longer names of it"
        )
        raise InputError("name", model, accepted)
    if namespace is not None and mode is not Mode.KNATIVE:
        _check_host(model, namespace)
    return model


def check_target(target: str, model: str) -> None:
    """Checks that a target is well formed and can hold a model of this name; reaches nothing.

    Raises:
        InputError: Not so.
    """
    if target.startswith(LOCAL_SCHEME):
        parse_local_uri(target)
    elif target.startswith(KSERVE_SCHEME):
        kserve = parse_kserve_uri(target)
        check_model(model, kserve.namespace, kserve.mode)
    else:
        git = parse_git_uri(target)
        check_model(model, git.namespace, git.mode)


def _check_host(model: str, namespace: str) -> None:
    host = _LONGEST_HOST.format(model=model, namespace=namespace)
    if len(host) <= MAX_LABEL:
        return
    room = MAX_LABEL - len(host) + len(model)
    given = f"{model}, of which KServe in Standard mode makes the host label {host} ({len(host)})"
    do = f"Shorten it to {room}" if room > 0 else "Choose another namespace"
    raise InputError(
        "name",
        Words(given),
        f"a name whose host label in the namespace {namespace} has at most {MAX_LABEL} characters",
        f"{do}, or write mode=knative in serving.target if that is how the cluster deploys.",
    )


def _read_options(query: str, **patterns: str) -> Mapping[str, str] | None:
    """Parses a query; None if an option is unknown, malformed or given twice."""
    given = parse_qsl(query, keep_blank_values=True)
    known = all(name in patterns and re.fullmatch(patterns[name], text) for name, text in given)
    return dict(given) if known and len(dict(given)) == len(given) else None


def _mode_in(options: Mapping[str, str]) -> Mode | None:
    return Mode(options["mode"].capitalize()) if "mode" in options else None
