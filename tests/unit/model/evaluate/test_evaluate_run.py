"""The whole step on real files and real SavedModels: who is deployed, and what is handed on."""

import shutil
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from evaluate_factories import (
    COLUMNS,
    OFF,
    SHUFFLED,
    STALE,
    TRUTH,
    EvaluationFactory,
    Weights,
    failed,
)

from components.core.artifacts import GOLDEN, LIMITS, MODEL_CARD, VERDICT, Golden, ModelCard
from components.core.digest import digest_folder
from components.core.verdict import Verdict
from components.model.evaluate.run import evaluate
from components.model.saved_model import SavedModelRunner


def test_a_better_challenger_is_deployed(factory):
    folders = factory.folders(TRUTH, factory.champion(STALE))
    found = evaluate(folders, "run-1")
    assert (found.verdict.decision, found.version) == ("deploy", "v2")
    assert found.verdict.failures == ()
    assert found.verdict.reason.startswith("Retrained on recent: log loss changes by -")
    assert digest_folder(folders.chosen) == digest_folder(folders.model)
    assert found.verdict.digests["chosen"] == digest_folder(folders.chosen)
    numbers = found.verdict.metrics
    change = "recent.log_loss.retrained.difference"
    assert numbers[f"{change}.low"] < numbers[change] < numbers[f"{change}.high"] < 0
    assert numbers[change] == pytest.approx(
        numbers["recent.log_loss.retrained"] - numbers["recent.log_loss.champion"]
    )
    assert numbers["recent.blocks"] == 10
    assert Verdict.read(folders.verdict / VERDICT) == found.verdict
    entry = factory.audit()
    assert (entry["run"], entry["version"], entry["decision"]) == ("run-1", "v2", "deploy")
    assert found.roc.x[0] == 0.0
    assert found.roc.y[-1] == 1.0
    assert sum(map(sum, found.confusion)) == 1_500
    assert found.metrics["recent AUC"] == pytest.approx(numbers["recent.auc.retrained"], abs=1e-5)
    assert found.page.startswith("<!DOCTYPE html>")
    assert "Against the champion" in found.page


def test_the_same_inputs_give_the_same_verdict(factory, tmp_path):
    folders = factory.folders(TRUTH, factory.champion(STALE))
    first = evaluate(folders, "run-1")
    again = evaluate(replace(folders, chosen=tmp_path / "c", verdict=tmp_path / "v"), "run-2")
    assert again.verdict == first.verdict
    assert again.page == first.page


def test_a_model_of_a_shuffled_label_is_refused_and_nothing_is_handed_on(factory):
    folders = factory.folders(SHUFFLED, factory.champion(TRUTH))
    found = evaluate(folders, "run-1")
    assert (found.verdict.decision, found.version) == ("refuse", None)
    assert {f.subject for f in failed(found, "better")} >= {"retrained on recent: log_loss"}
    assert failed(found, "floor")
    assert [f.name for f in folders.chosen.iterdir()] == [MODEL_CARD]
    assert factory.audit()["version"] is None
    assert "refuse" in found.page


def test_a_model_that_is_better_lately_but_forgot_the_rest_is_refused(tmp_path):
    newest = Weights(bias=-1.0, of_x=1.5, of_b=-1.6)  # lately b means the opposite
    factory = EvaluationFactory(tmp_path, recent=newest)
    found = evaluate(factory.folders(newest, factory.champion(TRUTH)), "run-1")
    assert found.verdict.decision == "refuse"
    assert found.verdict.metrics["recent.log_loss.retrained.difference.high"] < 0
    subjects = {f.subject for f in failed(found, "not_worse")}
    assert subjects >= {"retrained on reference: log_loss", "retrained on reference: auc"}
    assert found.verdict.reason.startswith("Retrained on reference: log loss changes by +")


def test_a_champion_that_only_drifted_is_recalibrated(factory):
    folders = factory.folders(SHUFFLED, factory.champion(OFF))
    found = evaluate(folders, "run-9")
    assert (found.verdict.decision, found.version) == ("deploy", "v2-c")
    assert found.verdict.failures == ()
    infos = [f for f in found.verdict.findings if f.subject.startswith("retrained")]
    assert any("For information only" in f.sentence for f in infos)
    card = ModelCard.read(folders.chosen / MODEL_CARD)
    assert (card.method, card.version, card.run) == ("recalibrated", "v2-c", "run-9")
    assert card.digests["champion"] == digest_folder(factory.root / "champion")
    assert card.digests["weights"] == "weights of v1"  # only the calibration changed
    assert card.digests["examples"] == "examples of v2"
    assert card.rows >= 2_000
    champion = factory.root / "champion"
    for name in (LIMITS, "train.statistics.pb"):
        assert (folders.chosen / name).read_bytes() == (champion / name).read_bytes()


def test_the_recalibrated_export_predicts_what_was_judged(factory):
    folders = factory.folders(SHUFFLED, factory.champion(OFF))
    found = evaluate(folders, "run-1")
    rows = pq.read_table(folders.examples / "recent")
    exported = SavedModelRunner(folders.chosen / "saved_model", COLUMNS)
    probability = exported.probability(rows)
    # By a second way: the metric of the exported model is the one in the verdict.
    label = rows.column("late").to_numpy()
    loss = -np.mean(np.log(np.where(label == 1, probability, 1 - probability)))
    assert loss == pytest.approx(found.verdict.metrics["recent.log_loss.recalibrated"], abs=1e-5)
    scale, offset = exported.model.calibration.numpy()
    assert scale == pytest.approx(1.0, abs=0.15)
    assert offset == pytest.approx(OFF.bias * -1 + TRUTH.bias, abs=0.2)
    golden = Golden.read(folders.chosen / GOLDEN)
    before = Golden.read(factory.root / "champion" / GOLDEN)
    assert golden.columns == before.columns
    assert all(a < b for a, b in zip(golden.probability, before.probability, strict=True))


def test_recalibrating_twice_composes(factory, tmp_path):
    first = evaluate(factory.folders(SHUFFLED, factory.champion(OFF)), "run-1")
    assert first.version == "v2-c"
    chosen = tmp_path / "out" / "chosen"
    second = EvaluationFactory(tmp_path / "second", recent=Weights(bias=-2.2))
    champion = with_champion_of(second, chosen)
    folders = second.folders(SHUFFLED, champion)
    found = evaluate(folders, "run-2")
    assert found.verdict.metrics["recent.log_loss.recalibrated.difference.high"] < 0
    assert found.verdict.metrics["recent.calibration_error.recalibrated"] < 0.05


def with_champion_of(factory, folder):
    made = factory.champion(TRUTH)
    shutil.rmtree(factory.root / "champion")
    shutil.copytree(folder, factory.root / "champion")
    return made.model_copy(update={"digest": digest_folder(factory.root / "champion")})


def test_a_champion_without_a_calibration_still_competes(factory):
    found = evaluate(factory.folders(TRUTH, factory.champion(STALE, calibrated=False)), "run-1")
    assert found.version == "v2"
    assert any(f.code == "recalibration" for f in found.verdict.findings)
    assert "recent.auc.recalibrated" not in found.verdict.metrics
