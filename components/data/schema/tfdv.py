"""The parts of TensorFlow Data Validation that are called, imported lazily and alone.

Importing the whole package takes 4 to 6 seconds, most of it TensorFlow, which the kernels do not
call, and needs pyfarmhash (C++), which only Beam's feature partitioning and feature skew call. So
``farmhash`` is replaced by a module whose functions raise, ``tensorflow`` is loaded lazily, and
the package's ``__init__``, which imports every public function, is not run. What remains takes 1
second. A process that needs the public functions imports ``tensorflow_data_validation`` itself,
before it calls anything here.

Read at version 1.16.1; ``tests/unit/data/schema/test_schema_tfdv.py`` fails if an upgrade breaks
any of it.
"""

import importlib
import importlib.util
import logging
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

_PACKAGE = "tensorflow_data_validation"


@dataclass(frozen=True)
class Kernels:
    """The functions of TFDV that are called; the last two work on serialized protos."""

    options: Callable[..., Any]
    generators: Callable[..., Any]
    extract: Callable[..., Any]
    infer: Callable[..., bytes]
    validate: Callable[..., bytes]


@cache
def kernels() -> Kernels:
    """Imports TFDV's kernels; about a second, once a process."""
    if importlib.util.find_spec("farmhash") is None:
        sys.modules["farmhash"] = _Absent("farmhash")
    sys.modules.setdefault("tensorflow", _Deferred("tensorflow"))
    _skip_init(_PACKAGE)
    stats_impl, stats_options, validation = _import_quietly(
        "statistics.stats_impl",
        "statistics.stats_options",
        "pywrap.tensorflow_data_validation_extension.validation",
    )
    return Kernels(
        options=stats_options.StatsOptions,
        generators=stats_impl.get_generators,
        extract=stats_impl.extract_statistics_output,
        infer=validation.InferSchema,
        validate=validation.ValidateFeatureStatistics,
    )


def _import_quietly(*names: str) -> list[ModuleType]:
    """Imports modules of the package without what Beam's own imports warn of.

    Beam warns of deprecated names, of future Pythons, and of stores that nothing here reads
    through Beam. One of these warnings goes to the root logger, to which ``logging`` gives a
    handler of its own at that moment if it has none.
    """
    nothing, level = logging.NullHandler(), logging.root.manager.disable
    logging.root.addHandler(nothing)
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", FutureWarning)
            return [importlib.import_module(f"{_PACKAGE}.{name}") for name in names]
    finally:
        logging.disable(level)
        logging.root.removeHandler(nothing)


class _Absent(ModuleType):
    """A module that may be imported but not used."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("__"):
            raise AttributeError(name)

        def absent(*_: object, **__: object) -> None:
            raise NotImplementedError(f"{self.__name__}.{name} is not installed on purpose")

        return absent


class _Deferred(ModuleType):
    """A module that is loaded when an attribute of it is used."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__path__":
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def _skip_init(name: str) -> None:
    """Makes a package's modules importable without running its ``__init__``."""
    if name in sys.modules:
        return
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(f"{name} is not installed; statistics need the data image")
    sys.modules[name] = importlib.util.module_from_spec(spec)
