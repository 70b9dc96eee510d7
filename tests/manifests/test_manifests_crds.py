"""The downloader of definitions: what is pinned comes whole, and anything else not at all."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.manifests import crds, schemas

COMMIT = "0" * 40
MANY = """\
apiVersion: v1
kind: Namespace
metadata: {name: toys}
---
kind: CustomResourceDefinition
metadata: {name: toys.example.com}
spec: {group: example.com, names: {kind: Toy}, versions: []}
---
kind: CustomResourceDefinition
metadata: {name: others.example.com}
spec: {}
"""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def mirror(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def source(tmp_path: Path) -> Iterator[str]:
    file = tmp_path / "mirror" / "example" / "toys" / COMMIT / "many.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(MANY)
    with mirror(tmp_path / "mirror") as url:
        yield url


def pin(*wanted: str, sha256: str = "", path: str = "many.yaml", **more: Any) -> dict[str, Any]:
    digest = sha256 or hashlib.sha256(MANY.encode()).hexdigest()
    file = {"path": path, "sha256": digest, "definitions": list(wanted)}
    return {"repository": "example/toys", "commit": COMMIT, "files": [file], **more}


def test_only_what_is_named_is_kept_in_a_file_of_its_own(source: str, tmp_path: Path) -> None:
    into = tmp_path / "crds"
    pins = [pin("toys.example.com"), pin("others.example.com", into="newer")]
    assert crds.bring(pins, source, into) == 2
    kept = sorted(str(p.relative_to(into)) for p in into.rglob("*.yaml"))
    assert kept == ["example.com_toys.yaml", "newer/example.com_others.yaml"]
    assert yaml.safe_load((into / kept[0]).read_text())["spec"]["names"] == {"kind": "Toy"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (pin("toys.example.com", sha256="0" * 64), "is pinned"),
        (pin("toys.example.com", path="none.yaml"), "none.yaml could not be read: .*404"),
        (pin("toy.example.com"), "has no definition toy.example.com"),
    ],
)
def test_what_is_not_as_pinned_changes_nothing(
    source: str, tmp_path: Path, wrong: dict[str, Any], said: str
) -> None:
    into = tmp_path / "crds"
    crds.bring([pin("others.example.com")], source, into)
    with pytest.raises(crds.NotBrought, match=said):
        crds.bring([pin("toys.example.com"), wrong], source, into)
    assert [p.name for p in into.iterdir()] == ["example.com_others.yaml"]
    assert not list(tmp_path.glob(".*"))


def test_an_address_that_anybody_could_change_is_refused(tmp_path: Path) -> None:
    with pytest.raises(crds.NotBrought, match="no https address"):
        crds.bring([pin("toys.example.com")], "http://mirror.example.com", tmp_path / "crds")


def test_a_machine_without_a_way_out_is_told_what_it_may_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with mirror(tmp_path) as url:
        monkeypatch.setenv(crds.MIRROR, url)
        assert crds.main([str(tmp_path / "tools/crds")]) == 1
    assert "RATOON_CRDS names a folder" in capsys.readouterr().err
    assert not (tmp_path / "tools/crds").exists()


def test_every_kind_that_is_looked_up_is_pinned() -> None:
    pins = yaml.safe_load(crds.PINS.read_text())
    names = [d for one in pins for f in one["files"] for d in f["definitions"]]
    assert len(names) == 19
    assert {one.get("into") for one in pins} == {None, schemas.NEWER}
    assert all(len(one["commit"]) == 40 for one in pins)
