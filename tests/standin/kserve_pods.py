"""The pods of one InferenceService, those that are ending among them."""

import secrets
from collections.abc import Collection
from pathlib import Path

from tests.standin.kserve_pod import ModelPod
from tests.standin.kserve_template import Template


class Pods:
    """Every pod of a service until it is gone.

    Args:
        folder: Of the InferenceService.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.all: list[ModelPod] = []

    def start(self, of: str, template: Template, revision: str | None = None) -> ModelPod:
        """Makes a pod of a Deployment or of a revision."""
        pod = ModelPod(f"{of}-{secrets.token_hex(4)}", template, self.folder, revision)
        self.all.append(pod)
        return pod

    def keep(self, kept: Collection[ModelPod]) -> None:
        """Ends every other one."""
        for pod in self.all:
            if pod not in kept:
                pod.stop()

    def forget_gone(self) -> tuple[ModelPod, ...]:
        """Takes out those that have ended."""
        gone = tuple(pod for pod in self.all if pod.state.gone)
        self.all = [pod for pod in self.all if pod not in gone]
        return gone
