"""Steps that are killed while they commit, and are run again: the real ones, by a git that kills.

The cluster is played by the fake of KServe's controller, which starts real servers, and by a
thread that applies what is at the tip of the branch.
"""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from components.core.artifacts import VERDICT
from components.core.plan import Champion
from components.core.verdict import Verdict
from components.ops.cluster.protocol import INFERENCE_SERVICE
from components.ops.targets import read_champion
from components.ops.targets.local.servers import COMMAND_VARIABLE
from tests.fakes.cluster import FakeCluster, fake_cluster
from tests.unit.ops.git.repositories import Bare
from tests.unit.ops.targets.serving_factories import COMMAND, MODEL, make_model, make_plan

NAMESPACE = "toys"
ROLL_OUT = Path(__file__).parent / "roll_out.py"
ROOT = Path(__file__).parents[2]
# Kills the step that called it, before or after its n-th push; the real git is named last.
KILLER = """#!/bin/sh
if [ "$1" = push ] && [ -n "$KILL_AT" ]; then
  echo >> {counter}
  if [ "$(wc -l < {counter})" = "${{KILL_AT%-*}}" ]; then
    [ "${{KILL_AT#*-}}" = after ] && {git} "$@"
    kill -9 $PPID
    exit 1
  fi
fi
exec {git} "$@"
"""


@dataclass
class Loop:
    """A model that serves on a cluster which follows a repository."""

    tmp: Path
    bare: Bare
    cluster: FakeCluster
    last: Path | None = None

    @property
    def target(self) -> str:
        return f"{self.bare.target}?namespace={NAMESPACE}"

    @property
    def champion(self) -> Champion | None:
        return read_champion(self.bare.target, MODEL)

    def run(self, version: str, kill_at: str = "") -> int:
        """Deploys and rolls out as one process; a second run of a version has the same plan."""
        out, model = self.tmp / version, self.tmp / "made" / version
        if not model.exists():
            make_model(self.tmp, version)
            serving = {
                "target": self.target,
                "store": f"file://{self.tmp}/store",
                "log": str(self.tmp / "log"),
                "canary": {"steps": []},
            }
            plan = make_plan(self.tmp, self.target, self.champion, serving=serving)
            shutil.copytree(plan, out / "plan")
        program = [sys.executable, str(ROLL_OUT), str(out / "plan"), str(model), version, str(out)]
        (self.tmp / "counter").write_text("")
        environment = {**os.environ, **self.cluster.environment, **self._killing(kill_at)}
        done = subprocess.run(program, env=environment, cwd=ROOT, capture_output=True, check=False)
        assert done.returncode in (0, -9), done.stderr.decode()
        return done.returncode

    def verdict(self, version: str) -> Verdict:
        return Verdict.read(self.tmp / version / "rollout" / VERDICT)

    def _killing(self, kill_at: str) -> dict[str, str]:
        killer = self.tmp / "bin" / "git"
        real = shutil.which("git")
        killer.parent.mkdir(exist_ok=True)
        killer.write_text(KILLER.format(counter=self.tmp / "counter", git=real))
        killer.chmod(0o755)
        path = f"{killer.parent}:{os.environ['PATH']}"
        return {"PATH": path, "PYTHONPATH": str(ROOT), "TMPDIR": str(self.tmp), "KILL_AT": kill_at}


def follow(bare: Bare, cluster: FakeCluster, stopped: threading.Event) -> None:
    """Applies what is at the tip, as Argo CD does."""
    synced, argo = "", cluster.cluster.acting_as("argocd-controller")
    while not stopped.wait(0.1):
        tip = bare.tip()
        if tip == synced:
            continue
        for name, content in bare.files(tip).items():
            found = yaml.safe_load(content) if name.startswith("inferenceservice") else None
            if found:
                argo.apply(INFERENCE_SERVICE, found)
        synced = tip


@pytest.fixture
def loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loop]:
    monkeypatch.setenv(COMMAND_VARIABLE, COMMAND)
    bare, stopped = Bare.made(tmp_path), threading.Event()
    with fake_cluster(tmp_path / "cluster") as cluster:
        following = threading.Thread(target=follow, args=(bare, cluster, stopped))
        following.start()
        try:
            yield Loop(tmp_path, bare, cluster)
        finally:
            stopped.set()
            following.join(30)


def test_a_step_killed_around_each_push_is_finished_by_being_run_again(loop: Loop) -> None:
    assert loop.run("v1") == 0
    before = "v1"
    for version, kill_at, serves_then in (
        ("v2", "1-before", "v1"),  # nothing was staged
        ("v3", "1-after", "v2"),  # it was staged, and the step does not know
        ("v4", "2-before", "v3"),  # it was tried, and is not promoted
        ("v5", "2-after", "v5"),  # it was promoted, and the step does not know
    ):
        assert loop.run(version, kill_at) == -9
        champion = loop.champion
        assert champion is not None
        assert champion.version == serves_then, kill_at
        assert loop.run(version) == 0
        assert loop.verdict(version).decision == "promoted"
        champion = loop.champion
        assert champion is not None
        assert champion.version == version
        subjects = loop.bare.log("%s")
        staged = f"{MODEL}: stage version {version} beside version {before}, without traffic"
        promoted = f"{MODEL}: version {version} serves instead of {before}"
        assert (subjects.count(staged), subjects.count(promoted)) == (1, 1), kill_at
        before = version
    assert all(len(parents.split()) <= 1 for parents in loop.bare.log("%P"))
    assert len(loop.bare.log("%H")) == 1 + 2 * 5, "first, and two commits for each version"
