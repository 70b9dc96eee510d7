"""Answers git's question for credentials from files; git runs it, and nothing else imports it.

``credential_helper.py <folder> <host> get``: the folder of the mounted secret has ``token``, or
``username`` and ``password``. It answers for https at this one host only, so that a redirect
elsewhere learns nothing. It needs nothing but the standard library and starts at once.
Source: https://git-scm.com/docs/git-credential#IOFMT.
"""

import sys
from pathlib import Path

# A user name, no secret: GitHub asks for it beside a token, and GitLab takes any.
_NAME_OF_A_TOKEN = "x-access-token"  # noqa: S105


def answer(folder: Path, host: str, asked: str) -> str:
    """What git is told; nothing where the question is not ours to answer.

    Args:
        folder: The mounted secret.
        host: The host, with its port if it has one, that the secret is for.
        asked: Git's question: lines of ``key=value``.
    """
    question = dict(line.split("=", 1) for line in asked.splitlines() if "=" in line)
    if (question.get("protocol"), question.get("host")) != ("https", host):
        return ""
    secret = _read(folder / "token") or _read(folder / "password")
    name = _read(folder / "username") or _NAME_OF_A_TOKEN
    return f"username={name}\npassword={secret}\n" if secret else ""


def _read(file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return "" if "\n" in text or "\0" in text else text


if __name__ == "__main__" and sys.argv[3:] == ["get"]:
    sys.stdout.write(answer(Path(sys.argv[1]), sys.argv[2], sys.stdin.read()))
