"""What the Dockerfiles promise, read from them."""

import fnmatch
import importlib.util
import re
import shlex
import tomllib

import pytest

from tests.images.dockerfile import ROOMS, ROOT, stage, stages

# Nothing that no lock names: no dependency of a package, and no build back end, as none is built.
HELD_TO_THE_LOCK = {"--require-hashes", "--no-deps", "--only-binary", ":all:"}
# The command `ratoon` and what it is built from.
PROJECT = {"ops": [(name, f"/app/{name}") for name in ("pipelines", "pyproject.toml", "LICENSE")]}
_VERSION = re.compile(r"python:3\.11\.\d+-slim-bookworm(@sha256:[0-9a-f]{64})?")


@pytest.mark.parametrize("room", ROOMS)
def test_the_base_is_one_explicit_version_of_the_environments_python(room: str) -> None:
    bases = [one.base for one in stages(room)]
    assert _VERSION.fullmatch(bases[0])
    assert set(bases[1:]) == {"base"}
    (labels,) = stage(room, "").said("LABEL")
    words = dict(word.split("=", 1) for word in shlex.split(labels))
    assert words["org.opencontainers.image.base.name"] == f"docker.io/library/{bases[0]}"
    assert words["org.opencontainers.image.title"] == f"ratoon-{room}"
    assert words["org.opencontainers.image.version"] == "$VERSION"
    assert words["org.opencontainers.image.revision"] == "$REVISION"


def test_all_images_stand_on_one_base() -> None:
    assert len({(*stages(room)[0].steps, stages(room)[0].base) for room in ROOMS}) == 1


@pytest.mark.parametrize("room", ROOMS)
def test_the_environment_is_made_from_the_lock_that_the_laptop_installs(room: str) -> None:
    """By the same flags, but those of another installer; before and without any source."""
    environment = stage(room, "environment")
    lock = f"components/{room}/requirements.lock"
    assert environment.copies() == [(lock, "/tmp/requirements.lock")]
    (command,) = environment.said("RUN")
    venv, _, pip = command.partition(" && ")
    assert shlex.split(venv) == ["python", "-m", "venv", "/opt/ratoon"]
    assert shlex.split(pip)[:4] == ["/opt/ratoon/bin/python", "-m", "pip", "install"]
    assert shlex.split(pip)[-2:] == ["-r", "/tmp/requirements.lock"]
    flags = set(shlex.split(pip)[4:-2])
    assert flags == {"--no-cache-dir", "--compile", *HELD_TO_THE_LOCK}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    (ours,) = re.findall(r"^install = .* uv pip install|^install = (.*)$", makefile, re.MULTILINE)
    assert {*HELD_TO_THE_LOCK, "--compile-bytecode"} <= set(re.split(r"[\s),]+", ours))
    assert ".venv/%/.made: components/%/requirements.lock" in makefile


def test_the_command_is_built_by_what_the_lock_holds() -> None:
    """After the environment and the code are there, before the user is: nothing is fetched."""
    steps = stage("ops", "").steps
    (number,) = (n for n, (_, argument) in enumerate(steps) if "-m pip install" in argument)
    assert ("COPY", "--from=code /app /app") in steps[:number]
    assert "USER" in [name for name, _ in steps[number:]]
    command = shlex.split(steps[number][1])
    assert command[:4] == ["/opt/ratoon/bin/python", "-m", "pip", "install"]
    assert command[-2:] == ["--editable", "/app"]
    assert {"--no-index", "--no-deps", "--no-build-isolation"} <= set(command)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lock = (ROOT / "components/ops/requirements.lock").read_text(encoding="utf-8")
    for name in project["build-system"]["requires"]:
        assert re.search(rf"^{name}==", lock, re.MULTILINE)


@pytest.mark.parametrize("room", ROOMS)
def test_every_line_of_a_lock_has_a_hash(room: str) -> None:
    text = (ROOT / f"components/{room}/requirements.lock").read_text(encoding="utf-8")
    pins = [line for line in text.replace("\\\n", "").splitlines() if "==" in line]
    assert len(pins) > 30
    assert [pin for pin in pins if "--hash=sha256:" not in pin] == []


@pytest.mark.parametrize("room", ROOMS)
def test_only_its_own_code_is_in_an_image(room: str) -> None:
    parts = ("__init__.py", "core", "report", room)
    pairs = [(f"components/{part}", f"/app/components/{part}") for part in parts]
    assert stage(room, "code").copies() == pairs + PROJECT.get(room, [])
    final = stage(room, "")
    assert final.copies() == []
    assert final.said("COPY") == [
        "--from=environment /opt/ratoon /opt/ratoon",
        "--from=code /app /app",
    ]
    assert final.said("ADD") == []


@pytest.mark.parametrize("room", ROOMS)
def test_it_runs_as_nobody_in_particular_and_writes_below_tmp(room: str) -> None:
    final = stage(room, "")
    assert final.said("USER") == ["10001:10001"]
    assert final.said("WORKDIR") == ["/tmp"]
    said = final.environment()
    assert said["PATH"].startswith("/opt/ratoon/bin:")
    assert said["PYTHONPATH"] == "/app"
    assert said["PYTHONDONTWRITEBYTECODE"] == "1"
    for name in ("HOME", "XDG_CACHE_HOME"):
        assert said[name].startswith("/tmp")


def test_only_the_server_is_started_without_a_command() -> None:
    assert [stage(room, "").command("ENTRYPOINT") for room in ("data", "ops")] == [[], []]
    entry = stage("model", "").command("ENTRYPOINT")
    assert entry == ["python", "-m", "components.model.serve"]
    assert importlib.util.find_spec(entry[2]) is not None


@pytest.mark.parametrize("room", ROOMS)
def test_the_context_lets_through_what_is_copied(room: str) -> None:
    for name in ("environment", "code"):
        for source, _ in stage(room, name).copies():
            file = ROOT / source
            files = [f for f in file.rglob("*.py") if f.is_file()] if file.is_dir() else [file]
            assert files
            assert all(is_sent(str(f.relative_to(ROOT))) for f in files)


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        "models/flights/model.yaml",
        "build/flights/log/x.parquet",
        "components/model/Dockerfile",
        "components/core/__pycache__/audit.cpython-311.pyc",
    ],
)
def test_the_context_holds_nothing_else_back(path: str) -> None:
    assert not is_sent(path)


def is_sent(path: str) -> bool:
    """Whether .dockerignore lets a file into the build: the last pattern that matches decides."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").split():
        pattern = line.removeprefix("!")
        parts = path.split("/")
        heads = ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]
        anywhere = pattern.removeprefix("**/") if pattern.startswith("**/") else None
        names = parts if anywhere else heads
        if any(fnmatch.fnmatchcase(name, anywhere or pattern) for name in names):
            sent = line.startswith("!")
    return sent
