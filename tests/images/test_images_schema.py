"""A schema and what is found wrong with data, written in one image, are read alike in another.

Their protobuf is 4 in the data image and 6 or newer in the others: what passes between them is
text and bytes, and each has to read every field that the other wrote.
"""

import subprocess
from pathlib import Path

import pytest

from tests.images.container import ENVS
from tests.needs import skip_or_fail

_SCHEMA = """
feature { name: "distance" type: FLOAT presence { min_fraction: 0.9 min_count: 1 }
  value_count { min: 1 max: 1 } float_domain { min: 0.5 max: 5000 }
  drift_comparator { jensen_shannon_divergence { threshold: 0.1 } }
  skew_comparator { jensen_shannon_divergence { threshold: 0.2 } } }
feature { name: "stops" type: INT int_domain { min: 0 max: 3 } not_in_environment: "serving"
  lifecycle_stage: PRODUCTION }
feature { name: "carrier" type: BYTES domain: "carriers"
  distribution_constraints { min_domain_mass: 0.75 }
  drift_comparator { infinity_norm { threshold: 0.3 } } }
feature { name: "is_late" type: INT bool_domain {} annotation { tag: "label" comment: "15 min" } }
feature { name: "tail" type: BYTES string_domain { value: "a" } unique_constraints { min: 1 } }
string_domain { name: "carriers" value: "AA" value: "Zürich" }
default_environment: "training" default_environment: "serving"
"""
_ANOMALIES = """
baseline { feature { name: "x" type: FLOAT } }
anomaly_info { key: "carrier" value { path { step: "carrier" } severity: ERROR
  short_description: "Unexpected values" description: "Examples contain: 'Zürich'"
  reason { type: ENUM_TYPE_UNEXPECTED_STRING_VALUES short_description: "a" description: "b" } } }
drift_skew_info { path { step: "distance" }
  drift_measurements { type: JENSEN_SHANNON_DIVERGENCE value: 0.25 threshold: 0.1 } }
dataset_anomaly_info { severity: WARNING
  reason { type: DATASET_LOW_NUM_EXAMPLES description: "few" } }
"""
_STATISTICS = """
datasets { name: "train" num_examples: 3 features { path { step: "distance" } type: FLOAT
  num_stats { common_stats { num_non_missing: 2 num_missing: 1 min_num_values: 1 tot_num_values: 2 }
    mean: 1.5 std_dev: 0.5 num_zeros: 0 min: 1 median: 1.5 max: 2
    histograms { type: QUANTILES buckets { low_value: 1 high_value: 2 sample_count: 2 } } }
  custom_stats { name: "psi" num: 0.5 } } features { path { step: "carrier" } type: STRING
  string_stats { common_stats { num_non_missing: 3 } unique: 2 avg_length: 2
    top_values { value: "Zürich" frequency: 2 } rank_histogram { buckets { label: "AA" } } } } }
"""
_SAID = {
    "schema_pb2.Schema": _SCHEMA,
    "anomalies_pb2.Anomalies": _ANOMALIES,
    "statistics_pb2.DatasetFeatureStatisticsList": _STATISTICS,
}
_PROGRAM = """
import sys
from pathlib import Path
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

kind, text, binary, out = sys.argv[1], *map(Path, sys.argv[2:])
module, _, name = kind.partition(".")
make = getattr(globals()[module], name)
read = text_format.Parse(text.read_text("utf-8"), make())
if binary.exists():
    assert make.FromString(binary.read_bytes()) == read
out.with_suffix(".txt").write_text(text_format.MessageToString(read, as_utf8=True), "utf-8")
out.with_suffix(".bin").write_bytes(read.SerializeToString(deterministic=True))
"""


def passed(room: str, kind: str, text: Path, binary: Path, out: Path) -> tuple[str, bytes]:
    """Read text, and bytes if they are there, in an image; write both again."""
    python = ENVS / room / "bin/python"
    if not python.exists():
        skip_or_fail(f"there is no {python}: make it with make .venv/ready")
    command = [str(python), "-c", _PROGRAM, kind, str(text), str(binary), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    return out.with_suffix(".txt").read_text("utf-8"), out.with_suffix(".bin").read_bytes()


@pytest.mark.parametrize("kind", _SAID)
@pytest.mark.parametrize(("first", "second"), [("data", "ops"), ("ops", "data")])
def test_what_one_image_writes_another_reads(
    kind: str, first: str, second: str, tmp_path: Path
) -> None:
    (tmp_path / "given.txt").write_text(_SAID[kind], encoding="utf-8")
    one = passed(first, kind, tmp_path / "given.txt", tmp_path / "none", tmp_path / "one")
    two = passed(second, kind, tmp_path / "one.txt", tmp_path / "one.bin", tmp_path / "two")
    assert one == two
    assert "Zürich" in one[0]
    assert len(one[0].split()) >= len(_SAID[kind].split()) - 10, "no field was dropped"
