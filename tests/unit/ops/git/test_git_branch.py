"""A branch is read at its tip and moved by compare-and-set, whatever others do meanwhile."""

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from components.core.errors import ApiRejected, ApiUnavailable, InputError
from components.ops.git.objects import Commit, Tree
from components.ops.targets.git.branch import Branch
from components.ops.targets.target_uri import parse_git_uri
from tests.unit.ops.git.repositories import Bare, git

ROUNDS = 20
COUNTER = "apps/flights/counter"
ADDER = Path(__file__).parent / "adder.py"


def branch_of(target: str, deadline_s: float = 60) -> Branch:
    return Branch(parse_git_uri(target).address, deadline_s)


def write(name: str, text: str) -> Commit:
    return Commit({name: text.encode()}, f"write {name}\n")


def test_a_commit_holds_several_files_and_leaves_the_others(bare: Bare) -> None:
    bare.write({"apps/flights/old": "1", "apps/other/file": "2"}, "others")
    files = {"apps/flights/a": b"\x00\xff", "apps/flights/b/c": b"", "apps/flights/old": None}
    before = bare.tip()

    made = branch_of(bare.target).change(lambda _: Commit(files, "subject\n\nbody\n"))

    assert made == bare.tip()
    assert bare.files() == {"a": b"\x00\xff", "b/c": b""}
    changed = git(bare.path, "diff", "--name-status", "--no-renames", before, made).split()
    assert changed == ["A", "apps/flights/a", "A", "apps/flights/b/c", "D", "apps/flights/old"]
    assert git(bare.path, "show", "main:apps/other/file") == "2"
    assert bare.log("%P")[0] == before
    assert bare.message() == "subject\n\nbody"
    assert bare.log("%an <%ae>, %cn <%ce>")[0] == (
        "Ratoon <ratoon@localhost>, Ratoon <ratoon@localhost>"
    )


