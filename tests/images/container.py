"""Runs a command as an image would: its files, its user, a read-only root, as process 1.

No engine is asked. Namespaces of Linux give what a container is made of: a root of its own that
holds the system's libraries, the interpreter, the image's environment and the copied code, all
read-only; an empty /tmp; process ids that begin at 1.
"""

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.images.dockerfile import ROOT, Stage, stage

ENVS = Path(os.environ.get("RATOON_ENVS", ROOT / ".venv"))
_UNSHARE = ("unshare", "--pid", "--fork", "--mount")
_SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/etc")
_DEVICES = ("null", "zero", "random", "urandom")


@dataclass(frozen=True)
class Image:
    """An image laid out below a folder of this machine.

    Attributes:
        room: data, model or ops.
        root: What a container sees as /.
        stage: The last stage of its Dockerfile.
        mounts: Path in the container to a path of this machine, read-only.
    """

    room: str
    root: Path
    stage: Stage
    mounts: Mapping[str, Path] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What a process of it finds set."""
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        said = self.stage.environment()
        return said | {"PATH": said["PATH"].replace("$PATH", path), "LANG": "C.UTF-8"}

    @property
    def user(self) -> tuple[int, int]:
        """Numbers of user and group."""
        uid, _, gid = self.stage.said("USER")[-1].partition(":")
        return int(uid), int(gid)


@cache
def cannot() -> str:
    """Why containers cannot be made here; empty where they can."""
    if os.geteuid() != 0:
        return "only root may give a process another root and user"
    if shutil.which("unshare") is None or shutil.which("setpriv") is None:
        return "no unshare and setpriv (util-linux)"
    tried = subprocess.run([*_UNSHARE, "mount", "-t", "tmpfs", "x", "/mnt"], capture_output=True)
    return tried.stderr.decode().strip() if tried.returncode else ""


def lay_out(room: str, root: Path, mounts: Mapping[str, Path]) -> Image:
    """Copies what the Dockerfile copies from the checkout, and makes a place for the rest."""
    code = stage(room, "code")
    for source, destination in code.copies():
        _copy(ROOT / source, root / destination.lstrip("/"))
    subprocess.run(
        [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "app"],
        cwd=root,
        check=True,
    )
    subprocess.run(["chmod", "-R", "a+rX", str(root)], check=True)
    (root / ".root").mkdir()
    made = {**_interpreter(), "/opt/ratoon": ENVS / room, **mounts}
    return Image(room, root, stage(room, ""), made)


def small_model(folder: Path) -> Path:
    """Writes a model folder as training leaves it."""
    command = [str(ENVS / "model/bin/python"), "tests/server/small_model.py", str(folder)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    subprocess.run(["chmod", "-R", "a+rX", str(folder)], check=True)
    return folder


@contextmanager
def running(
    image: Image, command: list[str], *, output: Path | None = None
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The process of unshare, and the id that process 1 of the container has out here."""
    script = _script(image, command)
    stream = output.open("w") if output else subprocess.PIPE
    process = subprocess.Popen(
        [*_UNSHARE, "sh", "-euc", script],
        env=image.environment,
        stdout=stream,
        stderr=subprocess.STDOUT,
        text=True,
    )
    first = _first_child(process)
    try:
        yield process, first
    finally:
        # Not left to --kill-child: the order to die with its parent is lost with the user.
        if process.poll() is None:
            os.kill(first, signal.SIGKILL)
        process.communicate()
        if output:
            stream.close()  # type: ignore[union-attr]


def run(image: Image, command: list[str], timeout_s: float = 120) -> tuple[int, str]:
    """Exit code and output of a command that ends by itself."""
    with running(image, command) as (process, _):
        output, _ = process.communicate(timeout=timeout_s)
        return process.returncode, output


def _script(image: Image, command: list[str]) -> str:
    """Mounts, then becomes the command: it is process 1, as the image's user."""
    root = image.root
    lines = ["mount --make-rprivate /", f"mount -t tmpfs -o mode=755 root {root}/.root"]
    made = f"{root}/.root"
    binds = {p: Path(p) for p in _SYSTEM if Path(p).exists()} | {"/app": root / "app"}
    for inside, outside in {**binds, **image.mounts}.items():
        target = f"{made}{inside}"
        lines += [f"mkdir -p {target}", f"mount --rbind {outside} {target}"]
        lines.append(f"mount -o remount,ro,bind {target}")
    lines += [f"mkdir -p {made}/tmp {made}/proc {made}/dev {made}/root"]
    lines += [f"touch {made}/dev/{d}; mount --bind /dev/{d} {made}/dev/{d}" for d in _DEVICES]
    lines += [f"mount -t proc proc {made}/proc", f"mount -t tmpfs -o mode=1777 tmp {made}/tmp"]
    lines.append(f"chmod 755 {made}/root; mount -o remount,ro {made}")
    uid, gid = image.user
    work = image.stage.said("WORKDIR")[-1]
    become = f"setpriv --reuid {uid} --regid {gid} --clear-groups --no-new-privs"
    # Arguments may be anything, a whole program too: they travel as the shell's own.
    inner = f'cd {work}; exec "$@"'
    words = " ".join(_quoted(word) for word in ("sh", "-euc", inner, "sh", *command))
    lines.append(f"exec chroot {made} {become} {words}")
    return "\n".join(lines)


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


def _interpreter() -> dict[str, Path]:
    """Where the interpreter of the environments lives, if not below /usr."""
    prefix = Path(sysconfig.get_config_var("installed_base"))
    home = (ENVS / "ops/bin/python").resolve().parents[1]
    return {str(p): p for p in {prefix, home} if not str(p).startswith(_SYSTEM)}


def _copy(source: Path, destination: Path) -> None:
    destination.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        ignored = shutil.ignore_patterns("__pycache__", "*.pyc", "Dockerfile", "pyproject.toml")
        shutil.copytree(source, destination, ignore=ignored)
    else:
        shutil.copy(source, destination)


def _first_child(process: "subprocess.Popen[str]") -> int:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while process.poll() is None:
        found = children.read_text().split()
        if found:
            return int(found[0])
        time.sleep(0.01)
    return process.pid
