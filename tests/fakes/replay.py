"""``make run-fake-cluster``: replays a model's recorded time with ``kserve://``.

The same pipelines, the same model servers and the same client as on a cluster; KServe's controller
and Kubeflow's API are faked by this process.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path

import yaml

from pipelines.replay import __main__ as replay
from tests.fakes.cluster import fake_cluster

FOLDER = Path("build/run-fake-cluster")


def main() -> int:
    """Replays it from the start; returns the replay's exit code."""
    parser = argparse.ArgumentParser(prog="make run-fake-cluster", description=__doc__)
    parser.add_argument("model", type=Path, help="a model's folder with a replay.yaml")
    options = parser.parse_args()
    shutil.rmtree(FOLDER, ignore_errors=True)
    shutil.rmtree(Path("build", options.model.name, "replay-kserve"), ignore_errors=True)
    FOLDER.mkdir(parents=True)
    overlay = FOLDER / "overlay.yaml"
    overlay.write_text(yaml.safe_dump(_overlay()), encoding="utf-8")
    with fake_cluster(FOLDER / "cluster") as cluster:
        os.environ.update(cluster.environment)
        return replay.main([str(options.model), "--overlay", str(overlay)])


def _overlay() -> dict[str, object]:
    places = {"store": f"file://{FOLDER.absolute()}/store", "log": f"{FOLDER}/log"}
    return {"serving": {"target": "kserve://ratoon", **places}}


if __name__ == "__main__":
    sys.exit(main())
