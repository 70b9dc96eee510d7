"""Which requests a server of one model answers; every other is refused before KServe sees it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from components.model.serve.refusal import Refusal, shown


class Action(StrEnum):
    """What is done with a request."""

    V1 = "v1"
    V2 = "v2"
    READY = "ready"
    PASS = "pass"  # noqa: S105  KServe's own path answers


@dataclass(frozen=True)
class Routes:
    """The paths of one model.

    Attributes:
        name: The model's name in paths.
        version: The version that it has.
        actions: Path to action; predictions are POST and all else is GET.
        aliases: Paths with the version to the same without, which is what KServe knows.
    """

    name: str
    version: str
    actions: Mapping[str, Action]
    aliases: Mapping[str, str]

    @classmethod
    def of(cls, name: str, version: str) -> Self:
        """The routes of a model."""
        model, versioned = f"/v2/models/{name}", f"/v2/models/{name}/versions/{version}"
        passed = ("/", "/metrics", "/v1/models", f"/v1/models/{name}", "/v2", "/v2/models")
        actions = dict.fromkeys((*passed, "/v2/health/live", model, f"{model}/ready"), Action.PASS)
        actions |= {
            "/v2/health/ready": Action.READY,
            f"/v1/models/{name}:predict": Action.V1,
            f"{model}/infer": Action.V2,
        }
        tails = ("", "/ready", "/infer")
        return cls(name, version, actions, {versioned + tail: model + tail for tail in tails})

    def action(self, method: str, path: str) -> Action:
        """What to do with a request to a path without aliases.

        Raises:
            Refusal: Nothing is there, or not by that method.
        """
        action = self.actions.get(path)
        if action is None:
            raise self._nothing_at(path)
        wanted = method_of(action)
        if method != wanted:
            raise Refusal(f"{shown(path)}: method", shown(method), wanted, status=405)
        return action

    def _nothing_at(self, path: str) -> Refusal:
        if path.startswith("/v2/repository"):
            do = "Deploy another version instead: a server has one model from its start to its end."
            return Refusal("the model repository", shown(path), "no change", do, 403)
        parts = path.split("/")
        if path.startswith(("/v1/models/", "/v2/models/")):
            asked = parts[3].rpartition(":")[0] or parts[3]
            if asked != self.name:
                return Refusal("the path: model", shown(asked), self.name, status=404)
            if len(parts) > 5 and parts[4] == "versions" and parts[5] != self.version:
                return Refusal("the path: version", shown(parts[5]), self.version, status=404)
        return Refusal("the path", shown(path), ", ".join(self.actions), status=404)


def method_of(action: Action) -> str:
    """The one method by which an action is asked for."""
    return "POST" if action in (Action.V1, Action.V2) else "GET"
