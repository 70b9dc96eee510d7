"""Brings the CustomResourceDefinitions that tests validate against; run, it fills a folder.

``python -m tests.manifests.crds .tools/crds`` takes each file that ``crds.yaml`` pins from its
project's repository, or from a mirror with the same paths that ``RATOON_CRDS_FROM`` names. What is
not byte for byte what was pinned is refused, and the folder is there whole or not at all.
"""

import argparse
import hashlib
import os
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
PINS = Path(__file__).with_name("crds.yaml")
UPSTREAM = "https://raw.githubusercontent.com"
MIRROR, NAMED = "RATOON_CRDS_FROM", "RATOON_CRDS"
OWN = ROOT / ".tools/crds"
_TIMEOUT_S = 20

Pin = Mapping[str, Any]


class NotBrought(Exception):
    """A definition that could not be had; the message says which and why."""


def folders() -> tuple[Path, ...]:
    """Where definitions are looked for, the first one first."""
    named = os.environ.get(NAMED)
    return (Path(named),) if named else (ROOT.parent / "shared/crds", OWN)


def bring(pins: list[Pin], source: str, into: Path) -> int:
    """Downloads what is pinned into a folder, which replaces an earlier one.

    Args:
        pins: As in ``crds.yaml``.
        source: A URL before ``/<repository>/<commit>/<path>``.
        into: The folder.

    Returns:
        How many definitions there are.

    Raises:
        NotBrought: A file is not to be had, is another, or lacks a definition.
    """
    part = into.with_name(f".{into.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        for pin in pins:
            folder = part / pin.get("into", "")
            folder.mkdir(parents=True, exist_ok=True)
            for file in pin["files"]:
                url = f"{source.rstrip('/')}/{pin['repository']}/{pin['commit']}/{file['path']}"
                _keep(_read(url, file["sha256"]), file["definitions"], folder, url)
        brought = len(list(part.rglob("*.yaml")))
        shutil.rmtree(into, ignore_errors=True)
        part.rename(into)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return brought


def main(arguments: list[str] | None = None) -> int:
    """Fills the folder, or says why it cannot; 1 then."""
    parser = argparse.ArgumentParser(prog="make .tools/crds", description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args(arguments).folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    pins = yaml.safe_load(PINS.read_text(encoding="utf-8"))
    try:
        brought = bring(pins, os.environ.get(MIRROR, UPSTREAM), folder)
    except NotBrought as error:
        sys.stderr.write(f"CustomResourceDefinitions: {error}. {NAMED} names a folder of them,\n")
        sys.stderr.write(f"{MIRROR} a mirror; without, what needs them is skipped.\n")
        return 1
    sys.stdout.write(f"{brought} CustomResourceDefinitions in {folder}\n")
    return 0


def _read(url: str, sha256: str) -> bytes:
    if not url.startswith(("https://", "http://127.0.0.1")):
        raise NotBrought(f"{url} is no https address")
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
            content: bytes = answer.read()
    except (urllib.error.URLError, OSError) as error:
        raise NotBrought(f"{url} could not be read: {error}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise NotBrought(f"{url} has the digest {found}, and {sha256} is pinned")
    return content


def _keep(content: bytes, wanted: list[str], folder: Path, url: str) -> None:
    definitions = {one["metadata"]["name"]: one for one in _definitions(content)}
    for name in wanted:
        if name not in definitions:
            raise NotBrought(f"{url} has no definition {name}")
        plural, _, group = name.partition(".")
        text = yaml.dump(definitions[name], Dumper=yaml.CSafeDumper, sort_keys=False)
        (folder / f"{group}_{plural}.yaml").write_text(text, encoding="utf-8")


def _definitions(content: bytes) -> Iterator[dict[str, Any]]:
    for one in yaml.load_all(content, yaml.CSafeLoader):
        if one and one.get("kind") == "CustomResourceDefinition":
            yield one


if __name__ == "__main__":
    sys.exit(main())
