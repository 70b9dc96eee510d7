"""A kubeconfig file for one server and one token."""

from pathlib import Path
from typing import Any

import yaml


def write_kubeconfig(
    file: Path,
    server: str,
    token: str | None = None,
    token_file: Path | None = None,
    trust: Path | None = None,
) -> Path:
    """Writes it with the token inside, or with the file that holds the token."""
    cluster: dict[str, Any] = {"server": server}
    if trust is not None:
        cluster["certificate-authority"] = str(trust)
    user = {"token": token} if token_file is None else {"tokenFile": str(token_file)}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "here", "cluster": cluster}],
        "users": [{"name": "me", "user": user}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "current-context": "here",
    }
    file.touch(mode=0o600)
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    return file
