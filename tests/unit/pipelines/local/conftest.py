"""Toy pipelines compiled as a cluster gets them."""

import sys
from collections.abc import Callable
from pathlib import Path

import local_toys
import pytest
from kfp import compiler

Compile = Callable[[str], Path]


@pytest.fixture
def compile_toy(tmp_path: Path) -> Compile:
    """Compiles one of the toy pipelines by its name."""

    def compile_one(name: str) -> Path:
        path = tmp_path / f"{name}.yaml"
        compiler.Compiler().compile(getattr(local_toys, name), str(path))
        return path

    return compile_one


@pytest.fixture
def command_line() -> Callable[..., list[str]]:
    """Makes the command that the Makefile calls."""

    def make(pipeline: Path, workspace: Path, *arguments: str) -> list[str]:
        ratoon = [sys.executable, "-W", "error", "-m", "pipelines.cli"]
        command = [*ratoon, "pipeline", "run", str(pipeline)]
        return [*command, "--workspace", str(workspace), *arguments]

    return make
