"""The whole step on a generated table, and the SavedModel that it leaves."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from train_factories import COLUMNS, FEATURES, START, build, examples

from components.core import audit
from components.core.artifacts import (
    GOLDEN,
    LIMITS,
    MODEL_CARD,
    SAVED_MODEL,
    Golden,
    Limits,
    ModelCard,
)
from components.core.errors import InputError
from components.core.tasks import task_of
from components.model.examples import golden_inputs, inputs_of
from components.model.saved_model import SIGNATURE, SavedModelRunner
from components.model.train.run import train


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    setup = build(tmp_path_factory.mktemp("trained"))
    return setup, train(setup.folders, "run-1")


@pytest.fixture(scope="module")
def saved(trained):
    return trained[0].folders.model / SAVED_MODEL


def test_outcome_card_limits_and_copies(trained):
    setup, outcome = trained
    folder = setup.folders.model
    card = ModelCard.read(folder / MODEL_CARD)
    assert outcome.decision == "trained"
    assert outcome.page.startswith("<!DOCTYPE html>")
    assert all(block.block in outcome.page for block in Limits.read(folder / LIMITS).blocks)
    assert f"{card.rows:,} rows" in outcome.reason
    assert (card.version, card.rows, card.run) == (setup.plan.version, 4_800, "run-1")
    assert card.columns == COLUMNS
    assert card.digests["examples"] == "of examples"
    assert {"spec", "plan", "schema", "code", "weights"} <= set(card.digests)
    limits = Limits.read(folder / LIMITS)
    assert len(limits.blocks) == 6
    assert sum(b.rows for b in limits.blocks) == 4_800
    assert (folder / "train.statistics.pb").read_bytes() == b"statistics"
    assert (folder / "schema.pbtxt").read_text() == "feature {}\n"


def test_it_learned_what_there_is_to_learn(trained):
    """The labels' own probabilities reach an AUC of 0.80 or so on rows of the same kind."""
    recent = ModelCard.read(trained[0].folders.model / MODEL_CARD).metrics["recent"]
    assert recent["auc"] > 0.77
    assert recent["calibration_error"] < 0.1  # 80 rows a bin
    blocks = Limits.read(trained[0].folders.model / LIMITS).blocks
    assert min(b.metrics["auc"] for b in blocks) > 0.74


def test_the_audit_has_its_entry(trained):
    setup, outcome = trained
    (entry,) = audit.entries(setup.plan.spec.serving.audit_uri, "run-1")
    assert (entry.step, entry.decision, entry.reason) == ("train", "trained", outcome.reason)


def test_golden_rows_come_out_again_alone_and_together(trained, saved):
    golden = Golden.read(trained[0].folders.model / GOLDEN)
    inputs = golden_inputs(golden, COLUMNS)
    assert len(golden.probability) == 64
    assert len(set(golden.probability)) > 50
    for batch_rows in (1, 4_096):
        answers = SavedModelRunner(saved, COLUMNS, batch_rows).probability_of(inputs)
        np.testing.assert_allclose(answers, golden.probability, atol=golden.tolerance)


def test_large_batches_and_no_rows(saved):
    table = examples(10, 500, START, seed=9)
    whole = SavedModelRunner(saved, COLUMNS, 4_096).probability(table)
    assert whole.shape == (5_000,)
    assert whole.dtype == np.float64
    np.testing.assert_allclose(
        SavedModelRunner(saved, COLUMNS, 7).probability(table[:50]), whole[:50], atol=1e-6
    )
    assert SavedModelRunner(saved, COLUMNS).probability(table[:0]).shape == (0,)


def test_the_signature_is_the_raw_columns(saved):
    predict = tf.saved_model.load(str(saved)).signatures[SIGNATURE]
    specs = predict.structured_input_signature[1]
    assert {n: (s.dtype, s.shape.rank) for n, s in specs.items()} == {
        "x": (tf.float32, 1),
        "paid": (tf.float32, 1),
        "owed": (tf.float32, 1),
        "c": (tf.string, 1),
        "seen_at": (tf.int64, 1),
    }
    answer = predict(
        **{
            n: tf.zeros([3], s.dtype) if s.dtype != tf.string else tf.constant(["a"] * 3)
            for n, s in specs.items()
        }
    )
    assert answer["probability"].dtype == tf.float32
    assert answer["predicted"].dtype == tf.int64
    assert answer["predicted"].shape == (3,)


