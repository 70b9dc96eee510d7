"""Manifests of recurring runs: one small YAML file in git for each model.

::

    model: flights
    parameters:
      model: git+https://example.com/team/models@<commit>#models/flights
      overlay: overlays/production.yaml
    every: month
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from components.core.artifacts import Record
from components.core.digest import digest_of
from components.core.errors import InputError
from components.core.spec.base import Name
from components.core.spec.errors import parse_fields
from components.core.spec.load import read_mapping
from components.core.units import Frequency
from components.ops.schedule.trigger import Trigger, parse_cron, trigger_of

PIPELINE = "monitor"
EXPERIMENT = "ratoon"
ACCOUNT = "ratoon-pipeline"
VERSION, NAMESPACE, OVERLAY = "RATOON_MONITOR_VERSION", "RATOON_NAMESPACE", "RATOON_OVERLAY"
_OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class EnvDefaults:
    """The defaults of an environment, for what a manifest leaves open."""

    version: str
    namespace: str = ""
    overlay: str = ""


class RunParameters(Record):
    """The pipeline's parameters; without an overlay, that of the environment counts."""

    model: str = Field(min_length=1)
    overlay: str = ""
    target: str = ""


class RecurringRunManifest(Record):
    """A recurring run as a file in git declares it, or the schedule step.

    The environment names the version and namespace that it leaves empty. It has either `every`, as
    the spec's ``monitoring.every``, or a `cron` of six fields in UTC.
    """

    model: Name
    pipeline: Name = PIPELINE
    version: str = ""
    parameters: RunParameters
    every: Frequency | None = None
    cron: str = ""
    namespace: str = ""
    experiment: str = Field(EXPERIMENT, min_length=1)
    service_account: str = ACCOUNT
    enabled: bool = True

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.every is None) == (not self.cron):
            raise ValueError("either every (hour, day, month or a duration such as 7d) or cron")
        return self

    @property
    def trigger(self) -> Trigger:
        """When it falls due."""
        return trigger_of(self.every) if self.every is not None else Trigger(cron=self.cron)

    @property
    def digest(self) -> str:
        """Names it, whoever wants it and whether it is enabled."""
        return digest_of(self.model_dump(mode="json", exclude={"enabled", "origin"}))


def env_defaults(environment: Mapping[str, str] = os.environ) -> EnvDefaults:
    """The defaults that the environment names."""
    namespace = environment.get(NAMESPACE, "").strip()
    if not namespace and _OWN_NAMESPACE.is_file():
        namespace = _OWN_NAMESPACE.read_text(encoding="utf-8").strip()
    version, overlay = environment.get(VERSION, "").strip(), environment.get(OVERLAY, "").strip()
    return EnvDefaults(version, namespace, overlay)


def parse_manifest(text: str, where: str) -> RecurringRunManifest:
    """Parses a manifest.

    Raises:
        InputError: It is not one; every problem is named.
    """
    manifest = parse_fields(RecurringRunManifest, read_mapping(text, where), where)
    if manifest.cron:
        parse_cron(manifest.cron, f"{where}: cron")
    return manifest


def read_manifests(places: list[Path]) -> dict[str, RecurringRunManifest]:
    """Reads files, and the YAML files of folders; file to manifest.

    Raises:
        InputError: One is missing or not a manifest, two are for one model, or there is none.
    """
    found: dict[str, RecurringRunManifest] = {}
    by_model: dict[str, str] = {}
    for file in _files(places):
        manifest = parse_manifest(_text(file), str(file))
        other = by_model.setdefault(manifest.model, str(file))
        if other != str(file):
            do = f"{other} declares it too. Remove one."
            raise InputError(f"{file}: model", manifest.model, "one file per model", do)
        found[str(file)] = manifest
    return found


def _files(places: list[Path]) -> list[Path]:
    files: list[Path] = []
    for place in places:
        if not place.is_dir():
            files.append(place)
            continue
        # A mounted ConfigMap has hidden folders beside the files that it links.
        inside = sorted(f for f in place.iterdir() if f.suffix in _SUFFIXES and f.is_file())
        kept = [f for f in inside if f.name != "kustomization.yaml"]
        if not kept:
            raise InputError(str(place), "no YAML file", "a folder of declared recurring runs")
        files.extend(kept)
    return list(dict.fromkeys(files))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputError(str(file), "no such file", "a declared recurring run") from error
    except UnicodeDecodeError as error:
        raise InputError(str(file), "bytes that are no UTF-8", "UTF-8 text") from error
