"""The model spec and how it is read."""

from components.core.spec.base import SpecModel, column_of
from components.core.spec.data import (
    Derive,
    External,
    Feature,
    FeatureKind,
    Label,
    Primary,
    ValueRule,
    parse_rule,
)
from components.core.spec.load import load_folder, load_spec, spec_json_schema
from components.core.spec.operation import Canary, Monitoring, RetrainingPolicy
from components.core.spec.spec import Spec
from components.core.spec.training import (
    Gates,
    History,
    Margin,
    Network,
    Slice,
    Split,
    window_spans,
)

__all__ = [
    "Canary",
    "Derive",
    "External",
    "Feature",
    "FeatureKind",
    "Gates",
    "History",
    "Label",
    "Margin",
    "Monitoring",
    "Network",
    "Primary",
    "RetrainingPolicy",
    "Slice",
    "Spec",
    "SpecModel",
    "Split",
    "ValueRule",
    "column_of",
    "load_folder",
    "load_spec",
    "parse_rule",
    "spec_json_schema",
    "window_spans",
]
