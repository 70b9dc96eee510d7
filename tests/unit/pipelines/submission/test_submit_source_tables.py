"""Source tables are copied to where an overlay has them, whole or as a sample."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core.errors import InputError
from pipelines.submission.source_tables import upload_tables

SPEC = """\
name: churn
data:
  primary: {{uri: "{root}/here/t-{{month}}.parquet", event_time: seen_at, key: [id, seen_at]}}
  external:
    plans: {{uri: "{root}/here/plans.parquet", on: [id]}}
label: {{column: left, known_after: 30d}}
serving: {{target: "local://{root}/serving", log: "{root}/log"}}
"""
OVERLAY = """\
data:
  primary: {{uri: "{root}/there/{{month}}.parquet"}}
  external:
    plans: {{uri: "{root}/there/plans.parquet"}}
"""


def folder(root: Path, overlay: str = OVERLAY) -> str:
    (root / "here").mkdir()
    (root / "model.yaml").write_text(SPEC.format(root=root))
    (root / "kind.yaml").write_text(overlay.format(root=root))
    for month, rows in (("2026-01", 10), ("2026-02", 7)):
        pq.write_table(pa.table({"id": list(range(rows))}), root / f"here/t-{month}.parquet")
    pq.write_table(pa.table({"id": [1, 2]}), root / "here/plans.parquet")
    return str(root)


@pytest.mark.parametrize(
    ("sample", "january", "february"),
    [(1, list(range(10)), list(range(7))), (3, [0, 3, 6, 9], [0, 3, 6])],
)
def test_every_table_goes_to_the_overlays_place(
    tmp_path: Path, sample: int, january: list[int], february: list[int]
) -> None:
    copied = dict(upload_tables(folder(tmp_path), "kind.yaml", sample))
    assert copied == {str(file): file.stat().st_size for file in tmp_path.glob("there/*")}
    there = {file.name: pq.read_table(file)["id"].to_pylist() for file in tmp_path.glob("there/*")}
    assert there == {
        "2026-01.parquet": january,
        "2026-02.parquet": february,
        "plans.parquet": [1, 2],
    }


@pytest.mark.parametrize(
    ("overlay", "sample", "said"),
    [
        (OVERLAY, 0, "SAMPLE: given 0"),
        ("data: {{primary: {{uri: 'ftp://x/{{month}}.parquet'}}}}", 1, "ftp://"),
        ("data: {{primari: {{}}}}", 1, "primari"),
    ],
)
def test_a_mistake_is_said_and_nothing_is_copied(
    tmp_path: Path, overlay: str, sample: int, said: str
) -> None:
    given = folder(tmp_path, overlay)
    with pytest.raises((InputError, OSError), match=said):
        list(upload_tables(given, "kind.yaml", sample))
    assert not (tmp_path / "there").exists()


def test_nothing_to_do_and_no_files(tmp_path: Path) -> None:
    given = folder(tmp_path, "description: the same places")
    assert list(upload_tables(given, "kind.yaml")) == []
    (tmp_path / "kind.yaml").write_text(OVERLAY.format(root=tmp_path))
    for file in tmp_path.glob("here/t-*"):
        file.unlink()
    with pytest.raises(InputError, match="files that are there"):
        list(upload_tables(given, "kind.yaml"))


def test_a_folder_for_each_span_is_one_there_too(tmp_path: Path) -> None:
    given = folder(tmp_path, "data: {{primary: {{uri: '{root}/there/{{month}}.parquet'}}}}")
    spec = (tmp_path / "model.yaml").read_text().replace("here/t-{month}.parquet", "by/{month}/p")
    (tmp_path / "model.yaml").write_text(spec)
    (tmp_path / "by/2026-01").mkdir(parents=True)
    (tmp_path / "here/t-2026-01.parquet").rename(tmp_path / "by/2026-01/p")
    assert len(list(upload_tables(given, "kind.yaml"))) == 1
    assert [file.name for file in tmp_path.glob("there/*")] == ["2026-01.parquet"]
