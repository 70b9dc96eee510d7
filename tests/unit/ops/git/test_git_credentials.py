"""Credentials come from the mounted secret, and stand nowhere else."""

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.core.errors import ApiRejected, ApiUnavailable, InputError
from components.ops.git import credential_helper
from components.ops.git.objects import Commit
from components.ops.plan.folder import open_source, read_file
from components.ops.targets.git.branch import Branch
from components.ops.targets.target_uri import parse_git_uri
from tests.needs import skip_or_fail
from tests.unit.ops.git.https_server import PASSWORD, USER, GitServer, served
from tests.unit.ops.git.repositories import FOLDER, Bare, git


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the mounted secret, still empty."""
    folder = tmp_path / "secret"
    folder.mkdir()
    monkeypatch.setenv("RATOON_GIT_CREDENTIALS", str(folder))
    return folder


_BACKEND = Path(git(Path("/"), "--exec-path")) / "git-http-backend"


@pytest.fixture
def server(
    tmp_path: Path, temporary: Path, bare: Bare, monkeypatch: pytest.MonkeyPatch
) -> Iterator[GitServer]:
    if not _BACKEND.exists():
        skip_or_fail(f"this git has no server: {_BACKEND}")
    (bare.path / "hooks").mkdir(exist_ok=True)
    with served(bare.path.parent, temporary) as made:
        monkeypatch.setenv("GIT_SSL_CAINFO", str(made.trust))
        yield made


def branch_of(server: GitServer, deadline_s: float = 30) -> Branch:
    return Branch(parse_git_uri(f"git+{server.url}/gitops.git@main#{FOLDER}").address, deadline_s)


def fill(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / name).write_text(text)


def write(text: str) -> Commit:
    return Commit({f"{FOLDER}/a": text.encode()}, "write\n")


@pytest.mark.usefixtures("secret")
def test_a_repository_behind_a_password_is_read_and_pushed_to(
    server: GitServer, secret: Path, bare: Bare, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fill(secret, username=f"{USER}\n", password=f"{PASSWORD}\n")

    made = branch_of(server).change(lambda _: write("over https"))

    assert bare.tip() == made
    assert bare.files() == {"a": b"over https"}
    assert branch_of(server).read(lambda tree: tree.find("a", 99)) == b"over https"
    assert f"{USER}:{PASSWORD}" in server.asked
    assert server.leaks == []
    assert PASSWORD not in caplog.text
    assert PASSWORD not in repr(branch_of(server))


def test_a_model_is_read_by_the_same_secret(server: GitServer, secret: Path, bare: Bare) -> None:
    commit = bare.write({"models/churn/model.yaml": "name: churn\n"}, "a model")
    fill(secret, username=USER, password=PASSWORD)
    model = f"git+{server.url}/gitops.git@{commit}#models/churn"

    with pytest.raises(InputError, match="a commit that can be read"), open_source(model):
        pass
    assert set(server.asked) == {""}, "a secret that names no host is not for every host"
    fill(secret, host=f"git.example.org\n{server.host}\n")
    with open_source(model) as folder:
        assert read_file(folder, "model.yaml", "") == b"name: churn\n"
    assert server.leaks == []


def test_a_person_reads_models_with_their_own_settings_and_a_target_does_not(
    server: GitServer, secret: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bare: Bare
) -> None:
    commit = bare.write({"models/churn/model.yaml": "name: churn\n"}, "a model")
    own = f"!echo username={USER}; echo password={PASSWORD}; true"
    git(tmp_path, "config", "--file", str(tmp_path / ".gitconfig"), "credential.helper", own)
    (tmp_path / ".netrc").write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    monkeypatch.setenv("HOME", str(tmp_path))

    with open_source(f"git+{server.url}/gitops.git@{commit}#models/churn") as folder:
        assert read_file(folder, "model.yaml", "") == b"name: churn\n"
    server.asked.clear()
    with pytest.raises(ApiRejected, match=f"mounted at {secret}"):
        branch_of(server).read(lambda tree: tree)
    assert set(server.asked) == {""}


def test_a_secret_for_another_host_is_not_used(server: GitServer, secret: Path) -> None:
    fill(secret, username=USER, password=PASSWORD, host="git.example.org")

    with pytest.raises(ApiRejected, match="file host, if it is there, names 127"):
        branch_of(server).read(lambda tree: tree)
    assert set(server.asked) == {""}


@pytest.mark.parametrize(
    "files", [{}, {"username": USER}, {"username": USER, "password": "wrong-Pa55word"}]
)
def test_what_is_missing_is_said_without_the_secret(
    server: GitServer, secret: Path, files: dict[str, str]
) -> None:
    fill(secret, **files)

    with pytest.raises(ApiRejected) as caught:
        branch_of(server).read(lambda tree: tree)

    told = str(caught.value)
    assert f"{server.url}/gitops.git: the credentials do not open it" in told
    assert f"The secret ratoon-git, mounted at {secret}, holds username and password" in told
    assert "wrong-Pa55word" not in told


def test_a_user_who_may_not_push_is_said(server: GitServer, secret: Path, bare: Bare) -> None:
    fill(secret, username=USER, password=PASSWORD)
    server.is_read_only, tip = True, bare.tip()

    with pytest.raises(ApiRejected, match="with the right to write there"):
        branch_of(server).change(lambda _: write("x"))
    assert bare.tip() == tip


def test_the_rules_of_a_server_are_reported(server: GitServer, secret: Path, bare: Bare) -> None:
    """A branch that only a review may change, as hosts protect it: by a hook of theirs."""
    fill(secret, username=USER, password=PASSWORD)
    hook = bare.path / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'main is protected' >&2\nexit 1\n")
    hook.chmod(0o755)
    tip = bare.tip()

    with pytest.raises(ApiRejected, match=r"rules reject the push.*Let the user of Ratoon push"):
        branch_of(server).change(lambda _: write("x"))
    assert bare.tip() == tip


def test_a_server_that_is_busy_is_asked_again(server: GitServer, secret: Path, bare: Bare) -> None:
    fill(secret, username=USER, password=PASSWORD)
    server.busy = 3

    assert branch_of(server).change(lambda _: write("x")) == bare.tip()
    assert server.busy == 0
    server.busy = 1_000_000
    with pytest.raises(ApiUnavailable, match=r"does not answer .*503.*tried again for 0\.5 s"):
        branch_of(server, deadline_s=0.5).change(lambda _: write("y"))


def test_a_redirect_elsewhere_learns_nothing(
    server: GitServer, secret: Path, tmp_path: Path, temporary: Path
) -> None:
    fill(secret, username=USER, password=PASSWORD)
    (tmp_path / "elsewhere").mkdir()
    with served(tmp_path / "elsewhere", temporary) as other:
        server.moved_to = other.url
        both = tmp_path / "both.crt"
        both.write_bytes(server.trust.read_bytes() + other.trust.read_bytes())
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("GIT_SSL_CAINFO", str(both))
            with pytest.raises(ApiRejected, match="the credentials do not open it"):
                branch_of(server).read(lambda tree: tree)

        assert other.asked, "it was redirected"
        assert set(other.asked) == {""}


def test_a_server_that_nobody_vouches_for_is_not_spoken_to(
    server: GitServer, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(secret, username=USER, password=PASSWORD)
    monkeypatch.delenv("GIT_SSL_CAINFO")
    monkeypatch.setenv("GIT_SSL_NO_VERIFY", "1")

    with pytest.raises(ApiUnavailable, match="certificate"):
        branch_of(server, deadline_s=0.5).read(lambda tree: tree)
    assert server.asked == []


@pytest.mark.parametrize(
    ("files", "answer"),
    [
        ({"username": "bot\n", "password": "p=1\n"}, "username=bot\npassword=p=1\n"),
        ({"token": "t"}, "username=x-access-token\npassword=t\n"),
        ({"token": "t", "username": "bot", "password": "p"}, "username=bot\npassword=t\n"),
        ({"username": "bot"}, ""),
        ({}, ""),
        ({"username": "bot", "password": "two\nlines"}, ""),
    ],
)
def test_the_helper_answers_from_files(tmp_path: Path, files: dict[str, str], answer: str) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    fill(folder, **files)

    assert asked(folder, "get", "protocol=https\nhost=git.example.org\n\n") == answer


@pytest.mark.parametrize(
    ("verb", "question"),
    [
        ("get", "protocol=https\nhost=elsewhere.example.org\n\n"),
        ("get", "protocol=http\nhost=git.example.org\n\n"),
        ("get", "protocol=https\nhost=git.example.org:8443\n\n"),
        ("get", "\n"),
        ("store", "protocol=https\nhost=git.example.org\n\n"),
        ("erase", "protocol=https\nhost=git.example.org\n\n"),
    ],
)
def test_the_helper_answers_nobody_else(tmp_path: Path, verb: str, question: str) -> None:
    fill(tmp_path, token="t")

    assert asked(tmp_path, verb, question) == ""


@pytest.mark.parametrize(
    ("hosts", "unnamed", "answers"),
    [
        ("git.example.org", "none", True),
        ("other.example.org\ngit.example.org\n", "any", True),
        ("other.example.org", "any", False),
        ("", "any", True),
        ("", "none", False),
    ],
)
def test_a_secret_names_its_hosts(tmp_path: Path, hosts: str, unnamed: str, answers: bool) -> None:
    fill(tmp_path, token="t", host=hosts)
    question = "protocol=https\nhost=git.example.org\n\n"

    assert bool(asked(tmp_path, "get", question, unnamed)) == answers


def asked(folder: Path, verb: str, question: str, unnamed: str = "any") -> str:
    """What the helper answers when it is run as git runs it."""
    program = [sys.executable, "-ISE", str(credential_helper.__file__)]
    return subprocess.run(
        [*program, str(folder), "git.example.org", unnamed, verb],
        input=question, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip


def test_credentials_in_an_address_of_a_model_are_refused() -> None:
    with (
        pytest.raises(InputError, match="/var/run/secrets/ratoon/git") as caught,
        open_source(f"git+https://user:{PASSWORD}@host/repository@{'0' * 40}#x"),
    ):
        pass
    assert PASSWORD not in str(caught.value)


def test_the_repository_itself_holds_no_secret(bare: Bare, secret: Path, server: GitServer) -> None:
    fill(secret, username=USER, password=PASSWORD)
    branch_of(server).change(lambda _: write("x"))

    everything = git(bare.path, "log", "-p", "--all", "--format=fuller")
    assert PASSWORD not in everything
    assert USER not in everything
