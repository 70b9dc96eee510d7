"""The targets that a model's folder names: that of its spec, and of the overlays beside it."""

from collections.abc import Iterator

from components.core.errors import InputError
from components.core.spec import Spec
from components.core.spec.load import read_mapping
from components.ops.plan.folder import MAX_BYTES, SPEC_FILE, ModelFolder
from components.ops.targets.target_uri import check_target


def check_targets(folder: ModelFolder, spec: Spec) -> None:
    """Checks that every target that the folder names can hold the model, reaching none of them.

    Raises:
        InputError: A target is malformed, or cannot hold a model of this name.
    """
    check_target(spec.serving.target, spec.name)
    for file, name, target in _overlay_targets(folder, spec.name):
        try:
            check_target(target, name)
        except InputError as error:
            raise InputError(
                f"{file}: {error.where}", error.given, error.accepted, error.do
            ) from error


def _overlay_targets(folder: ModelFolder, name: str) -> Iterator[tuple[str, str, str]]:
    """File, model name and target of each file that looks like an overlay, by having a target."""
    for file in folder.names():
        if file == SPEC_FILE or not file.endswith((".yaml", ".yml")):
            continue
        try:
            fields = read_mapping((folder.find(file, MAX_BYTES) or b"").decode(), file)
        except (InputError, UnicodeDecodeError):
            continue  # not an overlay; whoever uses the file says what is wrong with it
        serving = fields.get("serving")
        target = serving.get("target") if isinstance(serving, dict) else None
        if isinstance(target, str):
            yield file, str(fields.get("name", name)), target
