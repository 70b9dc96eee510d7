"""What the parameter `model` may be, and a network of the user's own through every gate."""

import os
import subprocess
from pathlib import Path

import yaml

from components.core.plan import Plan
from pipelines.local.results import RunResult
from tests.loop.places import STEADY, TRAINED_ON, Stages
from tests.loop.stage import Stage, compile_pipeline, plan_alone
from tests.loop.turbines import SCHEMA, day, spec_of

OWN_NETWORK = '''\
import keras


def build_model(spec, columns, statistics):
    """A line over two of the raw columns; a missing number counts as 3."""
    inputs, parts = [], []
    for column in columns:
        dtype = {"number": "float32", "category": "string", "timestamp": "int64"}[column.kind]
        given = keras.Input((), name=column.name, dtype=dtype)
        inputs.append(given)
        if column.name in ("vibration", "load_kw"):
            known = keras.ops.where(keras.ops.isnan(given), 3.0, given)
            scale = 1000.0 if column.name == "load_kw" else 1.0
            parts.append(keras.ops.expand_dims(known / scale, -1))
    answer = keras.layers.Dense(1, activation="sigmoid")(keras.ops.concatenate(parts, axis=-1))
    return keras.Model(inputs, answer)
'''


def test_a_spec_as_text_with_a_network_of_its_own(stages: Stages) -> None:
    """Nothing is on disk but the data: schema and network come inside the parameter."""
    stage = stages.make(STEADY)
    spec = spec_of(stage.root, stage.target)
    spec["model"] = {
        "module": "model.py",
        "max_epochs": 2,
        "batch_size": 256,
        "learning_rate": 0.05,
    }
    files = {"schema.pbtxt": SCHEMA, "model.py": OWN_NETWORK}
    text = yaml.dump({**spec, "files": files}, Dumper=_Blocks, sort_keys=False)
    assert "schema.pbtxt: |" in text
    done = stage.run(day(TRAINED_ON), model=text)
    assert done.step("rollout").decision == "promoted", done.steps
    champion = stage.champion()
    assert champion is not None
    answer = stage.ask(stage.requests(TRAINED_ON, TRAINED_ON + 1)[0])
    assert answer.status_code == 200, answer.text
    assert answer.json()["model_version"] == champion.version


def test_a_commit_of_a_repository(stages: Stages, tmp_path: Path) -> None:
    stage = stages.make(STEADY)
    pipeline = compile_pipeline(plan_alone, tmp_path)
    commit = _commit(stage.model.parent)
    stage.respell({"description": "Changed since, and not committed."})
    uri = f"git+file://{stage.model.parent}@{commit}#{stage.model.name}"
    committed = _planned(stage, stage.run(day(TRAINED_ON), pipeline, model=uri))
    now = _planned(stage, stage.run(day(TRAINED_ON), pipeline))
    assert committed.spec.description == "Will this turbine stop within half a day?"
    assert now.spec.description == "Changed since, and not committed."
    assert committed.digests["schema"] == now.digests["schema"]
    assert (committed.spans, committed.windows) == (now.spans, now.windows)


def _planned(stage: Stage, run: RunResult) -> Plan:
    return Plan.of(run.step("plan").artifacts["plan"])


def _commit(folder: Path) -> str:
    """Makes the folder a repository with the model in it; the commit."""

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env={k: v for k, v in os.environ.items() if not k.startswith("GIT_")},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    git("init", "--quiet")
    git("add", "model")
    who = ("-c", "user.name=test", "-c", "user.email=test@example.com")
    git(*who, "commit", "--quiet", "--message", "A model")
    return git("rev-parse", "HEAD")


class _Blocks(yaml.SafeDumper):
    """Writes texts of many lines as a person would: as blocks."""


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Blocks.add_representer(str, _block)
