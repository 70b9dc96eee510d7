"""The whole step on real files and real SavedModels: who is deployed, who is refused, and why."""

import shutil
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from evaluate_world import COLUMNS, Weights, World

from components.core.artifacts import GOLDEN, LIMITS, MODEL_CARD, VERDICT, Golden, ModelCard
from components.core.digest import digest_folder
from components.core.errors import InputError
from components.core.verdict import Verdict
from components.model.evaluate.run import evaluate
from components.model.predict import SavedModelPredictor

TRUTH = Weights()
STALE = Weights(of_x=0.9, of_b=-0.6)  # ranks worse than the truth
OFF = Weights(bias=-0.2)  # the truth, but says too much
SHUFFLED = Weights(bias=-0.7, of_x=-0.01, of_b=0.02)  # what a shuffled label teaches


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def failed(found, code):
    return [f for f in found.verdict.failures if f.code == code]


def test_a_better_challenger_is_deployed(world):
    folders = world.folders(TRUTH, world.champion(STALE))
    found = evaluate(folders, "run-1")
    assert (found.verdict.decision, found.version) == ("deploy", "v2")
    assert found.verdict.failures == ()
    assert found.verdict.reason.startswith("Retrained on recent: log loss changes by -")
    assert digest_folder(folders.chosen) == digest_folder(folders.model)
    assert found.verdict.digests["chosen"] == digest_folder(folders.chosen)
    numbers = found.verdict.numbers
    change = "recent.log_loss.retrained.difference"
    assert numbers[f"{change}.low"] < numbers[change] < numbers[f"{change}.high"] < 0
    assert numbers[change] == pytest.approx(
        numbers["recent.log_loss.retrained"] - numbers["recent.log_loss.champion"]
    )
    assert numbers["recent.blocks"] == 10
    assert Verdict.read(folders.verdict / VERDICT) == found.verdict
    entry = world.audit()
    assert (entry["run"], entry["version"], entry["decision"]) == ("run-1", "v2", "deploy")
    assert found.roc.x[0] == 0.0
    assert found.roc.y[-1] == 1.0
    assert sum(map(sum, found.confusion)) == 1_500
    assert found.metrics["recent AUC"] == pytest.approx(numbers["recent.auc.retrained"], abs=1e-5)
    assert found.page.startswith("<!DOCTYPE html>")
    assert "Against the champion" in found.page


def test_the_same_inputs_give_the_same_verdict(world, tmp_path):
    folders = world.folders(TRUTH, world.champion(STALE))
    first = evaluate(folders, "run-1")
    again = evaluate(replace(folders, chosen=tmp_path / "c", verdict=tmp_path / "v"), "run-2")
    assert again.verdict == first.verdict
    assert again.page == first.page


def test_a_model_of_a_shuffled_label_is_refused_and_nothing_is_handed_on(world):
    folders = world.folders(SHUFFLED, world.champion(TRUTH))
    found = evaluate(folders, "run-1")
    assert (found.verdict.decision, found.version) == ("refuse", None)
    assert {f.subject for f in failed(found, "better")} >= {"retrained on recent: log_loss"}
    assert failed(found, "floor")
    assert [f.name for f in folders.chosen.iterdir()] == [MODEL_CARD]
    assert world.audit()["version"] is None
    assert "refuse" in found.page


def test_better_on_the_newest_days_but_forgot_the_rest_is_refused(tmp_path):
    newest = Weights(bias=-1.0, of_x=1.5, of_b=-1.6)  # lately b means the opposite
    world = World(tmp_path, recent=newest)
    found = evaluate(world.folders(newest, world.champion(TRUTH)), "run-1")
    assert found.verdict.decision == "refuse"
    assert found.verdict.numbers["recent.log_loss.retrained.difference.high"] < 0
    subjects = {f.subject for f in failed(found, "not_worse")}
    assert subjects >= {"retrained on reference: log_loss", "retrained on reference: auc"}
    assert found.verdict.reason.startswith("Retrained on reference: log loss changes by +")


def test_a_champion_that_only_drifted_is_recalibrated(world):
    folders = world.folders(SHUFFLED, world.champion(OFF))
    found = evaluate(folders, "run-9")
    assert (found.verdict.decision, found.version) == ("deploy", "v2-c")
    assert found.verdict.failures == ()
    told = [f for f in found.verdict.findings if f.subject.startswith("retrained")]
    assert any("decides nothing" in f.sentence for f in told)
    card = ModelCard.read(folders.chosen / MODEL_CARD)
    assert (card.method, card.version, card.run) == ("recalibrated", "v2-c", "run-9")
    assert card.digests["champion"] == digest_folder(world.root / "champion")
    assert card.digests["weights"] == "weights of v1"  # only the calibration changed
    assert card.digests["examples"] == "examples of v2"
    assert card.rows >= 2_000
    champion = world.root / "champion"
    for name in (LIMITS, "train.statistics.pb"):
        assert (folders.chosen / name).read_bytes() == (champion / name).read_bytes()


