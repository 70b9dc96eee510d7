"""From one prediction to all behind it, on a real log, audit and model folder."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core import audit
from components.core.artifacts import ModelCard
from components.core.audit import AuditEntry
from components.core.errors import InputError
from components.ops.audit.page import as_data, as_text
from components.ops.audit.provenance import find_predictions, trace

SPEC = """name: churn
data: {{primary: {{uri: "{root}/{{day}}.parquet", event_time: seen_at, key: [customer]}}}}
label: {{column: left, known_after: 1d}}
serving: {{target: "local://{root}/serving", log: {root}/log}}
"""
VERSION, OLDER = "20130701T0000-aaaaaaaa", "20130601T0000-bbbbbbbb"
DIGESTS = {"spec": "5" * 64, "schema": "6" * 64, "examples": "7" * 64}
STAMP = pa.timestamp("us", tz="UTC")


def log(root: Path, version: str, *rows: tuple[str, int, str], **more: pa.Array) -> Path:
    """Writes rows (request, row, customer) as a model server does."""
    count = len(rows)
    seen = datetime(2013, 7, 4, 12, tzinfo=UTC)
    table = pa.table(
        {
            "request_id": pa.array([r[0] for r in rows]),
            "row": pa.array([r[1] for r in rows], pa.int32()),
            "logged_at": pa.array([datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)] * count, STAMP),
            "model": pa.array(["churn"] * count),
            "version": pa.array([version] * count),
            "latency_ms": pa.array([1.25] * count),
            "probability": pa.array([0.25 + 0.5 * r[1] for r in rows]),
            "predicted": pa.array([r[1] for r in rows], pa.int64()),
            "customer": pa.array([r[2] for r in rows]),
            "seen_at": pa.array([seen] * count, STAMP),
            "months": pa.array([None] + [3.0] * (count - 1), pa.float64()),
            **more,
        }
    )
    file = (
        root / "log" / "2026-01-02T03" / f"{version}-{len(list(root.rglob('*.parquet')))}.parquet"
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, file)
    return file


def enter(root: Path, run: str, step: str, decision: str, version: str | None, **more: Any) -> None:
    fields = {"model": "churn", "as_of": "2013-07-01T00:00:00Z", "reason": f"{step} said so"}
    entry = {**fields, "digests": {"spec": DIGESTS["spec"]}, **more}
    audit.append(
        f"{root}/log-audit",
        AuditEntry(run=run, step=step, decision=decision, version=version, **entry),
    )


def publish(root: Path, version: str, **more: Any) -> None:
    card: Mapping[str, Any] = {
        "name": "churn",
        "version": version,
        "method": "trained",
        "task": "binary",
        "label": "label",
        "threshold": 0.5,
        "columns": (),
        "key": ("customer",),
        "event_time": "seen_at",
        "as_of": "2013-07-01T00:00:00Z",
        "run": "train-7",
        "digests": DIGESTS,
        "metrics": {"recent": {"auc": 0.75}},
        "rows": 1234,
    }
    ModelCard.model_validate({**card, **more}).write(
        root / "serving" / "models" / version / "model.json"
    )


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model that was deployed in July, answered, and was watched in August."""
    (tmp_path / "model.yaml").write_text(SPEC.format(root=tmp_path))
    log(tmp_path, VERSION, ("r-1", 0, "ann"), ("r-1", 1, "ben"), ("r-2", 0, "cas"))
    log(tmp_path, OLDER, ("r-3", 0, "dia"), old_column=pa.array([1.0]))
    publish(tmp_path, VERSION)
    for step, decision in (
        ("rollout", "promoted"),
        ("deploy", "staged"),
        ("plan", "planned"),
        ("validate", "pass"),
    ):
        enter(tmp_path, "train-7", step, decision, None if step == "validate" else VERSION)
    enter(
        tmp_path,
        "train-7",
        "evaluate",
        "deploy",
        VERSION,
        details={"metrics": {"auc": 0.75, "x": None}},
    )
    enter(tmp_path, "train-9", "evaluate", "refuse", VERSION)
    enter(tmp_path, "train-9", "plan", "planned", VERSION)
    for month in ("2013-07-01", "2013-08-01", "2013-09-01"):
        run = f"watch-{month}"
        enter(tmp_path, run, "monitor", "healthy", VERSION, as_of=f"{month}T00:00:00Z")
    return tmp_path


def test_the_whole_chain(model: Path) -> None:
    first, second = trace("r-1", str(model))

    assert (first.logged["row"], second.logged["row"]) == (0, 1)
    assert second.logged["probability"] == 0.75
    assert first.inputs == {
        "customer": "ann",
        "seen_at": datetime(2013, 7, 4, 12, tzinfo=UTC),
        "months": None,
    }
    assert first.run == "train-7"
    assert [e.step for e in first.steps] == ["plan", "validate", "evaluate", "deploy", "rollout"]
    assert first.card is not None
    assert first.card.digests == DIGESTS
    assert first.monitored is not None
    assert first.monitored.run == "watch-2013-08-01"  # the event was in July, the log is of 2026
    assert first.missing == ()


