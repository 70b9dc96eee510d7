"""A model's folder with data, small enough to read at a glance."""

from pathlib import Path

import pytest

SPEC = """name: churn
data:
  primary:
    uri: {data}/churn/{{day}}.parquet
    event_time: seen_at
    key: [customer, seen_at]
    known_later: [gone_at]
  external:
    city: {{uri: {data}/city.parquet, on: [place], event_time: noted_at, known_after: 1h}}
label: {{column: left, known_after: 2d, name: leaves}}
split: {{recent: 3d, reference: every 2nd week}}
gates: {{block: hour}}
monitoring: {{every: day}}
serving: {{target: "local://{data}/serving", log: {data}/log}}
first_model: allowed
"""

SCHEMA = """
feature { name: "customer" type: BYTES }
feature { name: "seen_at" type: INT }
feature { name: "plan" type: BYTES }
feature { name: "months" type: INT }
feature { name: "tier" type: INT int_domain { is_categorical: true } }
feature { name: "spend" type: FLOAT }
feature { name: "joined_at" type: INT time_domain { string_format: "%Y" } }
feature { name: "gone_at" type: INT }
feature { name: "left" type: INT }
feature { name: "leaves" type: INT }
feature { name: "city_rain" type: FLOAT }
feature { name: "city_noted_at" type: INT }
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model's folder, and 20 days of data (by name) from 2013-01-01 beside it."""
    data, folder = tmp_path / "data", tmp_path / "churn"
    (data / "churn").mkdir(parents=True)
    folder.mkdir()
    for day in range(1, 21):
        (data / "churn" / f"2013-01-{day:02}.parquet").touch()
    (folder / "model.yaml").write_text(SPEC.format(data=data))
    (folder / "schema.pbtxt").write_text(SCHEMA)
    return folder
