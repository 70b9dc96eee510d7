"""Publishers that are killed, and publishers at once: one whole version in the end."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from components.core.artifacts import PUBLISHED
from components.core.digest import digest_folder
from tests.unit.ops.store.store_factories import (
    MODEL,
    ROOT,
    VERSION,
    Store,
    fetch,
    make_folder,
    publish,
)

_PUBLISH = """
import sys
from pathlib import Path
from components.core.errors import RatoonError
from tests.unit.ops.store.store_factories import publish
folder, store, model, version = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
try:
    print(publish(Path(folder), store, model, version))
except RatoonError as error:
    print(type(error).__name__)
"""
_FILES = 30
# A disk is a mounted claim under another name.
pytestmark = pytest.mark.parametrize("store", ["pvc", "s3"], indirect=True)


def publisher(folder: Path, store: Store) -> subprocess.Popen[str]:
    """Another process that publishes when it is given a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", _PUBLISH, str(folder), store.uri, MODEL, VERSION],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def many_files(folder: Path, seed: str) -> Path:
    make_folder(folder, seed)
    for number in range(_FILES):
        (folder / f"part-{number:02}").write_bytes(f"{seed}{number}".encode() * 10_000)
    return folder


@pytest.mark.parametrize("seen", [1, 20])
def test_killed_in_the_middle_and_run_again(tmp_path: Path, store: Store, seen: int) -> None:
    folder = many_files(tmp_path / "made", "a")
    process = publisher(folder, store)
    go(process)
    while sum(VERSION in name for name in store.files()) < seen:
        time.sleep(0.002)
    process.kill()
    process.communicate()
    # Not whole yet, unless the kill came too late: then this test shows nothing.
    assert f"{MODEL}/{VERSION}/{PUBLISHED}" not in store.files()

    uri = publish(folder, store.uri, MODEL, VERSION)
    fetch(uri, tmp_path / "back")
    assert digest_folder(tmp_path / "back") == digest_folder(folder)
    assert len(store.files()) == _FILES + 5  # no lease, no part of a file


def test_two_with_the_same_bytes_at_once(tmp_path: Path, store: Store) -> None:
    folder = many_files(tmp_path / "made", "a")
    racers = [publisher(folder, store) for _ in range(2)]
    for racer in racers:
        go(racer)
    answers = {racer.communicate()[0].strip() for racer in racers}

    assert answers == {f"{store.uri}/{MODEL}/{VERSION}"}
    fetch(f"{store.uri}/{MODEL}/{VERSION}", tmp_path / "back")
    assert digest_folder(tmp_path / "back") == digest_folder(folder)
    assert len(store.files()) == _FILES + 5


def test_two_with_other_bytes_at_once(tmp_path: Path, store: Store) -> None:
    folders = {seed: many_files(tmp_path / seed, seed) for seed in "ab"}
    racers = {seed: publisher(folder, store) for seed, folder in folders.items()}
    for racer in racers.values():
        go(racer)
    answers = {seed: racer.communicate()[0].strip() for seed, racer in racers.items()}

    won = [seed for seed, answer in answers.items() if answer.startswith(store.uri)]
    assert len(won) == 1, answers
    # Told to try again where they met, and that the version is taken where one was late.
    assert set(answers.values()) & {"ApiUnavailable", "InputError"}
    fetch(f"{store.uri}/{MODEL}/{VERSION}", tmp_path / "back")
    assert digest_folder(tmp_path / "back") == digest_folder(folders[won[0]])