def test_the_recalibrated_export_answers_as_it_was_judged(world):
    folders = world.folders(SHUFFLED, world.champion(OFF))
    found = evaluate(folders, "run-1")
    rows = pq.read_table(folders.examples / "recent")
    exported = SavedModelPredictor(folders.chosen / "saved_model")
    probability = exported.probability(rows, COLUMNS)
    # By a second way: the metric of the exported model is the one in the verdict.
    label = rows.column("late").to_numpy()
    loss = -np.mean(np.log(np.where(label == 1, probability, 1 - probability)))
    assert loss == pytest.approx(found.verdict.numbers["recent.log_loss.recalibrated"], abs=1e-5)
    scale, offset = exported.model.calibration.numpy()
    assert scale == pytest.approx(1.0, abs=0.15)
    assert offset == pytest.approx(OFF.bias * -1 + TRUTH.bias, abs=0.2)
    golden = Golden.read(folders.chosen / GOLDEN)
    before = Golden.read(world.root / "champion" / GOLDEN)
    assert golden.columns == before.columns
    assert all(a < b for a, b in zip(golden.probability, before.probability, strict=True))


def test_recalibrating_twice_composes(world, tmp_path):
    first = evaluate(world.folders(SHUFFLED, world.champion(OFF)), "run-1")
    assert first.version == "v2-c"
    chosen = tmp_path / "out" / "chosen"
    second = World(tmp_path / "second", recent=Weights(bias=-2.2))
    champion = replace_champion(second, chosen)
    folders = second.folders(SHUFFLED, champion)
    found = evaluate(folders, "run-2")
    assert found.verdict.numbers["recent.log_loss.recalibrated.difference.high"] < 0
    assert found.verdict.numbers["recent.calibration_error.recalibrated"] < 0.05


def replace_champion(world, folder):
    made = world.champion(TRUTH)
    shutil.rmtree(world.root / "champion")
    shutil.copytree(folder, world.root / "champion")
    return made.model_copy(update={"digest": digest_folder(world.root / "champion")})


def test_a_champion_without_a_calibration_still_competes(world):
    found = evaluate(world.folders(TRUTH, world.champion(STALE, calibrated=False)), "run-1")
    assert found.version == "v2"
    assert any(f.code == "recalibration" for f in found.verdict.findings)
    assert "recent.auc.recalibrated" not in found.verdict.numbers


@pytest.mark.parametrize("spoil", ["missing", "changed", "unloadable", "no_card", "remote"])
def test_an_unreadable_champion_closes_the_gate(world, spoil):
    champion = world.champion(STALE)
    folder = world.root / "champion"
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
    found = evaluate(world.folders(TRUTH, champion), "run-1")
    assert found.verdict.decision == "refuse"
    assert "v1 cannot be read" in found.verdict.reason
    assert failed(found, "champion")
    assert "recent.auc.retrained" in found.verdict.numbers


def test_a_champion_that_reads_a_column_that_is_gone_closes_the_gate(world):
    champion = world.champion(STALE)
    folder = world.root / "champion"
    gone = COLUMNS[0].model_copy(update={"name": "gone", "source": "gone"})
    card = ModelCard.read(folder / MODEL_CARD)
    card.model_copy(update={"columns": (gone, *COLUMNS[1:])}).write(folder / MODEL_CARD)
    champion = champion.model_copy(update={"digest": digest_folder(folder)})
    found = evaluate(world.folders(TRUTH, champion), "run-1")
    assert found.verdict.decision == "refuse"
    assert "column gone" in found.verdict.reason


def test_a_first_model_needs_the_spec_to_say_so(world, tmp_path):
    refused = evaluate(world.folders(TRUTH, None), "run-1")
    assert refused.verdict.decision == "refuse"
    assert "first_model: allowed" in refused.verdict.reason
    allowed = World(tmp_path / "allowed", first_model="allowed")
    found = evaluate(allowed.folders(TRUTH, None), "run-1")
    assert (found.verdict.decision, found.version) == ("deploy", "v2")
    assert "Against the champion" not in found.page


def test_a_first_model_below_the_floor_is_refused(tmp_path):
    world = World(tmp_path, first_model="allowed", gates="gates: {floors: {auc: 0.99}}")
    found = evaluate(world.folders(TRUTH, None), "run-1")
    assert found.verdict.decision == "refuse"
    assert len(failed(found, "floor")) == 2


@pytest.mark.parametrize("split", ["recent", "reference"])
def test_an_empty_holdout_closes_the_gate(world, split):
    folders = world.folders(TRUTH, world.champion(STALE))
    shutil.rmtree(folders.examples / split)
    found = evaluate(folders, "run-1")
    assert found.verdict.decision == "refuse"
    assert f"The {split} holdout has no labelled row" in found.verdict.reason


