"""Compiles both pipelines: YAML for dashboard and laptop, objects for kubectl and GitOps."""

import argparse
import sys
from pathlib import Path

from kfp.dsl.base_component import BaseComponent

from components.core.errors import InputError
from pipelines.document import MONITOR_VERSION, Document
from pipelines.monitor import monitor
from pipelines.objects import KUSTOMIZATION, is_ours, kustomization, object_files
from pipelines.settings import Settings, read_settings
from pipelines.train_and_deploy import train_and_deploy

FOLDER = Path("manifests/pipelines")
OBJECTS = "objects"
SETTINGS = "compile.yaml"
PIPELINES: tuple[BaseComponent, ...] = (train_and_deploy, monitor)


def compiled(settings: Settings) -> tuple[Document, ...]:
    """Both pipelines, the same documents each time.

    Raises:
        InputError: A step names an image that is none of ours.
    """
    documents = [_placed(Document.of(pipeline), settings) for pipeline in PIPELINES]
    (version,) = (one.version for one in documents if one.name == monitor.name)
    return tuple(one.with_variable(MONITOR_VERSION, version) for one in documents)


def files_of(settings: Settings) -> dict[str, str]:
    """Every file that compiling writes, by its path in the folder."""
    documents = compiled(settings)
    objects: dict[str, str] = {}
    for document in documents:
        objects |= object_files(document, settings.tag)
    versions = {one.name: one.version for one in documents}
    return {
        **{f"{one.name}.yaml": one.text() for one in documents},
        **{f"{OBJECTS}/{name}": text for name, text in objects.items()},
        f"{OBJECTS}/{KUSTOMIZATION}": kustomization(list(objects), versions),
        SETTINGS: settings.text(),
    }


def main(arguments: list[str] | None = None) -> int:
    """Writes every file, or with ``--check`` says which are not fresh."""
    options = _parser().parse_args(arguments)
    folder: Path = options.folder
    try:
        settings = read_settings(folder / SETTINGS).told(
            registry=options.registry, tag=options.tag, claim=options.pvc
        )
        texts = {folder / name: text for name, text in files_of(settings).items()}
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    left = [file for file in _written_before(folder / OBJECTS) if file not in texts]
    if options.check:
        return _report_stale(texts, left)
    for file, text in texts.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{file}\n")
    for file in left:
        file.unlink()
        sys.stdout.write(f"{file} removed\n")
    return 0


def _placed(document: Document, settings: Settings) -> Document:
    placed = document.with_images(settings.images)
    return placed.with_claim(settings.claim) if settings.claim else placed


def _written_before(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.glob("*.yaml")) if is_ours(file.read_text("utf-8"))]


def _report_stale(texts: dict[Path, str], left: list[Path]) -> int:
    stale = [f for f, text in texts.items() if not f.exists() or f.read_text("utf-8") != text]
    for file in stale:
        sys.stderr.write(f"{file} is not what its pipeline compiles to; run `make compile`\n")
    for file in left:
        sys.stderr.write(f"{file} is of a pipeline that was changed; run `make compile`\n")
    return 1 if stale or left else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make compile", description=__doc__)
    parser.add_argument("--registry", help="in front of every image")
    parser.add_argument("--tag", help="of every image")
    parser.add_argument("--pvc", help="a PersistentVolumeClaim that every step mounts")
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if not fresh")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    return parser


if __name__ == "__main__":
    sys.exit(main())