def test_a_retraining_is_whole_though_its_run_watched_first(model: Path) -> None:
    """Another plan watched, and of two challengers the one that was trained was not chosen."""
    watch = {"digests": {"spec": "of the watching"}}
    enter(model, "train-7", "plan", "planned", OLDER, details={"purpose": "monitor"}, **watch)
    enter(model, "train-7", "monitor", "retrain", OLDER, **watch)
    enter(model, "train-7", "train", "trained", "another", digests={"spec": "another's"})

    (only,) = trace("r-2", str(model))

    assert {"monitor", "train"} < {entry.step for entry in only.steps}
    assert only.missing == ()


def test_one_row_of_a_request(model: Path) -> None:
    (only,) = trace("r-1/1", str(model))

    assert only.inputs["customer"] == "ben"


def test_an_id_may_hold_a_slash_and_a_number(model: Path) -> None:
    log(model, VERSION, ("a/7", 0, "eve"))

    assert [c.inputs["customer"] for c in trace("a/7", str(model))] == ["eve"]
    assert [c.inputs["customer"] for c in trace("a/7/0", str(model))] == ["eve"]


def test_a_version_of_other_columns_is_read_as_it_was_logged(model: Path) -> None:
    (old,) = trace("r-3", str(model))

    assert old.inputs["old_column"] == 1.0
    assert "old_column" not in trace("r-2", str(model))[0].inputs


def test_missing_links_are_said(model: Path) -> None:
    (old,) = trace("r-3", str(model))

    assert (old.run, old.steps, old.card) == (None, (), None)
    assert old.missing == (
        f"the folder of version {OLDER} is not at the target any more",
        f"no entry of the audit says which run deployed version {OLDER}",
    )


def test_a_missing_step_is_said(model: Path) -> None:
    enter(model, "train-6", "deploy", "staged", OLDER)
    (old,) = trace("r-3", str(model))

    assert old.run == "train-6"
    assert [m for m in old.missing if "step" in m] == [
        f"run train-6 has no entry of its step {step}"
        for step in ("plan", "validate", "evaluate", "rollout")
    ]


def test_digests_that_disagree_are_said(model: Path) -> None:
    publish(model, VERSION, digests={**DIGESTS, "spec": "0" * 64})

    missing = trace("r-2", str(model))[0].missing

    assert "the digest of spec differs between the model and step plan" in missing


def test_a_run_that_only_judged_the_version_did_not_deploy_it(model: Path) -> None:
    assert {chain.run for chain in trace("r-1", str(model))} == {"train-7"}


@pytest.mark.parametrize("request_id", ["none", "r-1/2", "r-", "", "' or 1=1"])
def test_a_request_that_was_never_logged(model: Path, request_id: str) -> None:
    with pytest.raises(InputError, match=r"no such row.*counted by the server's metrics"):
        trace(request_id, str(model))


def test_no_log_and_a_broken_log(tmp_path: Path, model: Path) -> None:
    with pytest.raises(InputError, match="no file of predictions"):
        find_predictions(str(tmp_path / "none"), "r-1")
    (model / "log" / "2026-01-02T03" / "broken.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="files that a model server wrote"):
        find_predictions(str(model / "log"), "r-1")


def test_a_version_cannot_name_a_folder_elsewhere(model: Path) -> None:
    publish(model, VERSION)
    table = pq.read_table(next((model / "log").rglob(f"{VERSION}*.parquet")))
    crafted = table.set_column(4, "version", pa.array([f"../models/{VERSION}"] * len(table)))
    pq.write_table(crafted, model / "log" / "2026-01-02T03" / "crafted.parquet")

    chains = trace("r-2", str(model))

    assert [c.card is None for c in chains].count(True) == 1


def test_as_text_it_is_readable(model: Path) -> None:
    page = as_text(trace("r-1/0", str(model))[0])

    for said in (
        "request r-1, row 0",
        "answered     2026-01-02T03:04:05.000006Z in 1.25 ms",
        "by           churn 20130701T0000-aaaaaaaa",
        "probability  0.25, class 0",
        "customer  ann",
        "months    missing",
        "seen_at   2013-07-04T12:00:00Z",
        "made       trained as of 2013-07-01T00:00:00Z on 1,234 rows by run train-7",
        "from       spec 555555555555, schema 666666666666, examples 777777777777",
        "deployed by run train-7",
        "validate  pass: validate said so",
        "evaluate  deploy: evaluate said so",
        "auc 0.75, x missing",
        "rollout   promoted: rollout said so",
        "monitored by run watch-2013-08-01",
    ):
        assert said in page, page
    assert "\nmissing\n" not in page


def test_as_data_it_is_json(model: Path) -> None:
    (found,) = json.loads(json.dumps(as_data(trace("r-3", str(model)))))

    assert found["prediction"]["inputs"]["seen_at"] == "2013-07-04T12:00:00Z"
    assert found["prediction"]["version"] == OLDER
    assert found["run"] is None
    assert len(found["missing"]) == 2
