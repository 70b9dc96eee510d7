"""Makes KFP's recurring runs equal to the files that declare them; a Job of GitOps runs it.

::

    python -m components.ops.schedule.reconcile <file or folder of YAML>… [--check]

Environment:

- ``KF_PIPELINES_ENDPOINT``: KFP's API, by default
  http://ml-pipeline.kubeflow.svc.cluster.local:8888.
- ``KF_PIPELINES_SA_TOKEN_PATH``: the file with a projected service account token of audience
  pipelines.kubeflow.org (multi-user Kubeflow); without such a file no token is sent.
- ``RATOON_MONITOR_VERSION``: the name of the monitor's PipelineVersion, for files without
  `version`.
- ``RATOON_NAMESPACE``: for files without `namespace`; by default the pod's own.
- ``RATOON_OVERLAY``: for files without `parameters.overlay`, such as production.yaml.

It prints a line for each model, and its exit code is 0, or 1 where a model could not be brought to
what is declared, or with ``--check`` is not. It needs no right of Kubernetes itself.
"""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from components.core.errors import RatoonError
from components.ops.schedule.decision import decide
from components.ops.schedule.declared import Declared, find_declared
from components.ops.schedule.installation import kubeflow_pipelines, surroundings
from components.ops.schedule.kubeflow import KubeflowPipelines
from components.ops.schedule.recurring_run import WantedRun
from components.ops.schedule.settle import settle
from components.ops.schedule.trigger import in_words, next_runs


def main(arguments: list[str] | None = None) -> int:
    """Reconciles every declared recurring run."""
    parser = argparse.ArgumentParser(
        prog="python -m components.ops.schedule.reconcile",
        description="Makes KFP's recurring runs equal to the files that declare them.",
    )
    parser.add_argument("places", nargs="+", type=Path, help="a file, or a folder of YAML files")
    parser.add_argument("--check", action="store_true", help="change nothing, only compare")
    options = parser.parse_args(arguments)
    try:
        declared = find_declared(options.places)
        with kubeflow_pipelines() as api:
            good = [_one(api, one, options.check) for one in declared.values()]
    except RatoonError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    return 0 if all(good) else 1


def _one(api: KubeflowPipelines, declared: Declared, check: bool) -> bool:
    """Whether a model has what is declared for it; says what was done."""
    try:
        wanted = declared.wanted(surroundings(), "declared")
        good, said = _compared(api, wanted) if check else (True, _settled(api, wanted))
    except RatoonError as error:
        sys.stderr.write(f"{declared.model}: {type(error).__name__}: {error}\n")
        return False
    sys.stdout.write(f"{declared.model}: {said}\n")
    return good


def _settled(api: KubeflowPipelines, wanted: WantedRun) -> str:
    settled = settle(api, wanted)
    did = f" ({'; '.join(settled.did)})" if settled.did else ""
    return f"{settled.decision}: {settled.name} runs {wanted.version} {_when(wanted)}{did}"


def _compared(api: KubeflowPipelines, wanted: WantedRun) -> tuple[bool, str]:
    existing = api.recurring_runs(api.namespace(wanted))
    decision = decide(wanted, existing, api.place(wanted))
    if decision.is_settled:
        return True, f"as declared: {wanted.name} runs {wanted.version} {_when(wanted)}"
    todo = [f"{wanted.name} has to be made"] if decision.create else []
    if decision.switch:
        todo.append(f"{wanted.name} has to be {'enabled' if wanted.enabled else 'disabled'}")
    todo.extend(f"{old.name} has to go" for old in decision.delete)
    return False, f"not as declared: {'; '.join([*todo, *decision.why])}"


def _when(wanted: WantedRun) -> str:
    if not wanted.enabled:
        return "never, for it is not enabled"
    first = next_runs(wanted.trigger, datetime.now(UTC), 1)[0]
    return f"{in_words(wanted.trigger)}, next at {first:%Y-%m-%d %H:%M} UTC"


if __name__ == "__main__":
    sys.exit(main())
