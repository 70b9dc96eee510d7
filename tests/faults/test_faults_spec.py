"""What cannot be run says so at once, and leaves nothing behind."""

from pathlib import Path

import pytest

from components.core.errors import InputError
from components.ops.targets.local.processes import find_processes
from pipelines.local.results import StepFailed
from tests.loop.places import TRAINED_ON, Stages
from tests.loop.stage import TRAIN_AND_DEPLOY
from tests.loop.turbines import World, day

_FEW_DAYS = World(days=3)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lable": {"column": "stops"}}, ("model.yaml", "'lable'", "Did you mean 'label'?")),
        ({"features": [{"name": "stops"}]}, ("features.stops", "known only after the event")),
        ({"features": [{"name": "vibration_mm"}]}, ("vibration_mm",)),
        ({"split": {"recent": "6 days"}}, ("split.recent", "'6 days'")),
        ({"gates": {"floors": {"acu": 0.6}}}, ("gates.floors", "acu", "auc")),
    ],
    ids=("unknown", "from-the-future", "no-column", "no-duration", "no-metric"),
)
def test_a_bad_spec(stages: Stages, changes: dict[str, object], said: tuple[str, ...]) -> None:
    stage = stages.make(_FEW_DAYS, changes)
    with pytest.raises(StepFailed) as failed:
        stage.run(day(3), run_id="bad")
    assert failed.value.step == "plan"
    assert failed.value.log.read_text().count("Got executor_input:") == 1, "it was tried again"
    last = "\n".join(failed.value.last_lines)
    assert "InputError" in last
    assert all(text in last for text in said), last
    assert sorted(p.parent.name for p in (stage.root / "runs/runs/bad").rglob("log.txt")) == [
        "plan"
    ]
    assert not stage.serving.exists()
    assert find_processes(stage.serving) == ()


def test_an_image_that_is_none_of_ours(stages: Stages, tmp_path: Path) -> None:
    stage = stages.make(_FEW_DAYS)
    text = TRAIN_AND_DEPLOY.read_text()
    assert "ratoon-model:dev" in text
    pipeline = tmp_path / "other.yaml"
    pipeline.write_text(text.replace("ratoon-model:dev", "registry.example.com/torch:2"))
    with pytest.raises(InputError, match=r"registry\.example\.com/torch:2") as refused:
        stage.run(day(TRAINED_ON), pipeline)
    assert "ratoon-model" in refused.value.accepted
    assert not (stage.root / "runs").exists(), "no step was started"
