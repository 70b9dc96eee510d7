"""What an object's status says (Kubernetes API conventions: conditions, observedGeneration).

An InferenceService keeps only half of it: KServe writes the ``observedGeneration`` of the object
below (Deployment, Knative Service) into its status, which counts something else: issue 6081 of
kserve/kserve.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Condition:
    """One condition.

    Attributes:
        type: What it is about: ``Ready``.
        status: Whether it holds.
        reason: One word, for machines; may be empty.
        message: For people; may be empty.
        since: When it last changed, as the API writes it; may be empty.
    """

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str = ""
    message: str = ""
    since: str = ""

    def sentence(self) -> str:
        """``Ready is False: RevisionFailed: the image cannot be pulled``."""
        why = ": ".join(word for word in (self.reason, self.message) if word)
        return f"{self.type} is {self.status}{f': {why}' if why else ''}"


def conditions(found: Object) -> tuple[Condition, ...]:
    """Every condition of an object, in its own order."""
    said = (found.get("status") or {}).get("conditions") or []
    return tuple(_condition(one) for one in said)


def condition(found: Object, type_: str) -> Condition | None:
    """The condition of a type; None: the controller has not said it."""
    return next((one for one in conditions(found) if one.type == type_), None)


def is_observed(found: Object) -> bool:
    """Whether the status speaks of the newest spec, not of the one before.

    A status without ``observedGeneration`` speaks of none. An object whose kind counts no
    generations has nothing to observe. Means nothing for an InferenceService: see above; there
    the pods say which version they run.
    """
    generation = (found.get("metadata") or {}).get("generation")
    observed = (found.get("status") or {}).get("observedGeneration")
    return generation is None or (observed is not None and observed >= generation)


def as_sentences(found: Object) -> tuple[str, ...]:
    """What holds the object up, first; then the rest."""
    said = sorted(conditions(found), key=lambda one: one.status == "True")
    return tuple(one.sentence() for one in said)


def _condition(said: Mapping[str, Any]) -> Condition:
    status = said.get("status")
    return Condition(
        type=str(said.get("type", "")),
        status="True" if status == "True" else "False" if status == "False" else "Unknown",
        reason=str(said.get("reason") or ""),
        message=str(said.get("message") or "").strip(),
        since=str(said.get("lastTransitionTime") or ""),
    )
