"""Deploys a model folder and, where it is staged, rolls it out, as the two steps do.

Run in the environment of the ops image: ``python roll_out.py <plan> <model> <run> <out>``. What
was decided is in ``<out>/deployment`` and ``<out>/rollout``.
"""

import sys
from pathlib import Path

from components.ops.deploy import run as deploying
from components.ops.rollout import run as rolling


def main(plan: Path, model: Path, run: str, out: Path) -> None:
    deployment = out / "deployment"
    staged = deploying.deploy(
        plan,
        model,
        run,
        deploying.DeployOutputs(deployment, out / "deploy.html"),
        ready_timeout_s=90,
    )
    if staged.decision == "staged":
        outputs = rolling.RolloutOutputs(out / "rollout", out / "rollout.html")
        rolling.roll_out(plan, deployment, run, outputs)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
