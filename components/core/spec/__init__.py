"""The model spec and how it is read."""

from components.core.spec.data import External, Primary
from components.core.spec.features import Derive, Feature, Kind, Label
from components.core.spec.gates import Gates, Margin, Slice
from components.core.spec.json_schema import spec_json_schema
from components.core.spec.learning import History, Network, Split, window_spans
from components.core.spec.load import load_folder, load_spec
from components.core.spec.operation import Canary, Monitoring, Retraining
from components.core.spec.part import Part, column_of
from components.core.spec.rules import ValueRule, parse_rule
from components.core.spec.spec import Spec

__all__ = [
    "Canary",
    "Derive",
    "External",
    "Feature",
    "Gates",
    "History",
    "Kind",
    "Label",
    "Margin",
    "Monitoring",
    "Network",
    "Part",
    "Primary",
    "Retraining",
    "Slice",
    "Spec",
    "Split",
    "ValueRule",
    "column_of",
    "load_folder",
    "load_spec",
    "parse_rule",
    "spec_json_schema",
    "window_spans",
]
