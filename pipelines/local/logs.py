"""The log files of steps: following one as it grows, and what was said last."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from components.core.errors import InputError, RatoonError

READ_AT_MOST_BYTES = 64 * 1024
INPUTS = "Got executor_input:"
TRACEBACK = "Traceback (most recent call last):"


def last_lines(log: Path, at_most: int = 15) -> tuple[str, ...]:
    """Takes the end of a log, or of a traceback only the error that it ends with."""
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - READ_AT_MOST_BYTES))
        text = stream.read().decode(errors="replace")
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return tuple(_without_frames(_after_inputs(lines))[-at_most:])


def said_input_error(log: Path) -> bool:
    """Whether a step ended because of what a person has to mend: trying again is no use."""
    return any(line.startswith(f"{InputError.__name__}: ") for line in last_lines(log))


def _after_inputs(lines: list[str]) -> list[str]:
    # kfp's executor begins by printing all inputs, which are not what the step said.
    starts = [i for i, line in enumerate(lines) if line.endswith(INPUTS)]
    ends = [i for i, line in enumerate(lines) if line == "}" and starts and i > starts[-1]]
    return lines[ends[0] + 1 :] if ends else lines


def _without_frames(lines: list[str]) -> list[str]:
    starts = [i for i, line in enumerate(lines) if line.startswith(TRACEBACK)]
    if not starts:
        return lines
    frames = lines[starts[-1] + 1 :]
    error = next((i for i, line in enumerate(frames) if not line.startswith(" ")), None)
    if error is None:
        return lines
    # An error of ours is known by its sentence; where its class stands tells a reader nothing.
    return [frames[error].removeprefix(f"{RatoonError.__module__}."), *frames[error + 1 :]]


@contextmanager
def followed(log: Path, say: Callable[[str], None] | None) -> Iterator[None]:
    """Says every line of a log while it is written to.

    Args:
        log: The file; it exists.
        say: Takes a line; None follows nothing.
    """
    if say is None:
        yield
        return
    finished = threading.Event()
    follower = threading.Thread(target=_follow, args=(log, say, finished), daemon=True)
    follower.start()
    try:
        yield
    finally:
        finished.set()
        follower.join()


def _follow(log: Path, say: Callable[[str], None], finished: threading.Event) -> None:
    with log.open(errors="replace") as stream:
        rest = ""
        while True:
            was_finished = finished.wait(0.1)
            *lines, rest = (rest + stream.read()).split("\n")
            for line in lines:
                say(line)
            if was_finished:
                break
        if rest:
            say(rest)
