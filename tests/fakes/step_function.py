"""A step's function as a pod has it: without its decorator, on kfp as a step imports it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
# What a compiled pipeline carries: the function without its decorator, after these imports.
PRELUDE = "from typing import *\nfrom kfp import dsl\nfrom kfp.dsl import *\n\n"


def step_function(room: str, step: str) -> Callable[..., Any]:
    """Return the function of ``components/<room>/<step>/component.py``."""
    file = ROOT / "components" / room / step / "component.py"
    source = PRELUDE + "def " + file.read_text(encoding="utf-8").split("\ndef ", 1)[1]
    names: dict[str, Any] = {}
    # An image has kfp without the packages that only compiling and kfp's client need.
    with mock.patch.dict(os.environ, {"_KFP_RUNTIME": "true"}):
        exec(compile(source, file, "exec"), names)
    found: Callable[..., Any] = names[step]
    return found