def test_the_author_is_named_by_the_environment(
    bare: Bare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATOON_GIT_AUTHOR", "Ratoon of Staging <ratoon@staging.example.org>")
    branch_of(bare.target).change(lambda _: write("a", "1"))
    assert bare.log("%an <%ae>")[0] == "Ratoon of Staging <ratoon@staging.example.org>"

    monkeypatch.setenv("RATOON_GIT_AUTHOR", "nobody")
    with pytest.raises(InputError, match=r"RATOON_GIT_AUTHOR: given 'nobody'.*Ratoon <ratoon@"):
        branch_of(bare.target).change(lambda _: write("a", "2"))


def test_nothing_to_change_is_no_commit(bare: Bare) -> None:
    before = bare.tip()

    assert branch_of(bare.target).change(lambda _: None) == before
    assert bare.tip() == before


def test_what_was_decided_on_an_old_tip_is_decided_anew(bare: Bare) -> None:
    seen: list[str] = []

    def decide(tree: Tree) -> Commit:
        seen.append(tree.commit)
        if len(seen) <= 2:  # somebody else is quicker, twice
            bare.write({f"other-{len(seen)}": "x"}, f"other {len(seen)}")
        return write("ours", str(len(seen)))

    branch_of(bare.target).change(decide)

    assert len(seen) == 3
    assert bare.log("%s") == ["write ours", "other 2", "other 1", "first"]
    assert git(bare.path, "show", "main:ours") == "3"


def test_what_gives_up_leaves_the_branch(bare: Bare) -> None:
    before = bare.tip()

    def refuse(_: Tree) -> Commit:
        raise ApiRejected("not this one")

    with pytest.raises(ApiRejected, match="not this one"):
        branch_of(bare.target).change(refuse)
    assert bare.tip() == before


def add(branch: Branch) -> None:
    """Adds one to a number in a file."""

    def decide(tree: Tree) -> Commit:
        number = int(tree.find("counter", 10) or b"0") + 1
        return write(COUNTER, str(number))

    branch.change(decide)


def test_two_pushers_lose_no_commit(bare: Bare) -> None:
    """One thread and one process, each of which adds one to the same number again and again."""
    program = [sys.executable, str(ADDER), bare.target, str(ROUNDS)]
    other = subprocess.Popen(program, env={**os.environ, "PYTHONPATH": str(Path.cwd())})
    for _ in range(ROUNDS):
        add(branch_of(bare.target))

    assert other.wait(120) == 0
    assert git(bare.path, "show", f"main:{COUNTER}") == str(2 * ROUNDS)
    assert bare.log("%s") == [*[f"write {COUNTER}"] * (2 * ROUNDS), "first"]
    assert all(len(parents.split()) <= 1 for parents in bare.log("%P")), "the history is linear"


def test_a_killed_push_leaves_the_branch_intact(bare: Bare, tmp_path: Path) -> None:
    """Killed between its commit and its push, and run again."""
    before, arrived = bare.tip(), tmp_path / "arrived"
    # A disk that is shared is left as it was: what was committed lies in a folder of the killed.
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    real = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout
    wrapper.write_text(
        f'#!/bin/sh\nif [ "$1" = push ]; then touch {arrived}; sleep 60; fi\n'
        f'exec {real.strip()} "$@"\n'
    )
    wrapper.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{wrapper.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(Path.cwd()),
        "TMPDIR": str(tmp_path),
    }
    program = [sys.executable, str(ADDER), bare.target, "1"]
    killed = subprocess.Popen(program, env=environment, start_new_session=True)
    waited = threading.Event()
    while not arrived.exists() and killed.poll() is None:
        waited.wait(0.02)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait(10)

    assert bare.tip() == before
    add(branch_of(bare.target))
    assert git(bare.path, "show", f"main:{COUNTER}") == "1"
    assert len(bare.log("%H")) == 2


def test_a_wrong_branch_names_those_that_are_there(bare: Bare) -> None:
    bare.write({"x": "1"}, "a branch", branch="staging")
    branch = branch_of(bare.target.replace("@main", "@production"))

    for act in (lambda: branch.read(lambda t: t), lambda: branch.change(lambda _: None)):
        with pytest.raises(InputError, match=r"given 'production'.*main, staging"):
            act()
    assert branch.tip() is None


def test_a_repository_without_commits_is_said(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "empty.git")

    with pytest.raises(InputError, match=r"it has none yet.*Make its first commit"):
        branch_of(f"git+file://{tmp_path}/empty.git@main#flights").read(lambda t: t)


def test_a_repository_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(ApiUnavailable, match="there is no such repository") as caught:
        branch_of(f"git+file://{tmp_path}/none.git@main#flights").read(lambda t: t)
    assert "tried again" not in str(caught.value)


def test_a_repository_that_is_away_is_waited_for(bare: Bare, tmp_path: Path) -> None:
    """Nothing listens at the port, so nothing answers until the deadline."""
    address = "git+https://127.0.0.1:9/gitops.git@main#flights"

    with pytest.raises(
        ApiUnavailable, match=r"127\.0\.0\.1:9.*does not answer.*tried again for 1 s"
    ):
        branch_of(address, deadline_s=1).read(lambda t: t)


def test_others_who_always_push_first_end_it(bare: Bare) -> None:
    def decide(tree: Tree) -> Commit:
        bare.write({"other": tree.commit}, "quicker")
        return write("ours", "x")

    with pytest.raises(ApiUnavailable, match=r"another push came first.*tried again for 0\.3 s"):
        branch_of(bare.target, deadline_s=0.3).change(decide)
    assert "write ours" not in bare.log("%s")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a repository to another user")
def test_a_repository_on_a_shared_disk_may_have_another_owner(bare: Bare) -> None:
    for path in (bare.path, *bare.path.rglob("*")):
        os.chown(path, 12_345, 12_345)

    branch_of(bare.target).change(lambda _: write("a", "1"))

    assert bare.log("%s")[0] == "write a"


def test_rules_that_refuse_a_push_are_reported(tmp_path: Path) -> None:
    """A branch that is checked out may not be pushed to: git's own rule."""
    git(tmp_path, "init", "-q", "-b", "main", "work")
    git(tmp_path / "work", "commit", "-q", "--allow-empty", "-m", "first")

    with pytest.raises(ApiRejected, match=r"rules reject the push.*Let the user of Ratoon push"):
        branch_of(f"git+file://{tmp_path}/work@main#flights").change(lambda _: write("a", "1"))


def test_what_is_no_plain_file_is_refused(bare: Bare, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(bare.path), str(clone))
    (clone / "apps").mkdir()
    (clone / "real").mkdir()
    (clone / "real" / "record.json").write_text("{}")
    (clone / "apps" / "flights").symlink_to("../real")
    (clone / "link").symlink_to("/etc/hostname")
    git(clone, "add", "-A")
    git(clone, "commit", "-q", "-m", "links")
    git(clone, "push", "-q", "origin", "main")

    for folder, name in (("apps/flights", "record.json"), ("", "link"), ("", "apps")):
        address = replace(parse_git_uri(bare.target).address, folder=folder)
        with pytest.raises(InputError, match="plain files in plain folders"):
            Branch(address).read(lambda tree, name=name: tree.read([name], 99))
    real = Branch(replace(address, folder="real"))
    names = ["none", "record.json"]
    assert real.read(lambda tree: tree.read(names, 2)) == {"record.json": b"{}"}
    with pytest.raises(InputError, match="given 2; accepted: at most 1 bytes"):
        real.read(lambda tree: tree.read(names, 1))


def test_hooks_and_settings_of_a_repository_do_not_run(bare: Bare, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    for name in ("pre-receive", "update", "post-receive", "post-update", "reference-transaction"):
        hook = bare.path / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {ran}\n")
        hook.chmod(0o755)

    branch_of(bare.target).change(lambda _: write("a", "1"))

    assert git(bare.path, "show", "main:a") == "1"
    assert not ran.exists()


def test_settings_of_the_user_do_not_count(
    bare: Bare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".gitconfig").write_text(
        '[user]\n\tname = Me\n[commit]\n\tgpgSign = true\n[url "file:///elsewhere"]\n'
        "\tinsteadOf = file://\n[push]\n\tpushOption = x\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", str(tmp_path))  # as within a hook of another repository
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Me")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "remote.pushDefault")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "elsewhere")

    branch_of(bare.target).change(lambda _: write("a", "1"))

    monkeypatch.delenv("GIT_DIR")
    assert bare.log("%an")[0] == "Ratoon"


def test_another_branch_gets_a_commit_and_goes_again(bare: Bare) -> None:
    branch, before = branch_of(bare.target), bare.tip()

    first = branch.change(lambda _: write("a", "1"), onto="ratoon/flights-v2")
    second = branch.change(lambda _: write("a", "2"), onto="ratoon/flights-v2")

    assert bare.tip() == before
    assert first != second == bare.tip("ratoon/flights-v2") == branch.tip("ratoon/flights-v2")
    assert bare.log("%P", "ratoon/flights-v2")[0] == before
    branch.remove("ratoon/flights-v2")
    branch.remove("ratoon/flights-v2")  # nothing is left to remove
    assert branch.tip("ratoon/flights-v2") is None
    assert bare.tip() == before
