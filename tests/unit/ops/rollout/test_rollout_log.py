"""The prediction log as a rollout reads it."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components.core.artifacts import TRIAL_REQUEST
from components.ops.rollout.canary import PredictionStats
from components.ops.rollout.steps import LogReader


def write(
    log: Path, name: str, version: str, probability: list[float | None], request: str = "r"
) -> None:
    file = log / "2026-01-01T00" / f"{name}.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = len(probability)
    columns = {"request_id": [request] * rows, "version": [version] * rows, "row": [0] * rows}
    pq.write_table(pa.table({**columns, "probability": probability}), file)


def test_only_what_is_logged_from_now_on_counts(tmp_path: Path) -> None:
    write(tmp_path, "v1-a", "v1", [0.9])
    reader = LogReader(str(tmp_path), ("v1", "v2"))
    assert reader.read() == {"v1": PredictionStats(), "v2": PredictionStats()}
    write(tmp_path, "v1-b", "v1", [0.25, 0.5])
    write(tmp_path, "v2-a", "v2", [1.0])
    write(tmp_path, "v3-a", "v3", [1.0])
    assert reader.read() == {"v1": PredictionStats(2, 0.75), "v2": PredictionStats(1, 1.0)}
    write(tmp_path, "v2-b", "v2", [0.5])
    assert reader.read()["v2"] == PredictionStats(2, 1.5)
    assert reader.read()["v2"] == PredictionStats(2, 1.5)


def test_a_version_whose_name_begins_another_is_distinguished(tmp_path: Path) -> None:
    reader = LogReader(str(tmp_path), ("v1", "v1-recalibrated"))
    write(tmp_path, "v1-recalibrated-a", "v1-recalibrated", [0.5])
    assert reader.read() == {"v1": PredictionStats(), "v1-recalibrated": PredictionStats(1, 0.5)}


def test_validation_requests_and_broken_files_do_not_count(tmp_path: Path) -> None:
    reader = LogReader(str(tmp_path), ("v1",))
    write(tmp_path, "v1-a", "v1", [0.5], request=f"{TRIAL_REQUEST}1")
    (tmp_path / "2026-01-01T00" / "v1-b.parquet").write_bytes(b"PAR1 cut off")
    (tmp_path / "2026-01-01T00" / "v1-c.parquet").write_bytes(b"")
    write(tmp_path, "v1-d", "v1", [0.5])
    assert reader.read() == {"v1": PredictionStats(1, 0.5)}


def test_rows_without_a_probability_do_not_count(tmp_path: Path) -> None:
    reader = LogReader(str(tmp_path), ("v1",))
    write(tmp_path, "v1-a", "v1", [0.5, None, 0.25])
    assert reader.read() == {"v1": PredictionStats(2, 0.75)}


def test_there_may_be_no_log_yet(tmp_path: Path) -> None:
    assert LogReader(str(tmp_path / "none"), ("v1",)).read() == {"v1": PredictionStats()}
