"""Renders overlays; run, it writes their goldens, and with ``--check`` says which are not fresh.

The program is ``kustomize`` or a ``kubectl`` on the PATH whose kustomize is 5 or newer, else the
one that ``make .tools/kustomize`` builds where there is Go.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
OVERLAYS = ("kind", "staging", "production")
GOLDEN = ROOT / "tests/manifests/golden"
MISSING = "no kustomize 5 and no Go to build it with: `make .tools/kustomize` says more"
_VERSIONS = re.compile(r"ratoon-pipelines-[a-z0-9]{10}")
_HEADER = "# Written by `make overlays`; compiled pipelines are in manifests/pipelines.\n"
_OWN = str(ROOT / ".tools/kustomize")

Object = dict[str, Any]


class Refused(Exception):
    """A folder that kustomize does not build; the message is its own."""


@cache
def program() -> tuple[str, ...] | None:
    """The command that builds a folder; None: there is none."""
    candidates = (
        (("kustomize", "version"), ("kustomize", "build")),
        (("kubectl", "version", "--client"), ("kubectl", "kustomize")),
        ((_OWN, "version"), (_OWN, "build")),
    )
    for asked, command in candidates:
        if shutil.which(command[0]) and _is_5_or_newer(asked):
            return command
    return None


def must_be_there() -> bool:
    """Whether a missing program is a fault of this machine: CI with Go has built it."""
    return os.environ.get("CI") == "true" and shutil.which("go") is not None


def build(folder: Path) -> list[Object]:
    """The objects of a folder, in order of kind and name.

    Raises:
        Refused: kustomize does not build it.
    """
    command = program()
    assert command, MISSING
    done = subprocess.run([*command, str(folder)], capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise Refused(done.stderr.strip())
    objects = [one for one in yaml.load_all(done.stdout, yaml.CSafeLoader) if one]
    return sorted(objects, key=_identity)


def overlay(name: str) -> Path:
    """The folder of an overlay."""
    return ROOT / "kustomize/overlays" / name


def text_of(objects: list[Object]) -> str:
    """Objects as a golden holds them, the same by every version of kustomize.

    What `make compile` writes is left out, with the digest in the name of its list of versions:
    it is committed and proved fresh where it is written.
    """
    shown = [one for one in objects if not is_compiled(one)]
    text = yaml.safe_dump_all(shown, sort_keys=True, width=100, allow_unicode=True)
    return _HEADER + _VERSIONS.sub("ratoon-pipelines-<digest>", text)


def is_compiled(one: Object) -> bool:
    """Whether an object is one that `make compile` writes."""
    kinds = ("Pipeline", "PipelineVersion")
    return one["kind"] in kinds or bool(_VERSIONS.fullmatch(one["metadata"]["name"]))


def main(arguments: list[str] | None = None) -> int:
    """Writes the goldens, or says which are not fresh."""
    parser = argparse.ArgumentParser(prog="make overlays", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if not fresh")
    options = parser.parse_args(arguments)
    if program() is None:
        sys.stderr.write(f"The rendered overlays were not looked at: {MISSING}\n")
        return 1 if must_be_there() or not options.check else 0
    texts = {GOLDEN / f"{name}.yaml": text_of(build(overlay(name))) for name in OVERLAYS}
    if not options.check:
        for file, text in texts.items():
            file.write_text(text, encoding="utf-8")
        return 0
    stale = [file for file, text in texts.items() if not file.exists() or file.read_text() != text]
    for file in stale:
        sys.stderr.write(f"{file.relative_to(ROOT)} is not what renders; run `make overlays`\n")
    return 1 if stale else 0


def _identity(one: Object) -> tuple[str, ...]:
    meta = one["metadata"]
    return (one["kind"], one["apiVersion"], meta.get("namespace", ""), meta["name"])


def _is_5_or_newer(asked: tuple[str, ...]) -> bool:
    done = subprocess.run(asked, capture_output=True, text=True, timeout=60)
    said = re.findall(r"^(?:Kustomize Version: )?v(\d+)\.\d+\.\d+", done.stdout, re.MULTILINE)
    return bool(said) and int(said[-1]) >= 5


if __name__ == "__main__":
    sys.exit(main())
