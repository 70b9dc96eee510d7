"""``kserve://<namespace>``: which namespace serves, and which model names KServe accepts there."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from components.core.errors import InputError
from components.ops.targets.kserve.record import Mode

SCHEME = "kserve://"
# A DNS label (RFC 1123).
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
# KServe adds "-candidate" or the name of a predictor, and "-predictor"; a Service has at most 63.
MAX_MODEL_LENGTH = 40
_MODEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_MODES = {"knative": Mode.KNATIVE, "standard": Mode.STANDARD}


@dataclass(frozen=True)
class KServeTargetUri:
    """A namespace that serves."""

    namespace: str
    mode: Mode | None = None

    def __str__(self) -> str:
        return f"{SCHEME}{self.namespace}{f'?mode={self.mode.lower()}' if self.mode else ''}"


def parse_target_uri(target: str) -> KServeTargetUri:
    """Reads ``kserve://<namespace>`` or ``kserve://<namespace>?mode=<knative or standard>``.

    Raises:
        InputError: It is malformed.
    """
    namespace, _, query = target.removeprefix(SCHEME).partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    mode = options.pop("mode", None)
    if not _NAMESPACE.fullmatch(namespace) or options or (mode is not None and mode not in _MODES):
        accepted = (
            f"{SCHEME}<namespace> or {SCHEME}<namespace>?mode=<knative or standard>; a namespace "
            "has lower-case letters, digits and '-', at most 63"
        )
        raise InputError("serving.target", target, accepted)
    return KServeTargetUri(namespace, None if mode is None else _MODES[mode])


def check_model(model: str) -> str:
    """Returns a model's name if an InferenceService can have it.

    Raises:
        InputError: It cannot.
    """
    if not _MODEL.fullmatch(model) or len(model) > MAX_MODEL_LENGTH:
        accepted = (
            "a lower-case letter, then letters, digits and '-', at most "
            f"{MAX_MODEL_LENGTH} for KServe, which makes longer names of it"
        )
        raise InputError("name", model, accepted)
    return model
