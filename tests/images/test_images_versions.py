"""What the locks hold in common: one KFP, one set of schema protos, one version of the product."""

import re
import tomllib
from collections.abc import Iterator

import pytest

import components
from tests.images.dockerfile import ROOMS, ROOT

LOCKS = (".", *(f"components/{room}" for room in ROOMS))
KFP = {"kfp", "kfp-kubernetes", "kfp-pipeline-spec", "kfp-server-api"}
# A stack opens its own connections; requests, which other clients stand on, does it by urllib3.
STACKS = {"aiohttp", "httpx", "urllib3"}
OTHERS = {"httplib2", "pycurl", "tornado", "httpx2", "niquests", "geventhttpclient", "treq"}
# Beam imports it when it is imported, for a proxy that nobody sets.
ALLOWED = {"components/data": {"httplib2"}}


def pins(lock: str) -> dict[str, str]:
    """Name to version."""
    text = (ROOT / lock / "requirements.lock").read_text(encoding="utf-8")
    found = re.findall(r"^([a-z0-9._-]+)(?:\[.*\])?==([^\s;\\]+)", text, re.MULTILINE)
    assert len(found) > 5
    return dict(found)


def projects() -> Iterator[tuple[str, dict[str, object]]]:
    for file in sorted([*ROOT.glob("*/pyproject.toml"), *ROOT.glob("*/*/pyproject.toml")]):
        yield str(file), tomllib.loads(file.read_text(encoding="utf-8"))["project"]


def test_kfp_and_its_companions_are_of_one_version_everywhere() -> None:
    versions = {pins(lock)[name] for lock in LOCKS for name in KFP & pins(lock).keys()}
    assert len(versions) == 1


@pytest.mark.parametrize("room", ROOMS)
def test_an_image_has_kfp_alone(room: str) -> None:
    assert KFP & pins(f"components/{room}").keys() == {"kfp"}


def test_the_schema_protos_are_of_one_version_everywhere() -> None:
    found = {lock: pins(lock).get("tensorflow-metadata") for lock in LOCKS}
    assert found.pop("components/model") is None, "it reads no protos; compare it if it does"
    assert len(found) == 3
    assert len(set(found.values())) == 1


@pytest.mark.parametrize("lock", LOCKS)
def test_there_are_three_http_stacks_and_no_more(lock: str) -> None:
    held = pins(lock).keys()
    assert held & OTHERS == ALLOWED.get(lock, set())
    assert held & STACKS >= {"aiohttp", "urllib3"}
    assert ("httpx" in held) == (lock != "components/data")


def test_the_version_stands_in_one_place() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["hatch"]["version"] == {"path": "components/__init__.py"}
    assert re.fullmatch(r"\d+\.\d+\.\d+", components.__version__)
    repeated = [file for file, one in projects() if "version" in one]
    assert len(list(projects())) == 5
    assert repeated == []
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{components.__version__}]" in changes
