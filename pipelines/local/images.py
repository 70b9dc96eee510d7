"""From the image that a step names to the virtualenv that stands for it on this machine."""

from collections.abc import Iterable
from pathlib import Path

from components.core.errors import InputError

ENVIRONMENTS = {"ratoon-data": "data", "ratoon-model": "model", "ratoon-ops": "ops"}


def repository_name(image: str) -> str:
    """Takes the last part of an image's name, without registry, tag and digest."""
    without_digest = image.partition("@")[0]
    return without_digest.rpartition("/")[2].partition(":")[0]


def environment_name(image: str) -> str:
    """Names the environment of an image.

    Raises:
        InputError: The image is none of ours.
    """
    repository = repository_name(image)
    if repository not in ENVIRONMENTS:
        accepted = f"on this machine one of {', '.join(sorted(ENVIRONMENTS))}"
        raise InputError("image of a step", image, accepted, "Compile the pipeline with it.")
    return ENVIRONMENTS[repository]


def require_environments(images: Iterable[str], envs: Path) -> None:
    """Refuses a pipeline before its first step when an image has no virtualenv here.

    Raises:
        InputError: An image is unknown, or its virtualenv is not installed.
    """
    for image in images:
        name = environment_name(image)
        if not (envs / name / "bin" / "python3").exists():
            accepted = f"images whose virtualenv is there; {envs / name} is not"
            install = f"Install it from components/{name}/requirements.lock."
            raise InputError("image of a step", image, accepted, install)
