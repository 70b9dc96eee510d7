"""The recurring monitoring run of a model, as git declares it: one small YAML file per model.

::

    model: flights
    parameters:
      model: git+https://example.com/team/models@<commit>#models/flights
      overlay: overlays/production.yaml
    every: month
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from components.core.artifacts import Record
from components.core.errors import InputError
from components.core.spans import SpanKind
from components.core.spec.base import Name
from components.core.spec.load import read_mapping
from components.core.units import Duration, parse_duration
from components.ops.schedule.cron import parse_cron
from components.ops.schedule.recurring_run import Origin, WantedRun
from components.ops.schedule.trigger import Trigger, start_of, trigger_of

PIPELINE = "monitor"
EXPERIMENT = "ratoon"
ACCOUNT = "ratoon-pipeline"
# What `make compile` gives the steps of a pipeline until it knows the version's name.
_UNNAMED = ("", "to-be-named")
_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class Surroundings:
    """What holds where a file says nothing.

    Attributes:
        version: The name of the pipeline's version.
        namespace: The namespace.
        overlay: The file of the model's folder with what differs in this environment.
    """

    version: str
    namespace: str = ""
    overlay: str = ""


class Parameters(Record):
    """The pipeline's parameters.

    Attributes:
        model: Where the model's folder is.
        overlay: A file of the folder with the fields that differ here; empty: the one that the
            environment names, or none.
        target: Where the model serves; empty: the spec's ``serving.target``.
    """

    model: str = Field(min_length=1)
    overlay: str = ""
    target: str = ""


class Declared(Record):
    """One file.

    Attributes:
        model: The model's name.
        pipeline: The pipeline to run.
        version: The name of its version; empty: the one that the environment names.
        parameters: The pipeline's parameters.
        every: How often, as the spec's ``monitoring.every``; or else `cron`.
        cron: Six fields, seconds first, UTC.
        namespace: Where it runs; empty: the reconciler's own namespace.
        experiment: What its runs are shown under.
        service_account: Of its pods.
        enabled: Whether it runs.
    """

    model: Name
    pipeline: Name = PIPELINE
    version: str = ""
    parameters: Parameters
    every: SpanKind | Duration | None = None
    cron: str = ""
    namespace: str = ""
    experiment: str = Field(EXPERIMENT, min_length=1)
    service_account: str = ACCOUNT
    enabled: bool = True

    @field_validator("every", mode="before")
    @classmethod
    def _span_or_duration(cls, every: object) -> object:
        if every is None or every in list(SpanKind):
            return every
        duration = parse_duration(every)
        if not duration:
            raise ValueError("hour, day, month, or a duration that is not zero")
        return duration

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.every is None) == (not self.cron):
            raise ValueError("either every (hour, day, month or a duration such as 7d) or cron")
        return self

    @property
    def trigger(self) -> Trigger:
        """When it falls due."""
        return trigger_of(self.every) if self.every is not None else Trigger(cron=self.cron)

    def wanted(self, around: Surroundings, origin: Origin) -> WantedRun:
        """The recurring run that is wanted.

        A run that falls due with `every` is given that boundary as its `as_of`; one of a `cron` is
        given none, which is the time that it was scheduled for where KFP says it, and else now.

        Args:
            around: What holds where the file says nothing.
            origin: Who wants it.

        Raises:
            InputError: No version is named.
        """
        named = self.version or around.version
        if named in _UNNAMED:
            do = (
                "Write it, or set RATOON_MONITOR_VERSION; `make compile` names it in "
                "manifests/pipelines. A run of the newest version, whatever it is, is not made."
            )
            where = f"{self.model}: version of pipeline {self.pipeline}"
            raise InputError(where, named, "the name of an uploaded version", do)
        as_of = start_of(self.every) if self.every is not None else ""
        given = self.parameters.model_dump()
        given["overlay"] = given["overlay"] or around.overlay
        return WantedRun(
            model=self.model,
            pipeline=self.pipeline,
            version=named,
            parameters={**given, "as_of": as_of},
            trigger=self.trigger,
            namespace=self.namespace or around.namespace,
            experiment=self.experiment,
            service_account=self.service_account,
            enabled=self.enabled,
            origin=origin,
        )


def parse_declared(text: str, where: str) -> Declared:
    """Reads a declaration.

    Args:
        text: The YAML.
        where: What to call it in errors.

    Raises:
        InputError: It is none; every problem is named.
    """
    fields = read_mapping(text, where)
    try:
        declared = Declared.model_validate(fields)
    except ValidationError as error:
        raise _complaint(error, where) from error
    if declared.cron:
        parse_cron(declared.cron, f"{where}: cron")
    return declared


def find_declared(places: list[Path]) -> dict[str, Declared]:
    """Reads files, and the YAML files of folders; file to declaration, in order of name.

    Raises:
        InputError: One is missing or no declaration, two are for one model, or there is none.
    """
    found: dict[str, Declared] = {}
    by_model: dict[str, str] = {}
    for file in _files(places):
        declared = parse_declared(_text(file), str(file))
        other = by_model.setdefault(declared.model, str(file))
        if other != str(file):
            do = f"{other} declares it too. Remove one."
            raise InputError(f"{file}: model", declared.model, "one file per model", do)
        found[str(file)] = declared
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


def _complaint(error: ValidationError, where: str) -> InputError:
    problems = [_problem(one) for one in error.errors(include_url=False)]
    (path, given, accepted), *others = problems
    also = [f"Also {p or 'at the top'}: given {g!r}; accepted: {a}." for p, g, a in others]
    return InputError(f"{where}: {path}" if path else where, given, accepted, " ".join(also))


def _problem(problem: Mapping[str, Any]) -> tuple[str, object, str]:
    path = ".".join(str(part) for part in problem["loc"] if part not in _BRANCHES)
    kind, given = problem["type"], problem["input"]
    if kind == "missing":
        return path, "nothing", "a value; it has no default"
    if kind == "extra_forbidden":
        known = Parameters if "." in path else Declared
        return path, "a field that is not known", ", ".join(known.model_fields)
    shown = given if isinstance(given, str | int | float | bool) else "both, or none of the two"
    return path, shown, str(problem["msg"]).removeprefix("Value error, ")


# How pydantic names the branches of `every`.
_BRANCHES = ("SpanKind", "enum", "function-before[parse_duration(), timedelta]")
