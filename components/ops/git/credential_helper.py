"""A git credential helper that reads mounted files; git runs it as a script.

``credential_helper.py <folder> <host> <unnamed> get``: the folder of the mounted secret has
``token``, or ``username`` and ``password``, and maybe ``host`` with the hosts that it is for. It
answers for https at this one host only, so that a redirect elsewhere learns nothing, and no other
than those that the secret names; where it names none, ``any`` for ``unnamed`` lets it answer. It
needs nothing but the standard library and starts at once.
Source: https://git-scm.com/docs/git-credential#IOFMT.
"""

import sys
from pathlib import Path

# A user name, no secret: GitHub asks for it beside a token, and GitLab takes any.
_NAME_OF_A_TOKEN = "x-access-token"  # noqa: S105


def answer(folder: Path, host: str, unnamed: str, asked: str) -> str:
    """The credentials for git; empty if the question is not ours to answer.

    `host` has its port if it has one; `asked` is git's question, lines of ``key=value``.
    """
    question = dict(line.split("=", 1) for line in asked.splitlines() if "=" in line)
    if (question.get("protocol"), question.get("host")) != ("https", host):
        return ""
    named = _text(folder / "host").split()
    if host not in named and (named or unnamed != "any"):
        return ""
    secret = _read(folder / "token") or _read(folder / "password")
    name = _read(folder / "username") or _NAME_OF_A_TOKEN
    return f"username={name}\npassword={secret}\n" if secret else ""


def _read(file: Path) -> str:
    text = _text(file)
    return "" if "\n" in text or "\0" in text else text


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


if __name__ == "__main__" and sys.argv[4:] == ["get"]:
    sys.stdout.write(answer(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.stdin.read()))
