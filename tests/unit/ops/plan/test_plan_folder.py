"""Where a model's files come from: real folders and real git repositories."""

import os
import subprocess
from pathlib import Path

import pytest

from components.core.errors import InputError
from components.ops.plan.folder import MAX_BYTES, open_source, read_file


def git(folder: Path, *arguments: str) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{
            f"GIT_{who}_{what}": f"a@{who}"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
    }
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / "models" / "churn").mkdir(parents=True)
    git(folder, "init", "-q")
    (folder / "models" / "churn" / "model.yaml").write_text("name: first\n")
    (folder / "models" / "churn" / "link.yaml").symlink_to("/etc/hostname")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def read(model: str, name: str = "model.yaml") -> bytes:
    with open_source(model) as folder:
        return read_file(folder, name, "Look.")


@pytest.mark.parametrize("form", ["{}", "{}/", "file://{}"])
def test_reads_a_folder(tmp_path: Path, form: str) -> None:
    (tmp_path / "overlays").mkdir()
    (tmp_path / "model.yaml").write_text("name: x\n")
    (tmp_path / "overlays" / "staging.yaml").write_text("name: y\n")

    assert read(form.format(tmp_path)) == b"name: x\n"
    assert read(form.format(tmp_path), "overlays/staging.yaml") == b"name: y\n"
    with pytest.raises(InputError, match=r"schema\.pbtxt: given 'no such file'.*Look\."):
        read(form.format(tmp_path), "schema.pbtxt")


@pytest.mark.parametrize(
    "name",
    ["../secret", "/etc/hostname", "a/../../secret", ".git/config", "a//b", "", "a b", "~/x"],
)
def test_a_name_stays_in_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text("s")
    (tmp_path / "folder").mkdir()

    with pytest.raises(InputError, match="the name of a file inside the model's folder"):
        read(str(tmp_path / "folder"), name)


def test_a_file_has_a_bound(tmp_path: Path, repository: Path) -> None:
    for folder in (tmp_path, repository / "models" / "churn"):
        (folder / "model.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
    git(repository, "commit", "-q", "-a", "-m", "large")

    for model in (
        str(tmp_path),
        f"git+file://{repository}@{git(repository, 'rev-parse', 'HEAD')}#models/churn",
        "#\n" * MAX_BYTES,
    ):
        with pytest.raises(InputError, match="at most"):
            read(model)


@pytest.mark.parametrize(
    "model", ["", " ", "ftp://host/folder", "https://host/folder", "ssh://host/x", "memory://x"]
)
def test_other_addresses_are_refused(model: str) -> None:
    with pytest.raises(InputError, match=r"model: given .*the text of a spec"):
        read(model)


def test_a_file_instead_of_its_folder_is_named() -> None:
    with pytest.raises(InputError, match="the folder that the spec is in"):
        read("models/flights/model.yaml")


def test_a_folder_that_climbs_is_refused() -> None:
    with pytest.raises(InputError, match=r"without '\.\.'"):
        read("models/../models/flights")


def test_the_text_of_a_spec_carries_its_files() -> None:
    assert read("name: x\ndata: {}\n") == b"name: x\ndata: {}\n"
    with pytest.raises(InputError, match="Add it to the text under files:"):
        read("name: x\ndata: {}\n", "schema.pbtxt")
    whole = "name: x\nfiles:\n  schema.pbtxt: |\n    feature {}\n"
    assert read(whole) == b"name: x\n"
    assert read(whole, "schema.pbtxt") == b"feature {}\n"
    with pytest.raises(InputError, match="file names to their texts"):
        read("name: x\nfiles: [1]\n")


def test_reads_a_commit_and_not_what_came_after(repository: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    (repository / "models" / "churn" / "model.yaml").write_text("name: second\n")
    git(repository, "commit", "-q", "-a", "-m", "second")
    second = git(repository, "rev-parse", "HEAD")

    for commit, text in ((first, b"name: first\n"), (second, b"name: second\n")):
        assert read(f"git+file://{repository}@{commit}#models/churn") == text
    with pytest.raises(InputError, match="no such file"):
        read(f"git+file://{repository}@{first}")  # the repository's own folder has none


def test_a_link_in_a_repository_is_no_file(repository: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")

    for name in ("link.yaml", "churn"):
        with pytest.raises(InputError, match="no such file"):
            read(f"git+file://{repository}@{commit}#models/churn", name)
    with pytest.raises(InputError, match="no such file"):
        read(f"git+file://{repository}@{commit}#models", "churn")


@pytest.mark.parametrize("commit", ["main", "HEAD", "abc1234", "", "A" * 40, "0" * 39, "0" * 41])
def test_only_a_full_commit_is_accepted(repository: Path, commit: str) -> None:
    with pytest.raises(InputError, match=r"full 40 digits.*may move"):
        read(f"git+file://{repository}@{commit}#models/churn")


@pytest.mark.parametrize(
    "uri",
    [
        "git+ssh://host/repository@{}#x",
        "git+http://host/repository@{}#x",
        "git+ext::sh -c touch%20x@{}#x",
        "git+https://user:secret@host/repository@{}#x",
        "git+https://host/--upload-pack=x/y@{}#x",
        "git+file://{{}}/../x@{}#x",
        "git+https://host/repository@{}#../x",
        "git+https://host/repository@{}#/x",
        "git+https://host/repository@{}#-x",
    ],
)
def test_other_repositories_are_refused_before_git_is_asked(uri: str) -> None:
    with pytest.raises(InputError, match="accepted: git\\+https://host/repository@"):
        read(uri.format("0" * 40))


def test_a_commit_that_is_not_there_is_said(repository: Path) -> None:
    with pytest.raises(InputError, match="a commit that can be read"):
        read(f"git+file://{repository}@{'0' * 40}#models/churn")
    with pytest.raises(InputError, match="a commit that can be read"):
        read(f"git+file://{repository}-none@{'0' * 40}#models/churn")


def test_nothing_is_left_behind(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))

    read(f"git+file://{repository}@{git(repository, 'rev-parse', 'HEAD')}#models/churn")

    assert list(temporary.iterdir()) == []
