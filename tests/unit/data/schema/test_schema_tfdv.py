"""What is patched of TFDV's import is as it was read; an upgrade that breaks it fails here."""

import importlib.metadata
import importlib.util
import inspect
import json
import subprocess
import sys
from pathlib import Path

from components.data.schema import tfdv
from components.data.schema.tfdv import kernels

FARMHASH_USERS = {"skew/feature_skew_detector.py", "utils/feature_partition_util.py"}
ROOT = Path(__file__).resolve().parents[4]
# In a process that has imported nothing of it yet.
_PROGRAM = """
import json, logging, sys
from components.data.schema.tfdv import kernels
kernels()
print(json.dumps({
    "tensorflow": type(sys.modules["tensorflow"]).__name__,
    "tensorflow.python": "tensorflow.python" in sys.modules,
    "farmhash": type(sys.modules["farmhash"]).__name__,
    "public functions": hasattr(sys.modules["tensorflow_data_validation"], "infer_schema"),
    "handlers": len(logging.root.handlers),
    "silenced": logging.root.manager.disable,
}))
"""


def test_the_version_is_the_one_that_was_read() -> None:
    version = importlib.metadata.version("tensorflow-data-validation")
    assert f"Read at version {version};" in (tfdv.__doc__ or ""), (
        "read its imports again, then move this version on"
    )


def test_the_import_loads_neither_tensorflow_nor_the_public_functions() -> None:
    command = [sys.executable, "-W", "error", "-c", _PROGRAM]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stderr == "", "what Beam says of itself is not what a step says"
    assert json.loads(done.stdout) == {
        "tensorflow": "_Deferred",
        "tensorflow.python": False,
        "farmhash": "_Absent",
        "public functions": False,
        "handlers": 0,
        "silenced": 0,
    }


def test_only_parts_that_are_not_called_use_farmhash() -> None:
    spec = importlib.util.find_spec("tensorflow_data_validation")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent
    users = {
        str(file.relative_to(folder))
        for file in folder.rglob("*.py")
        if "import farmhash" in file.read_text(encoding="utf-8")
    }
    assert users == FARMHASH_USERS


def test_what_is_called_takes_what_it_is_given() -> None:
    found = kernels()
    options = inspect.signature(found.options).parameters
    assert {"num_top_values", "num_rank_histogram_buckets"} <= set(options)
    assert list(inspect.signature(found.generators).parameters) == ["options", "in_memory"]
    assert len(inspect.signature(found.extract).parameters) == 2
    for generator in found.generators(found.options(), in_memory=True):
        assert callable(generator.add_input)
    assert callable(found.infer)
    assert callable(found.validate)
