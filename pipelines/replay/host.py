"""Where a replay serves and keeps its files: on this machine, or in a cluster."""

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from components.core.errors import InputError
from components.core.spec import Spec
from components.ops.kubeflow.http_client import KfpConfig
from components.ops.schedule.kubeflow import connect_kubeflow
from components.ops.schedule.manifest import PIPELINE, env_defaults
from components.ops.schedule.recurring_run import ActualRecurringRun
from components.ops.schedule.trigger import next_runs
from components.ops.targets import connect
from components.ops.targets.local.serving import stop
from components.ops.targets.local.target import LocalTarget
from components.ops.targets.target_uri import LOCAL_SCHEME, parse_local_uri
from pipelines.local.results import RunObserver, RunResult
from pipelines.local.runner import run_as_of, run_due
from pipelines.settings import FOLDER
from pipelines.submission.server import connect_server
from pipelines.submission.submit import read_compiled, upload

ROOT = Path("build")


@dataclass(frozen=True)
class ReplayPaths:
    """The folders and files of one model's replay; a new replay removes them.

    Attributes:
        root: All that is not in one of the others; the runner's workspace.
        live: The examples that live traffic is made of.
        state: How far the replay came.
        index: The page that links every report.
        summary: The finished replay's table as data.
    """

    root: Path
    log: Path
    audit: Path
    live: Path
    state: Path
    index: Path
    summary: Path

    def clear(self) -> None:
        """Removes what an earlier replay made."""
        for folder in (self.log, self.audit, self.root):
            shutil.rmtree(folder, ignore_errors=True)


def replay_paths(spec: Spec) -> ReplayPaths:
    """The paths of a spec's replay.

    Raises:
        InputError: One lies outside the build folder, and a replay never clears such a one.
    """
    scheme = spec.serving.target.partition("://")[0]
    root = ROOT / spec.name / ("replay" if scheme == "local" else f"replay-{scheme}")
    log, audit = (
        Path(uri.removeprefix("file://")) for uri in (spec.serving.log, spec.serving.audit_uri)
    )
    for path in (log, audit):
        require_clearable(path)
    return ReplayPaths(
        root=root,
        log=log,
        audit=audit,
        live=root / "live",
        state=root / "replay.json",
        index=root / "index.html",
        summary=ROOT / f"{root.name}.json",
    )


def require_clearable(path: Path) -> None:
    """Raises InputError for a folder outside the build folder, which a replay never clears."""
    if not path.resolve().is_relative_to(ROOT.resolve()):
        raise InputError("serving", str(path), f"a folder below {ROOT}/, for a replay")


class LocalHost:
    """Servers of this machine, and the schedule in their folder.

    Attributes:
        stays: Whether what serves is this machine's own, for people to ask and to stop.
        run_due: Runs what is due at an instant, in a workspace, heard by an observer.
    """

    stays = True

    def __init__(self, spec: Spec) -> None:
        uri = parse_local_uri(spec.serving.target)
        self.folder = uri.folder
        require_clearable(self.folder)
        self.target = LocalTarget(uri, spec.name)
        self.run_due = partial(run_due, self.folder)

    def clear(self) -> None:
        """Stops what an earlier replay left serving."""
        stop(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)

    def resume(self) -> None:
        """Starts the servers again if they do not run."""
        self.target.ensure_serving()


class ClusterHost:
    """A cluster that serves, and the recurring run that its KFP API keeps."""

    stays = False

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.target = connect(spec.serving.target, spec.name)
        self.run_due = partial(run_recurring, spec.name)

    def clear(self) -> None:
        """Uploads the pipelines that the recurring run is pinned to.

        Raises:
            InputError: A model serves there, and a replay never replaces one.
            ClusterError: Kubeflow Pipelines did not answer, or refused.
        """
        champion = self.target.champion()
        if champion is not None:
            raise InputError(
                f"serving.target {self.spec.serving.target}",
                f"a place where version {champion.version} serves",
                "a namespace where no model of this name serves",
                "Give the replay a namespace of its own.",
            )
        endpoint, namespace = KfpConfig.of_pod().endpoint, env_defaults().namespace
        with connect_server(endpoint, namespace) as server:
            tuple(upload(server, FOLDER, read_compiled(FOLDER)))

    def resume(self) -> None:
        """Does nothing: the cluster keeps it up."""


def replay_host(spec: Spec) -> LocalHost | ClusterHost:
    """The host that a spec's target names.

    Raises:
        InputError: The target cannot be used.
    """
    return LocalHost(spec) if spec.serving.target.startswith(LOCAL_SCHEME) else ClusterHost(spec)


def run_recurring(
    model: str, instant: datetime, workspace: Path, observer: RunObserver
) -> tuple[RunResult, ...]:
    """Runs here what the recurring run of a model on a cluster would start there at an instant.

    For replays of recorded time: the cluster's own clock is at another instant.

    Returns:
        The run; none if nothing is due.

    Raises:
        InputError: The model does not have exactly one enabled recurring run.
        RunError: A step failed.
        ClusterError: Kubeflow Pipelines did not answer, or refused.
    """
    existing = recurring_run(model)
    if next_runs(existing.trigger, instant - timedelta(seconds=1), 1)[0] != instant:
        return ()
    given = {name: str(value) for name, value in existing.parameters.items()}
    return (run_as_of(PIPELINE, given, instant, workspace, observer),)


def recurring_run(model: str) -> ActualRecurringRun:
    """The one recurring run that watches a model, as Kubeflow Pipelines keeps it.

    Raises:
        InputError: There is not exactly one that is enabled.
        ClusterError: Kubeflow Pipelines did not answer, or refused.
    """
    with connect_kubeflow() as api:
        namespace = env_defaults().namespace if api.is_multi_user() else ""
        runs = [one for one in api.recurring_runs(namespace) if one.belongs_to(model, PIPELINE)]
    found = [one for one in runs if one.enabled]
    if len(found) != 1:
        given = ", ".join(one.name for one in found) or "none"
        do = "The schedule step makes it: look at its report."
        raise InputError(f"{model}: recurring runs", given, "one that is enabled", do)
    return found[0]
