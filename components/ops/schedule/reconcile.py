"""Makes KFP's recurring runs equal to the desired ones, or to the files in git that declare them.

A Job runs it as ``ratoon recurring reconcile <file or folder of YAML>…``. Its environment:

- ``KF_PIPELINES_ENDPOINT``: KFP's API, by default
  http://ml-pipeline.kubeflow.svc.cluster.local:8888.
- ``KF_PIPELINES_SA_TOKEN_PATH``: the file with a projected service account token of audience
  pipelines.kubeflow.org (multi-user Kubeflow); without such a file no token is sent.
- ``RATOON_MONITOR_VERSION``: the name of the monitor's PipelineVersion, for files without
  `version`.
- ``RATOON_NAMESPACE``: for files without `namespace`; by default the pod's own.
- ``RATOON_OVERLAY``: for files without `parameters.overlay`, such as production.yaml.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from components.core.errors import ApiRejected, RatoonError
from components.ops.schedule.kubeflow import RecurringRunApi, connect_kubeflow
from components.ops.schedule.manifest import env_defaults, read_manifests
from components.ops.schedule.recurring_run import (
    DesiredRecurringRun,
    ReconcileActions,
    ResolvedIds,
    decide_actions,
)
from components.ops.schedule.trigger import next_runs

_ROUNDS = 8
_Treatment = Callable[[RecurringRunApi, DesiredRecurringRun], tuple[str, str]]


@dataclass(frozen=True)
class ReconcileResult:
    """What was done to keep the run `name`; a step does not touch one that git declares."""

    decision: Literal["scheduled", "unchanged"]
    name: str
    actions: tuple[str, ...]
    managed_by_git: bool = False

    @property
    def suffix(self) -> str:
        """What was done, in parentheses; empty if nothing was."""
        return f" ({'; '.join(self.actions)})" if self.actions else ""


@dataclass(frozen=True)
class ManifestResult:
    """What became of one model's manifest: scheduled, unchanged, differs (a check) or failed."""

    model: str
    state: str
    sentence: str


def reconcile(
    api: RecurringRunApi,
    desired: DesiredRecurringRun,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> ReconcileResult:
    """Makes KFP have exactly the desired recurring run.

    Each round lists the runs, decides, and does the one next thing: the desired run is created
    before any other is deleted, so that a model is always monitored, and a reconciliation that was
    killed is finished by the next. It ends with a round that finds nothing to do. KFP lets two
    runs have one name, so two processes that create it at once both see the duplicates in their
    next round and keep the older.

    Raises:
        InputError: There is no such pipeline or version, or no namespace.
        ApiUnavailable: KFP did not answer.
        ApiRejected: It rejected a call, or somebody else keeps another run for this model.
    """
    namespace, ids = api.namespace(desired), api.resolve(desired)
    if not ids.experiment_id:
        ids = replace(ids, experiment_id=api.create_experiment(desired.experiment, namespace))
    done: dict[str, None] = {}
    for _ in range(_ROUNDS):
        actions = decide_actions(desired, api.recurring_runs(namespace), ids)
        done |= dict.fromkeys(actions.reasons)
        if actions.is_done:
            name = actions.keep.name if actions.keep else desired.name
            decision: Literal["scheduled", "unchanged"] = "scheduled" if done else "unchanged"
            return ReconcileResult(decision, name, tuple(done), actions.managed_by_git)
        done |= dict.fromkeys(_act(api, desired, actions, ids, now()))
    raise ApiRejected(
        f"{desired.name}: after {_ROUNDS} rounds it is not the only one: "
        f"{'; '.join(done)}. Something else wants another recurring run for {desired.model}: "
        "two files that declare it, or two versions of this program at once."
    )


def reconcile_manifests(places: Sequence[Path]) -> list[ManifestResult]:
    """Makes the recurring runs equal to the manifests; one that fails does not stop the others.

    Raises:
        InputError: A file is not a manifest; nothing was done.
    """
    return _each(places, _reconciled)


def check_manifests(places: Sequence[Path]) -> list[ManifestResult]:
    """Compares the recurring runs with the manifests, and changes nothing; the same errors."""
    return _each(places, _compared)


def _each(places: Sequence[Path], treat: _Treatment) -> list[ManifestResult]:
    results = []
    manifests = read_manifests(list(places))
    with connect_kubeflow() as api:
        for manifest in manifests.values():
            try:
                desired = DesiredRecurringRun.of(manifest, env_defaults(), "declared")
                state, sentence = treat(api, desired)
            except RatoonError as error:
                state, sentence = "failed", f"{type(error).__name__}: {error}"
            results.append(ManifestResult(manifest.model, state, sentence))
    return results


def _reconciled(api: RecurringRunApi, desired: DesiredRecurringRun) -> tuple[str, str]:
    made = reconcile(api, desired)
    runs = f"{made.name} runs {desired.version} {_when(desired)}"
    return made.decision, f"{made.decision}: {runs}{made.suffix}"


def _compared(api: RecurringRunApi, desired: DesiredRecurringRun) -> tuple[str, str]:
    actual = api.recurring_runs(api.namespace(desired))
    actions = decide_actions(desired, actual, api.resolve(desired))
    if actions.is_done:
        return "unchanged", f"as declared: {desired.name} runs {desired.version} {_when(desired)}"
    todo = [f"{desired.name} has to be created"] if actions.create else []
    if actions.set_enabled:
        todo.append(f"{desired.name} has to be {_enabled(desired)}")
    todo.extend(f"{old.name} has to be deleted" for old in actions.delete)
    return "differs", f"not as declared: {'; '.join([*todo, *actions.reasons])}"


def _act(
    api: RecurringRunApi,
    desired: DesiredRecurringRun,
    actions: ReconcileActions,
    ids: ResolvedIds,
    now: datetime,
) -> list[str]:
    if actions.create:
        api.create(desired, ids, now)
        return [f"created {desired.name}"]
    assert actions.keep is not None  # nothing is deleted before the desired run exists
    done = []
    if actions.set_enabled:
        api.set_enabled(actions.keep.run_id, desired.enabled)
        done.append(f"{_enabled(desired)} {actions.keep.name}")
    for old in actions.delete:
        api.delete(old.run_id)
        done.append(f"deleted {old.name}")
    return done


def _enabled(desired: DesiredRecurringRun) -> str:
    return "enabled" if desired.enabled else "disabled"


def _when(desired: DesiredRecurringRun) -> str:
    if not desired.enabled:
        return "never, for it is not enabled"
    first = next_runs(desired.trigger, datetime.now(UTC), 1)[0]
    return f"{desired.trigger.text}, next at {first:%Y-%m-%d %H:%M} UTC"