def test_a_holdout_without_labels_is_an_empty_one(world):
    folders = world.folders(TRUTH, world.champion(STALE))
    (file,) = (folders.examples / "recent").iterdir()
    rows = pq.read_table(file)
    pq.write_table(rows.set_column(4, "late", pa.nulls(rows.num_rows, pa.int8())), file)
    found = evaluate(folders, "run-1")
    assert "The recent holdout has no labelled row" in found.verdict.reason


def test_too_few_days_close_the_gate(world):
    folders = world.folders(TRUTH, world.champion(STALE))
    (file,) = (folders.examples / "recent").iterdir()
    pq.write_table(pq.read_table(file).slice(0, 600), file)  # four days of 150 rows
    found = evaluate(folders, "run-1")
    assert found.verdict.decision == "refuse"
    assert "4 block(s) are too few" in found.verdict.reason


def test_probabilities_that_are_not_finite_close_the_gate(world):
    found = evaluate(world.folders(Weights(bias=float("nan")), world.champion(TRUTH)), "run-1")
    assert found.verdict.decision == "refuse"
    assert {f.subject for f in failed(found, "probability")} == {
        "retrained on recent",
        "retrained on reference",
    }


def test_slices_have_floors_of_their_own(tmp_path):
    gates = "gates: {slices: [{by: c, floors: {auc: 0.8}, rows: 300}]}"
    world = World(tmp_path, truth=Weights(of_x=1.1), gates=gates, first_model="allowed")
    found = evaluate(world.folders(Weights(of_x=1.1), None), "run-1")
    assert found.verdict.decision == "refuse"
    assert {f.subject for f in failed(found, "slice")} <= {
        f"retrained on c={c} of {h}" for c in "ab" for h in ("recent", "reference")
    }
    assert "Slices: retrained" in found.page


@pytest.mark.parametrize(
    "gates",
    [
        "gates: {floors: {acu: 0.5}}",
        "gates: {recent: {rate: better}}",
        "gates: {reference: {mape: {not_worse_by: 1}}}",
        "gates: {slices: [{by: c, floors: {f1: 1}}]}",
    ],
)
def test_an_unknown_metric_is_answered_with_the_known_ones(tmp_path, gates):
    world = World(tmp_path, gates=gates)
    with pytest.raises(InputError, match="auc, log_loss, brier, pr_auc, calibration_error"):
        evaluate(world.folders(TRUTH, None), "run-1")


def test_an_unknown_slice_column_is_answered_with_the_known_ones(tmp_path):
    world = World(tmp_path, gates="gates: {slices: [{by: carrier, floors: {auc: 0.5}}]}")
    with pytest.raises(InputError, match="id, at, x, c, late"):
        evaluate(world.folders(TRUTH, None), "run-1")


BEHAVIOUR = "gates: {behaviour: behaviour.yaml}"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "No such file"),
        ("", "mapping"),
        ("invariance: []", "there is no test in it"),
        ("direction: [{name: d, column: y, add: 1, effect: raises}]", "a raw column: x, c, at"),
        ("minimum: [{name: m, metric: {acu: 1}}]", "auc, log_loss"),
        ("invariance: [{name: i, column: x, values: [a, b], tolerance: 0.1}]", "double"),
        ("direction: [{name: d, column: c, add: 1, effect: raises}]", "a number or a timestamp"),
    ],
)
def test_behaviour_tests_that_cannot_be_tried_close_the_gate(tmp_path, text, sentence):
    world = World(tmp_path, gates=BEHAVIOUR, first_model="allowed")
    found = evaluate(world.folders(TRUTH, None, text), "run-1")
    assert found.verdict.decision == "refuse"
    (finding,) = failed(found, "behaviour")
    assert sentence in finding.sentence


def test_behaviour_is_judged_whatever_the_metrics_say(tmp_path):
    tests = """
direction:
  - {name: more x is later, column: x, add: 1, effect: raises, share: 95%}
  - {name: more x is earlier, column: x, add: 1, effect: lowers}
"""
    world = World(tmp_path, gates=BEHAVIOUR)
    found = evaluate(world.folders(TRUTH, world.champion(STALE), tests), "run-1")
    assert found.verdict.decision == "refuse"
    assert {f.subject for f in found.verdict.failures} >= {"retrained: more x is earlier"}
    assert "retrained: more x is later" not in {f.subject for f in found.verdict.failures}


def test_a_champion_of_a_later_instant_is_a_warning(world):
    champion = world.champion(STALE).model_copy(update={"as_of": "2024-07-01T00:00:00Z"})
    found = evaluate(world.folders(TRUTH, champion), "run-1")
    assert [f.code for f in found.verdict.findings if f.severity == "warn"] == ["champion"]
