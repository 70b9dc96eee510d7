"""Dockerfiles, read: stages, and what each instruction says."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("data", "model", "ops")
_FROM = re.compile(r"(?P<base>\S+)(?: AS (?P<name>\S+))?", re.IGNORECASE)


@dataclass(frozen=True)
class Stage:
    """A stage of a build.

    Attributes:
        base: The image or the stage that it begins with.
        name: What other stages call it; empty for the last.
        steps: Instruction and argument, in order.
    """

    base: str
    name: str
    steps: tuple[tuple[str, str], ...]

    def said(self, instruction: str) -> list[str]:
        """The arguments of every such instruction."""
        return [argument for name, argument in self.steps if name == instruction]

    def copies(self) -> list[tuple[str, str]]:
        """Source and destination of what is copied from the checkout."""
        pairs = [tuple(shlex.split(argument)) for argument in self.said("COPY")]
        return [(p[0], p[1]) for p in pairs if len(p) == 2]

    def environment(self) -> dict[str, str]:
        """What ENV sets."""
        words = [word for argument in self.said("ENV") for word in shlex.split(argument)]
        return dict(word.split("=", 1) for word in words)

    def command(self, instruction: str) -> list[str]:
        """ENTRYPOINT or CMD in its JSON form; empty: it has none."""
        found = self.said(instruction)
        words: list[str] = json.loads(found[-1]) if found else []
        return words


def stages(room: str) -> list[Stage]:
    """The stages of an image, in order."""
    made: list[Stage] = []
    for instruction, argument in _instructions(ROOT / f"components/{room}/Dockerfile"):
        if instruction == "FROM":
            match = _FROM.fullmatch(argument)
            assert match, argument
            made.append(Stage(match["base"], match["name"] or "", ()))
        else:
            last = made[-1]
            made[-1] = Stage(last.base, last.name, (*last.steps, (instruction, argument)))
    return made


def stage(room: str, name: str) -> Stage:
    """A stage by its name; the last by an empty one."""
    (found,) = (one for one in stages(room) if one.name == name)
    return found


def _instructions(file: Path) -> Iterator[tuple[str, str]]:
    lines = [line for line in file.read_text("utf-8").splitlines() if not line.startswith("#")]
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if line.strip():
            instruction, _, argument = line.partition(" ")
            yield instruction, argument.strip()
