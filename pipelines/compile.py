"""Compiles both pipelines to the YAML that the dashboard, the cluster and the laptop run."""

import argparse
import sys
import tempfile
from pathlib import Path

import yaml
from kfp import compiler
from kfp.dsl.base_component import BaseComponent

from components.core.errors import InputError
from pipelines.images import Images
from pipelines.monitor import monitor
from pipelines.train_and_deploy import train_and_deploy

FOLDER = Path("manifests/pipelines")
PIPELINES: tuple[BaseComponent, ...] = (train_and_deploy, monitor)


def compiled(pipeline: BaseComponent, images: Images) -> str:
    """A pipeline as YAML text, the same text each time.

    Raises:
        InputError: A step names an image that is none of ours.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pipeline.yaml"
        compiler.Compiler().compile(pipeline, str(file))
        comments, document = _read(file.read_text(encoding="utf-8"))
    placed = images.placed(document)
    return comments + yaml.safe_dump(placed, sort_keys=True, width=100)


def main(arguments: list[str] | None = None) -> int:
    """Writes every pipeline's file, or with ``--check`` says which are not fresh."""
    parser = argparse.ArgumentParser(prog="make compile", description=__doc__)
    parser.add_argument("--registry", default="")
    parser.add_argument("--tag", default="dev")
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if not fresh")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    options = parser.parse_args(arguments)
    try:
        texts = _texts(Images(options.registry, options.tag), options.folder)
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if options.check:
        return _report_stale(texts)
    options.folder.mkdir(parents=True, exist_ok=True)
    for file, text in texts.items():
        file.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{file}\n")
    return 0


def _texts(images: Images, folder: Path) -> dict[Path, str]:
    return {folder / f"{p.name}.yaml": compiled(p, images) for p in PIPELINES}


def _report_stale(texts: dict[Path, str]) -> int:
    stale = [f for f, text in texts.items() if not f.exists() or f.read_text() != text]
    for file in stale:
        sys.stderr.write(f"{file} is not what its pipeline compiles to; run `make compile`\n")
    return 1 if stale else 0


def _read(text: str) -> tuple[str, dict[str, object]]:
    """The comment that describes a pipeline to people, and the document."""
    lines = text.splitlines(keepends=True)
    comments = [line for line in lines if line.startswith("#")]
    return "".join(comments), yaml.safe_load(text)


if __name__ == "__main__":
    sys.exit(main())