def test_missing_unseen_and_infinite_values_are_answered(saved):
    instants = pa.array([START] * 4, pa.timestamp("us", "UTC"))
    table = pa.table(
        {
            "x": pa.array([None, 1e30, float("inf"), -1e30], pa.float64()),
            "paid": pa.array([None, 1.0, 1.0, 0.0], pa.float64()),
            "owed": pa.array([None, 0.0, -5.0, 0.0], pa.float64()),
            "c": pa.array([None, "never seen", "", "ü"], pa.string()),
            "seen_at": instants,
        }
    )
    answers = SavedModelRunner(saved, COLUMNS).probability(table)
    assert ((answers > 0) & (answers < 1)).all()


def test_missing_is_told_from_the_median(saved):
    """The labels were made with a step where x is missing; x = 0 has no such step."""
    table = examples(1, 100, START, seed=3)
    inputs = inputs_of(table, COLUMNS)
    runner = SavedModelRunner(saved, COLUMNS)
    missing = runner.probability_of({**inputs, "x": np.full(100, np.nan, np.float32)})
    middle = runner.probability_of({**inputs, "x": np.zeros(100, np.float32)})
    assert (missing > middle).mean() > 0.95


_ROUND_TRIP = """
import sys
import tensorflow as tf

source, *steps = sys.argv[1:]
for step in steps:
    scale, offset, out = step.split(",")
    model = tf.saved_model.load(source)
    assert model.calibration.shape == (2,), model.calibration
    model.calibration.assign([float(scale), float(offset)])
    tf.saved_model.save(model, out, signatures=model.signatures)
    source = out
assert not [name for name in sys.modules if name.startswith("components")]
"""


def test_calibration_can_be_changed_by_tensorflow_alone_and_again(saved, tmp_path):
    """The second time the model that was saved again is loaded and saved once more."""
    once, twice = tmp_path / "once", tmp_path / "twice"
    steps = [f"1,0,{once}", f"0.5,-1,{twice}"]
    command = [sys.executable, "-W", "ignore", "-c", _ROUND_TRIP, str(saved), *steps]
    subprocess.run(command, check=True, cwd=tmp_path)
    table = examples(1, 500, START, seed=3)
    before, same, moved = (
        SavedModelRunner(path, COLUMNS).probability(table) for path in (saved, once, twice)
    )
    np.testing.assert_allclose(same, before, atol=1e-7)
    logit = np.log(before / (1 - before))
    np.testing.assert_allclose(moved, 1 / (1 + np.exp(-(0.5 * logit - 1))), atol=1e-5)


def test_the_same_rows_give_the_same_weights_and_another_seed_others(tmp_path):
    digests = []
    for name, seed in (("a", 17), ("b", 17), ("c", 18)):
        setup = build(tmp_path / name, rows_a_day=20, max_epochs=1, seed=seed)
        train(setup.folders, "run")
        folder = setup.folders.model
        card = ModelCard.read(folder / MODEL_CARD)
        digests.append((card.digests["weights"], Golden.read(folder / GOLDEN).probability))
    assert digests[0] == digests[1]
    assert digests[0][0] != digests[2][0]


def test_normalised_numbers_and_no_categories(tmp_path):
    setup = build(tmp_path, features=(FEATURES[0],), numbers="normalised", hidden=[], max_epochs=2)
    train(setup.folders, "run")
    card = ModelCard.read(setup.folders.model / MODEL_CARD)
    assert card.metrics["recent"]["auc"] > 0.68


def test_one_class_cannot_be_trained_on(tmp_path):
    setup = build(tmp_path, rows_a_day=20)
    (file,) = (setup.folders.examples / "train").glob("*.parquet")
    table = pq.read_table(file)
    ones = pa.array(np.ones(table.num_rows, np.int8))
    pq.write_table(table.set_column(table.column_names.index("left"), "left", ones), file)
    with pytest.raises(InputError, match="both classes"):
        train(setup.folders, "run")


def test_no_rows_at_all_is_said(tmp_path):
    setup = build(tmp_path, rows_a_day=20)
    (file,) = (setup.folders.examples / "train").glob("*.parquet")
    file.unlink()
    with pytest.raises(InputError, match="training rows"):
        train(setup.folders, "run")


def test_the_best_possible_auc_of_these_rows_is_not_far():
    """Guards the floor above: the rows must be learnable."""
    table = examples(4, 200, START, seed=2)
    x = table["x"].to_numpy()
    logit = np.where(np.isnan(x), 2, 1.5 * x) + (np.array(table["c"].to_pylist()) == "b")
    label = table["left"].to_numpy()
    assert 0.76 < task_of("binary").metrics["auc"](label, 1 / (1 + np.exp(-logit))) < 0.85
