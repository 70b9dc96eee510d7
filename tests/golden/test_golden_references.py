"""The references are what their source makes today."""

from pathlib import Path

from components.core.behaviour import load_behaviour
from components.core.spec.load import spec_json_schema
from pipelines.reference import (
    BEHAVIOUR,
    JSON_SCHEMA,
    REFERENCE,
    behaviour_reference,
    reference,
)

ROOT = Path(__file__).resolve().parents[2]


def test_the_references_are_fresh() -> None:
    assert (ROOT / REFERENCE).read_text() == reference(spec_json_schema())
    assert (ROOT / BEHAVIOUR).read_text() == behaviour_reference()


def test_the_example_of_behaviour_tests_is_one() -> None:
    example = (ROOT / BEHAVIOUR).read_text().split("```")[1].removeprefix("yaml\n")
    tests = load_behaviour(example, "the example")
    assert (len(tests.invariance), len(tests.direction), len(tests.minimum)) == (1, 2, 2)


def test_the_reference_names_every_field() -> None:
    schema = spec_json_schema()
    text = (ROOT / REFERENCE).read_text()
    parts = [schema, *schema["$defs"].values()]
    fields = [field for part in parts for field in part.get("properties", ())]
    assert fields
    assert all(f"| `{field}` |" in text for field in fields)
    assert (ROOT / JSON_SCHEMA).exists()
