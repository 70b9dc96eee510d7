"""What the command says of itself, and how it ends."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from pipelines.cli.app import app

NOUNS = {
    "spec": {"check", "show", "json-schema"},
    "schema": {"infer"},
    "serve": {"status", "start", "stop"},
    "pipeline": {"run"},
    "audit": {"show"},
    "rollout": {"list", "approve", "reject", "rollback"},
    "images": {"build", "push"},
    "recurring": {"reconcile", "check"},
}
VERBS = {"train", "monitor", "compile", "submit", "upload"}


def leaves(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from leaves(command, (*path, name))
        else:
            yield (*path, name)


COMMANDS = sorted(leaves(typer.main.get_command(app)))


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


def test_the_commands_are_these() -> None:
    wanted = {(noun, verb) for noun, verbs in NOUNS.items() for verb in verbs}
    assert set(COMMANDS) == wanted | {(verb,) for verb in VERBS}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_a_help_with_an_example_of_itself(command: tuple[str, ...]) -> None:
    result = invoke(*command, "--help")
    assert result.exit_code == 0
    assert f"Example: ratoon {' '.join(command)}" in " ".join(result.output.split())


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("rollout",),
        ("nothing",),
        ("spec", "check"),
        ("train", "m", "--colour", "red"),
        ("audit", "show", "m"),
        ("spec", "check", "m", "--output", "xml"),
        ("upload", "m"),
        ("upload", "m", "--overlay", "o.yaml", "--sample", "0"),
        ("monitor", "m", "--as-of", "soon"),
        ("pipeline", "run", "p.yaml", "--param", "model"),
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(arguments: tuple[str, ...]) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert "Usage: " in result.output


def test_an_error_is_a_message_without_a_traceback() -> None:
    result = invoke("compile", "--tag", "a b")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("--tag: given 'a b'; accepted: letters")
    assert "Traceback" not in result.stderr


def test_help_imports_nothing_that_is_heavy() -> None:
    heavy = {"kfp", "pandas", "pyarrow", "numpy", "tensorflow", "kubernetes", "google.protobuf"}
    program = (
        "import sys; from pipelines.cli.app import app; app(['--help'], standalone_mode=False);"
        f"print(sorted({heavy!r} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "[]"


def test_a_shell_is_told_how_to_complete() -> None:
    environment = {
        "_RATOON_COMPLETE": "complete_bash",
        "COMP_WORDS": "ratoon ro",
        "COMP_CWORD": "1",
    }
    result = CliRunner().invoke(app, [], prog_name="ratoon", env=environment)
    assert result.output.split() == ["rollout"]
