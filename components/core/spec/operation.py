"""``serving``, ``monitoring`` and ``retraining``: life after the first deployment."""

import re
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from components.core.spans import SpanKind
from components.core.spec.base import Name, SpecModel, TextPattern, field_error
from components.core.spec.data import Uri
from components.core.units import Cpu, Duration, Frequency, Share, Size, parse_duration

TARGETS = ("local", "kserve", "git+https", "git+file")
Trigger = Literal["performance", "calibration", "skew", "drift", "prediction_drift", "age"]
_STORE = re.compile(r"(s3|gs|pvc)://[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9._-]+)*|file:///[^?#]+")
_BUDGET = re.compile(r"(\d+) per (\d+[smhdw])")


class Resources(SpecModel):
    """What one server may use."""

    cpu: Cpu = "1"
    memory: Size = "1Gi"


class Canary(SpecModel):
    """How the candidate meets live traffic."""

    steps: tuple[Share, ...] = Field((0.1, 0.5), description="Shares of the traffic, in order.")
    min_requests: int = Field(
        50,
        ge=1,
        description="Fewest requests to the candidate in a step; its tests may need more.",
    )
    timeout: Duration = Field(
        timedelta(minutes=30), description="A step that is undecided by then: rolled back."
    )
    max_error_ratio: Share = Field(0.01, description="Share of failed requests that is accepted.")
    max_latency_ratio: float = Field(
        3.0, gt=0, description="The candidate's median latency, as a multiple of the champion's."
    )
    max_p99: Duration = Field(
        timedelta(seconds=1), description="A candidate whose 99th percentile is above goes back."
    )
    max_prediction_shift: float = Field(
        0.1, gt=0, description="Accepted difference of mean probability between the two."
    )


class Serving(SpecModel):
    """Where and how the model serves."""

    target: str = Field(
        description="local://folder, kserve://namespace or git+https://repo@branch#path."
    )
    min_replicas: int = Field(1, ge=0, description="Fewest servers.")
    resources: Resources = Resources()
    store: str | None = Field(
        None, description="Where KServe reads models: s3://…, gs://… or pvc://claim/folder."
    )
    account: Name = Field(
        "ratoon-models", description="The service account whose secret opens the store to KServe."
    )
    ready_timeout: Duration = Field(
        timedelta(minutes=5), description="A candidate whose server takes longer is refused."
    )
    canary: Canary = Canary()
    log: Uri = Field(description="Folder or URI of the prediction log.")
    audit: str | None = Field(None, description="Folder or URI of the audit; default: beside log.")

    @field_validator("target")
    @classmethod
    def _known_target(cls, target: str) -> str:
        scheme, found, rest = target.partition("://")
        if not found or scheme not in TARGETS or not rest or ".." in rest.split("/"):
            raise ValueError(f"one of {', '.join(t + '://…' for t in TARGETS)}")
        return target

    @field_validator("store")
    @classmethod
    def _readable_by_kserve(cls, store: str | None) -> str | None:
        if store is not None and not _STORE.fullmatch(store):
            raise ValueError("s3://bucket/folder, gs://bucket/folder or pvc://claim/folder")
        return store

    @model_validator(mode="after")
    def _has_a_store(self) -> Self:
        if not self.target.startswith("local://") and self.store is None:
            do = "Name a place that KServe and Ratoon both reach."
            raise field_error("store", "none", f"a place of models, for {self.target}", do)
        return self

    @field_validator("canary", mode="before", json_schema_input_type=Canary | tuple[Share, ...])
    @classmethod
    def _short_canary(cls, canary: object) -> object:
        return {"steps": canary} if isinstance(canary, list) else canary

    @property
    def audit_uri(self) -> str:
        """Where audit entries go."""
        return self.audit or f"{self.log.rstrip('/')}-audit"


class CalibrationPolicy(SpecModel):
    """How the calibration of delayed-label performance is measured."""

    bins: int = Field(
        10,
        ge=2,
        description="Bins of equal mass of the curve that the report shows; the error that is "
        "judged always has 10, like those that its limit is learned from.",
    )
    max_error: float | None = Field(None, gt=0, description="Given instead of learned.")


class Monitoring(SpecModel):
    """The recurring run that watches the live predictions."""

    every: Frequency = Field(
        SpanKind.DAY, description="hour, day, month, or a duration: how often, and how much."
    )
    thresholds: Literal["learned"] | dict[str, float] = Field(
        "learned", description="learned from the training window, or metric to threshold."
    )
    calibration: CalibrationPolicy = CalibrationPolicy()
    min_rows: int = Field(
        1_000, ge=1, description="Fewer labelled rows: insufficient, never healthy."
    )
    min_labelled: Share = Field(
        0.8, description="Share of rows, old enough, whose label must be in."
    )
    max_model_age: Duration = Field(
        timedelta(days=180), description="An older model is a finding, whatever its numbers."
    )
    max_silence: Duration = Field(
        timedelta(days=2), description="No request for so long is a finding."
    )


class RetrainingPolicy(SpecModel):
    """What starts a retraining, and how often at most."""

    on: tuple[Trigger, ...] = Field(
        ("performance", "calibration"), description="The findings that start one; others alert."
    )
    cool_down: Duration = Field(
        timedelta(days=7), description="No second retraining within, whatever is found."
    )
    budget: Annotated[
        str, TextPattern(_BUDGET.pattern, "a number per duration, such as 3 per 90d")
    ] = Field("4 per 90d", description="How many at most, in which period.")

    @property
    def max_per_period(self) -> tuple[int, timedelta]:
        """How many retrainings in which period."""
        match = _BUDGET.fullmatch(self.budget)
        assert match is not None  # the field's pattern
        return int(match[1]), parse_duration(match[2])
