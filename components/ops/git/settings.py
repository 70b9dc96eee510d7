"""The settings that git runs with: what a repository could run or ask is off."""

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from components.ops.git import credential_helper
from components.ops.git.address import CREDENTIALS, CREDENTIALS_VARIABLE, host_of

# How to connect is the machine's to say; every other variable of git's is ours.
_OF_THE_CONNECTION = ("GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_PROXY_SSL_CAINFO")
_CLOSED = {
    "core.hooksPath": "/dev/null",
    "core.symlinks": "false",
    "core.fsmonitor": "false",
    "core.askPass": "",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "submodule.recurse": "false",
    "protocol.allow": "never",
    # A server that stalls is given up before git's own patience ends.
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": "30",
}


def config_text(url: str, variables: Mapping[str, str], own_too: bool) -> str:
    """A configuration file of git's for work with one repository.

    Args:
        url: The repository; the only protocol that is allowed is its.
        variables: The environment; it names the folder of the credentials.
        own_too: Whether the settings of the user, such as a proxy or credentials of their own,
            count as well.
    """
    scheme = url.partition("://")[0]
    settings = [*_CLOSED.items(), (f"protocol.{scheme}.allow", "always")]
    own = variables.get("GIT_CONFIG_GLOBAL")
    if own_too:
        files = (own,) if own else ("~/.config/git/config", "~/.gitconfig")
        settings = [*(("include.path", file) for file in files), *settings]
    else:
        settings.append(("credential.helper", ""))
    if scheme == "file":
        # A disk that is shared has other owners; the address names this repository on purpose.
        settings.append(("safe.directory", "*"))
    else:
        # Whoever starts a run names any repository of models: only one that the secret names too.
        unnamed = "none" if own_too else "any"
        settings.append(("credential.helper", _helper(url, variables, unnamed)))
    return "".join(_line(name, value) for name, value in settings)


def environment(variables: Mapping[str, str], home: Path, own_too: bool) -> dict[str, str]:
    """The environment that git runs in.

    Args:
        variables: The environment of this process.
        home: A folder with ``config``.
        own_too: As for `config_text`.
    """
    kept = {
        name: value
        for name, value in variables.items()
        if name in _OF_THE_CONNECTION or not name.startswith(("GIT_", "SSH_ASKPASS", "LC_", "LANG"))
    }
    closed = {
        "GIT_CONFIG_GLOBAL": str(home / "config"),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "GIT_OPTIONAL_LOCKS": "0",
        "LC_ALL": "C",
    }
    if own_too:
        return {**kept, **closed}
    return {**kept, **closed, "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(home)}


def credentials_folder(variables: Mapping[str, str] = os.environ) -> str:
    """Where the secret is mounted."""
    return variables.get(CREDENTIALS_VARIABLE) or CREDENTIALS


def _helper(url: str, variables: Mapping[str, str], unnamed: str) -> str:
    program = (sys.executable, "-ISE", str(Path(credential_helper.__file__).resolve()))
    return "!" + shlex.join((*program, credentials_folder(variables), host_of(url), unnamed))


def _line(name: str, value: str) -> str:
    section, _, key = name.rpartition(".")
    section, _, sub = section.partition(".")
    head = f'[{section} "{sub}"]' if sub else f"[{section}]"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{head}\n\t{key} = "{escaped}"\n'
