"""Schemas from data: without one, and beside one that a person has curated."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.data.infer import main, propose
from components.data.schema.schema import comment_of, difference, format_schema

SPEC = """
name: visits
data:
  primary:
    uri: {folder}/{{day}}.parquet
    event_time: at
    key: [visitor, at]
    known_later: [minutes]
label: {{column: left, known_after: 1h}}
"""
LISTED = (
    SPEC
    + """
features:
  - {{name: town}}
  - {{name: code, kind: category}}
  - {{name: hour, derive: hour_of, from: born}}
"""
)


def visits(day, rows=40):
    at = [datetime(2024, 1, day, tzinfo=UTC) + timedelta(minutes=i) for i in range(rows)]
    return pa.table(
        {
            "visitor": list(range(rows)),
            "at": at,
            "town": ["york", "bath"] * (rows // 2),
            "street": [f"street {i}" for i in range(rows)],
            "code": [i % 3 for i in range(rows)],
            "weight": [None if i % 4 == 0 else i / 2 for i in range(rows)],
            "born": [datetime(1990, 1, 1, tzinfo=UTC)] * rows,
            "minutes": [1.0] * rows,
            "left": [i % 2 == 0 for i in range(rows)],
        }
    )


@pytest.fixture
def model(tmp_path):
    for day in (1, 2, 3):
        pq.write_table(visits(day), tmp_path / f"2024-01-0{day}.parquet")
    (tmp_path / "notes.parquet").write_bytes(b"no day of that name")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.yaml").write_text(SPEC.format(folder=tmp_path))
    return tmp_path / "model"


def parsed(text):
    schema = text_format.Parse(text, schema_pb2.Schema())
    return {feature.name: feature for feature in schema.feature}


def test_without_features_every_usable_column_is_described(model):
    committed, proposed = propose(model, None)
    found = parsed(proposed)
    # Neither key, event time, instants nor what is known later; the label comes last.
    assert [*found] == ["town", "street", "code", "weight", "label"]
    assert committed == ""
    names = {name: schema_pb2.FeatureType.Name(f.type) for name, f in found.items()}
    assert names == {
        "town": "BYTES",
        "street": "BYTES",
        "code": "INT",
        "weight": "FLOAT",
        "label": "INT",
    }
    assert list(found["town"].string_domain.value) == ["bath", "york"]
    assert found["town"].distribution_constraints.min_domain_mass == 0.95
    # Forty streets are too many to list.
    assert not found["street"].HasField("string_domain")
    # Three quarters of the weights are there; a tenth less, to the next twentieth: 0.65.
    assert found["weight"].presence.min_fraction == 0.65
    assert found["code"].presence.min_fraction == 1
    assert (found["label"].int_domain.min, found["label"].int_domain.max) == (0, 1)


def test_with_features_only_their_columns_are_described(model):
    (model / "model.yaml").write_text(LISTED.format(folder=model.parent))
    found = parsed(propose(model, None)[1])
    assert [*found] == ["town", "code", "born", "label"]
    assert found["code"].type == schema_pb2.BYTES
    assert list(found["code"].string_domain.value) == ["0", "1", "2"]
    assert found["born"].HasField("time_domain")


def test_an_incomplete_span_does_not_lower_presence(model):
    few = visits(4, 2).set_column(5, "weight", pa.array([None, None], pa.float64()))
    pq.write_table(few, model.parent / "2024-01-04.parquet")
    assert parsed(propose(model, None)[1])["weight"].presence.min_fraction == 0.65
    # Nothing newer than the instant asked for is looked at.
    pq.write_table(visits(5).drop_columns(["town"]), model.parent / "2024-01-05.parquet")
    assert parsed(propose(model, "2024-01-05")[1])["town"]


CURATED = """# Made with care.
# Twice.
feature { name: "weight" type: FLOAT float_domain { max: 50 } presence { min_fraction: 0.5 } }
feature { name: "town" type: BYTES presence { min_fraction: 1 } }
feature { name: "gone" type: INT }
feature { name: "code" type: INT int_domain { max: 1 } }
feature { name: "label" type: INT }
default_environment: "serving"
"""


def test_curated_features_stay_until_the_data_contradict_them(model, capsys):
    (model / "schema.pbtxt").write_text(CURATED)
    assert main([str(model)]) == 3
    lines = capsys.readouterr().out.splitlines()
    changed = [line for line in lines if line[:9] in ("+feature ", "-feature ")]
    # Gone has no column, street is new, and there are codes above 1.
    assert sorted(line[0] + line.split('"')[1] for line in changed) == [
        "+code",
        "+street",
        "-code",
        "-gone",
    ]
    assert (model / "schema.pbtxt").read_text() == CURATED
    assert main([str(model), "--write"]) == 0
    written = (model / "schema.pbtxt").read_text()
    assert written.startswith("# Made with care.\n# Twice.\n")
    assert parsed(written)["weight"].float_domain.max == 50
    capsys.readouterr()
    assert main([str(model)]) == 0
    assert "agrees with the data" in capsys.readouterr().out


def test_one_file_of_csv_is_read(model):
    table = pa.concat_tables([visits(1), visits(2)])
    pa_csv.write_csv(table, model.parent / "all.csv")
    text = SPEC.replace("{folder}/{{day}}.parquet", "{folder}/all.csv")
    text = text.replace("event_time: at", "event_time: at\n    format: csv\n    start: 2024-01-01")
    (model / "model.yaml").write_text(text.format(folder=model.parent))
    assert [*parsed(propose(model, None)[1])] == ["town", "street", "code", "weight", "label"]


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda m: (m / "model.yaml").unlink(), "model.yaml"),
        (lambda m: (m / "schema.pbtxt").write_text("feature {"), "schema.pbtxt"),
        (lambda m: [f.unlink() for f in m.parent.glob("2024*")], "data.primary.uri"),
    ],
)
def test_errors_name_what_cannot_be_read(model, capsys, break_it, said):
    break_it(model)
    assert main([str(model)]) == 1
    assert said in capsys.readouterr().err


def test_schemas_round_trip_as_text():
    schema = text_format.Parse(CURATED, schema_pb2.Schema())
    text = format_schema(schema, comment_of(CURATED))
    assert text.startswith("# Made with care.\n# Twice.\nfeature { name: ")
    assert 'default_environment: "serving"' in text
    assert text_format.Parse(text, schema_pb2.Schema()) == schema
    assert difference(text, text, "s") == ""
    assert "-# Twice." in difference(text, text.replace("# Twice.\n", ""), "s")
