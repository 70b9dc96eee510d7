"""Reading and writing by URI, on a real disk, with real writers at once."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from components.core import storage
from components.core.errors import InputError

_RACER = """
import sys
from components.core import storage
print("ready", flush=True)
sys.stdin.readline()
print(storage.create_bytes(sys.argv[1], sys.argv[2].encode() * 100_000))
"""


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_reads_what_was_written(tmp_path: Path, scheme: str) -> None:
    uri = f"{scheme}{tmp_path}/new/folder/a.json"

    storage.write_bytes(uri, b"one")
    assert storage.read_bytes(uri) == b"one"
    storage.write_bytes(uri, b"two")
    assert storage.read_bytes(uri) == b"two"
    assert storage.exists(uri)
    assert not storage.exists(f"{uri}x")
    assert [p.name for p in Path(tmp_path / "new" / "folder").iterdir()] == ["a.json"]


def test_a_relative_path_is_a_uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    storage.write_bytes("folder/a", b"one")

    assert (tmp_path / "folder" / "a").read_bytes() == b"one"
    assert storage.list_files("folder/*") == (str(tmp_path / "folder" / "a"),)


def test_a_missing_file_is_the_users_to_mend(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        storage.read_bytes(str(tmp_path / "none"))


def test_lists_in_order_and_nothing_where_nothing_is(tmp_path: Path) -> None:
    for name in ("b.json", "a.json", "c.txt"):
        (tmp_path / name).write_bytes(b"")

    assert [Path(f).name for f in storage.list_files(f"{tmp_path}/*.json")] == ["a.json", "b.json"]
    assert storage.list_files(f"{tmp_path}/none/*.json") == ()
    assert storage.list_files(f"file://{tmp_path}/a*") == (f"file://{tmp_path}/a.json",)


@pytest.mark.parametrize("uri", ["a/../b", "../b", "file:///a/../b", "s3://bucket/../b", ".."])
def test_refuses_to_climb(uri: str) -> None:
    with pytest.raises(InputError, match=r"without '\.\.'"):
        storage.resolve(uri)


@pytest.mark.parametrize("uri", ["ftp://host/a", "memory://a", "github://a", "zip://a"])
def test_refuses_other_schemes(uri: str) -> None:
    with pytest.raises(InputError, match="a URI that begins with"):
        storage.read_bytes(uri)


def test_creates_only_once(tmp_path: Path) -> None:
    uri = str(tmp_path / "claims" / "1.json")

    assert storage.create_bytes(uri, b"first")
    assert not storage.create_bytes(uri, b"second")
    assert storage.read_bytes(uri) == b"first"
    assert [p.name for p in (tmp_path / "claims").iterdir()] == ["1.json"]


def test_of_many_processes_at_once_one_creates(tmp_path: Path) -> None:
    file = tmp_path / "claims" / "1.json"
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", _RACER, str(file), letter],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for letter in "abcd"
    ]
    assert [racer.stdout.readline() for racer in racers if racer.stdout] == ["ready\n"] * 4
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    answers = [racer.communicate()[0].strip() for racer in racers]

    assert sorted(answers) == ["False", "False", "False", "True"]
    winner = "abcd"[answers.index("True")]
    assert file.read_bytes() == winner.encode() * 100_000
    assert [p.name for p in file.parent.iterdir()] == ["1.json"]


def test_a_reader_never_sees_a_part(tmp_path: Path) -> None:
    file = str(tmp_path / "a")
    contents = (b"a" * 400_000, b"b" * 300_000)
    storage.write_bytes(file, contents[0])
    stop = threading.Event()

    def write() -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            storage.write_bytes(file, contents[turn % 2])

    writer = threading.Thread(target=write)
    writer.start()
    seen = {storage.read_bytes(file) for _ in range(200)}
    stop.set()
    writer.join()

    assert seen <= set(contents)
