"""``make bench``: every comparison in turn; each result also as a line of build/bench.jsonl."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from components.core.artifacts import SplitName
from components.ops.targets.local.serving import stop
from pipelines.local.results import RunResult
from pipelines.local.runner import run
from pipelines.settings import FOLDER
from tests.bench.ledger import LEDGER, result

SOURCE = Path("build/flights/source")
ABSENT = Path("tests/bench/absent")
WORK = Path("build/bench")
LIMIT_S = 45.0


def in_environment(name: str, *arguments: object) -> None:
    """Runs a module of this folder in one of the environments."""
    python = Path(os.environ["RATOON_ENVS"]) / name / "bin" / "python"
    paths = (str(ABSENT.resolve()), os.environ["PYTHONPATH"])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [python, "-W", "ignore", "-m", *map(str, arguments)]
    subprocess.run(command, env=environment, check=True)


def train(as_of: str, where: Path) -> RunResult:
    """One train-and-deploy on the flights, into an empty place, with nothing reused."""
    overlay = where / "overlay.yaml"
    overlay.parent.mkdir(parents=True)
    overlay.write_text(f"serving: {{log: {where}/log}}\ndata: {{prepared: null}}\n")
    parameters = {
        "model": "models/flights",
        "as_of": as_of,
        "target": f"local://{where}/serving",
        "overlay": str(overlay),
    }
    return run(FOLDER / "train-and-deploy.yaml", parameters, where / "runs", cache=False)


def main() -> None:
    shutil.rmtree(WORK, ignore_errors=True)
    LEDGER.unlink(missing_ok=True)
    in_environment("data", "tests.bench.decisions_of_drift")
    in_environment("data", "tests.bench.statistics_of_flights", SOURCE)
    in_environment("ops", "tests.bench.canary_rollouts")
    half_year = train("2013-07-01", WORK / "half-year")
    stop(WORK / "half-year" / "serving")
    seconds = half_year.seconds
    result("train-and-deploy of half a year, limit", seconds, LIMIT_S, "s", LIMIT_S / seconds)
    compare_auc(half_year)


def compare_auc(half_year: RunResult) -> None:
    """Our network and LightGBM on the same rows, judged on months that neither saw."""
    examples = half_year.step("prepare").artifacts["examples"]
    live, predictions = WORK / "live", WORK / "lightgbm.npy"
    planned = WORK / "year"
    in_environment("ops", "tests.bench.plan_of_year", planned)
    in_environment("data", "tests.bench.months_of_year", planned, live)
    rows = examples / SplitName.TRAIN
    in_environment("bench", "tests.bench.lightgbm_predictions", rows, live, predictions)
    model = half_year.step("train").artifacts["model"]
    in_environment("model", "tests.bench.auc_of_months", model, live, predictions)


if __name__ == "__main__":
    sys.exit(main())
