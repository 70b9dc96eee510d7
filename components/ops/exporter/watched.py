"""Which models are watched, and where the audit of each is: a small YAML file."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from components.core import storage
from components.core.errors import InputError

_ACCEPTED = "a mapping of model to audit, such as flights: s3://bucket/flights/log-audit"


def read_watched(file: Path) -> Mapping[str, str]:
    """Model to the URI of its audit.

    Raises:
        InputError: There is no such file, or it says something else.
    """
    try:
        given = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(str(file), str(error).partition("\n")[0], _ACCEPTED) from error
    if not isinstance(given, dict) or not given:
        raise InputError(str(file), given, _ACCEPTED)
    for model, audit in given.items():
        if not isinstance(model, str) or not isinstance(audit, str):
            raise InputError(f"{file}: {model}", audit, _ACCEPTED)
        storage.resolve(audit)
    return {model: audit.rstrip("/") for model, audit in given.items()}
