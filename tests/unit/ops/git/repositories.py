"""Real git repositories on this disk, and records to put into them."""

import io
import os
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from components.core.spec.operation import Serving
from components.ops.targets.kserve.record import Mode, PublishedVersion, RolloutRecord

MODEL = "flights"
FOLDER = "apps/flights"


def git(folder: Path, *arguments: str, given: str = "") -> str:
    """What the git of this machine answers there, with settings of its own."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
        **{f"GIT_{who}_NAME": "Somebody Else" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "else@example.org" for who in ("AUTHOR", "COMMITTER")},
    }
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, input=given, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout.strip()


@dataclass(frozen=True)
class Bare:
    """A bare repository with a branch ``main``, as a cluster follows it."""

    path: Path

    @classmethod
    def made(cls, folder: Path) -> "Bare":
        """A repository with one commit, which holds a README."""
        bare = cls(folder / "gitops.git")
        bare.path.mkdir(parents=True)
        git(bare.path, "init", "-q", "--bare", "-b", "main")
        bare.write({"README.md": "What the cluster runs.\n"}, "first")
        return bare

    @property
    def target(self) -> str:
        return f"git+file://{self.path}@main#{FOLDER}"

    def write(self, files: dict[str, str | None], message: str, branch: str = "main") -> str:
        """A commit by somebody else, pushed from a clone of theirs."""
        clone = self.path.parent / f"clone-{os.urandom(4).hex()}"
        git(self.path.parent, "clone", "-q", str(self.path), str(clone))
        if branch in git(clone, "branch", "-r", "--format=%(refname:lstrip=3)").split():
            git(clone, "checkout", "-q", branch)
        else:
            git(clone, "checkout", "-q", "-b", branch)
        for name, text in files.items():
            if text is None:
                (clone / name).unlink()
            else:
                (clone / name).parent.mkdir(parents=True, exist_ok=True)
                (clone / name).write_text(text)
        git(clone, "add", "-A")
        git(clone, "commit", "-q", "-m", message)
        git(clone, "push", "-q", "origin", f"HEAD:{branch}")
        return git(clone, "rev-parse", "HEAD")

    def tip(self, branch: str = "main") -> str:
        # A branch that was pushed last is a file; asked for often, so no process is started.
        return (self.path / "refs" / "heads" / branch).read_text().strip()

    def log(self, form: str, branch: str = "main") -> list[str]:
        """Newest first."""
        return git(self.path, "log", f"--format={form}", branch).splitlines()

    def message(self, commit: str = "main") -> str:
        return git(self.path, "log", "-1", "--format=%B", commit)

    def files(self, at: str = "main") -> dict[str, bytes]:
        """Every file of the model's folder."""
        asked = ["git", "archive", "--format=tar", at, "--", FOLDER]
        done = subprocess.run(asked, cwd=self.path, capture_output=True, check=False)
        if done.returncode != 0:  # no such folder yet
            return {}
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
            files = {one.name: archive.extractfile(one) for one in archive if one.isfile()}
            return {
                name.removeprefix(f"{FOLDER}/"): stream.read()
                for name, stream in files.items()
                if stream
            }


def published(version: str) -> PublishedVersion:
    return PublishedVersion(
        version=version,
        uri=f"s3://models/flights/{version}",
        digest=f"{version}-digest",
        run=f"run-of-{version}",
        as_of="2013-07-01T00:00:00Z",
        serving=Serving(target="kserve://x", store="s3://models", log="s3://logs/flights"),
    )


def serving(version: str) -> RolloutRecord:
    return RolloutRecord(model=MODEL, champion=published(version), mode=Mode.STANDARD)
