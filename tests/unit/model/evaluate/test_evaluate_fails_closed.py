"""What closes the gate: a champion, a holdout or an answer that nothing can be judged by."""

import shutil
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from evaluate_factories import COLUMNS, STALE, TRUTH, EvaluationFactory, Weights, failed

from components.core.artifacts import LIMITS, MODEL_CARD, ModelCard
from components.core.digest import digest_folder
from components.model.evaluate.run import evaluate


@pytest.mark.parametrize("spoil", ["missing", "changed", "unloadable", "no_card", "remote"])
def test_an_unavailable_champion_closes_the_gate(factory, spoil):
    champion = factory.champion(STALE)
    folder = factory.root / "champion"
    if spoil == "missing":
        shutil.rmtree(folder)
    if spoil == "changed":
        (folder / LIMITS).write_text("{}")
    if spoil == "unloadable":
        (folder / "saved_model" / "saved_model.pb").write_bytes(b"no model")
        champion = champion.model_copy(update={"digest": digest_folder(folder)})
    if spoil == "no_card":
        (folder / MODEL_CARD).unlink()
        champion = champion.model_copy(update={"digest": digest_folder(folder)})
    if spoil == "remote":
        champion = champion.model_copy(update={"uri": "ftp://elsewhere/model"})
    found = evaluate(factory.folders(TRUTH, champion), "run-1")
    assert found.verdict.decision == "refuse"
    assert "v1 cannot be read" in found.verdict.reason
    assert failed(found, "champion")
    assert "recent.auc.retrained" in found.verdict.metrics


def test_a_champion_whose_column_is_gone_closes_the_gate(factory):
    champion = factory.champion(STALE)
    folder = factory.root / "champion"
    gone = COLUMNS[0].model_copy(update={"name": "gone", "source": "gone"})
    card = ModelCard.read(folder / MODEL_CARD)
    card.model_copy(update={"columns": (gone, *COLUMNS[1:])}).write(folder / MODEL_CARD)
    champion = champion.model_copy(update={"digest": digest_folder(folder)})
    found = evaluate(factory.folders(TRUTH, champion), "run-1")
    assert found.verdict.decision == "refuse"
    assert "'gone'" in found.verdict.reason


def test_a_first_model_needs_the_spec_to_say_so(factory, tmp_path):
    refused = evaluate(factory.folders(TRUTH, None), "run-1")
    assert refused.verdict.decision == "refuse"
    assert "first_model: allowed" in refused.verdict.reason
    allowed = EvaluationFactory(tmp_path / "allowed", first_model="allowed")
    found = evaluate(allowed.folders(TRUTH, None), "run-1")
    assert (found.verdict.decision, found.version) == ("deploy", "v2")
    assert "Against the champion" not in found.page


def test_a_first_model_below_the_floor_is_refused(tmp_path):
    factory = EvaluationFactory(
        tmp_path, first_model="allowed", gates="gates: {floors: {auc: 0.99}}"
    )
    found = evaluate(factory.folders(TRUTH, None), "run-1")
    assert found.verdict.decision == "refuse"
    assert len(failed(found, "floor")) == 2


@pytest.mark.parametrize("split", ["recent", "reference"])
def test_an_empty_holdout_closes_the_gate(factory, split):
    folders = factory.folders(TRUTH, factory.champion(STALE))
    shutil.rmtree(folders.examples / split)
    found = evaluate(folders, "run-1")
    assert found.verdict.decision == "refuse"
    assert f"The {split} holdout has no labelled row" in found.verdict.reason


def test_a_holdout_without_labels_is_an_empty_one(factory):
    folders = factory.folders(TRUTH, factory.champion(STALE))
    (file,) = (folders.examples / "recent").iterdir()
    rows = pq.read_table(file)
    pq.write_table(rows.set_column(4, "late", pa.nulls(rows.num_rows, pa.int8())), file)
    found = evaluate(folders, "run-1")
    assert "The recent holdout has no labelled row" in found.verdict.reason


def test_too_few_days_close_the_gate(factory):
    folders = factory.folders(TRUTH, factory.champion(STALE))
    (file,) = (folders.examples / "recent").iterdir()
    pq.write_table(pq.read_table(file).slice(0, 600), file)  # four days of 150 rows
    found = evaluate(folders, "run-1")
    assert found.verdict.decision == "refuse"
    assert "4 block(s) are too few" in found.verdict.reason


def test_probabilities_that_are_not_finite_close_the_gate(factory):
    found = evaluate(factory.folders(Weights(bias=float("nan")), factory.champion(TRUTH)), "run-1")
    assert found.verdict.decision == "refuse"
    assert {f.subject for f in failed(found, "probability")} == {
        "retrained on recent",
        "retrained on reference",
    }


def test_a_champion_of_a_later_instant_is_a_warning(factory):
    champion = factory.champion(STALE).model_copy(
        update={"as_of": datetime(2024, 7, 1, tzinfo=UTC)}
    )
    found = evaluate(factory.folders(TRUTH, champion), "run-1")
    assert [f.code for f in found.verdict.findings if f.severity == "warn"] == ["champion"]
