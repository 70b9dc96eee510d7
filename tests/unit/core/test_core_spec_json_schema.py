"""The JSON Schema that editors use accepts what the loader accepts."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from components.core.spec import spec_json_schema
from components.core.spec.load import read_mapping

SMALL: dict[str, Any] = {
    "name": "churn",
    "data": {"primary": {"uri": "churn/{day}.parquet", "event_time": "at", "key": ["id"]}},
    "label": {"column": "left", "known_after": "30d"},
}


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = spec_json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"serving": {"canary": ["10%", 0.5]}},
        {"serving": {"canary": {"steps": ["10%"], "timeout": "5m"}}},
        {"features": [{"name": "a", "from": "b"}]},
        {"features": [{"name": "a", "derive": "ratio", "from": ["b", "w.c"]}]},
        {"history": {"min_rows": 50_000}},
        {"history": {"min_rows": "50_000"}},  # what an editor's YAML 1.2 makes of 50_000
        {"monitoring": {"every": "month", "thresholds": {"calibration_error": 0.08}}},
        {"gates": {"recent": {"auc": "better"}, "reference": {"auc": {"not_worse_by": 0.1}}}},
    ],
)
def test_accepts(validator: jsonschema.Draft202012Validator, more: dict[str, Any]) -> None:
    validator.validate({**SMALL, **more})


@pytest.mark.parametrize(
    "more",
    [
        {"gatess": {}},
        {"name": "Churn Model"},
        {"serving": {"targt": "x"}},
        {"history": {"min_rows": "many"}},
        {"label": {"column": "left"}},
        {"label": {"column": "left", "known_after": "a month"}},
        {"split": {"reference": "every week"}},
        {"gates": {"recent": {"auc": "beter"}}},
        {"features": [{"name": "a", "derive": "hours_of"}]},
    ],
)
def test_refuses(validator: jsonschema.Draft202012Validator, more: dict[str, Any]) -> None:
    assert not validator.is_valid({**SMALL, **more})


def test_accepts_every_committed_spec(validator: jsonschema.Draft202012Validator) -> None:
    specs = sorted(Path("models").glob("*/model.yaml"))
    assert specs
    for spec in specs:
        validator.validate(read_mapping(spec.read_text(encoding="utf-8"), spec.name))


def test_writes_defaults_as_people_do() -> None:
    split = spec_json_schema()["$defs"]["Split"]["properties"]

    assert split["recent"]["default"] == "10d"
