"""Uploads the compiled pipelines, starts a run on a cluster, and follows it to its end."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from components.core.errors import InputError, RatoonError
from pipelines.document import MONITOR_VERSION, Document
from pipelines.local.results import TerminalProgress
from pipelines.settings import FOLDER, SETTINGS, read_settings
from pipelines.submission.parameters import RunRequest, prepare_request
from pipelines.submission.server import (
    DEFAULT_ENDPOINT,
    KfpServer,
    RunOutcome,
    UploadedVersion,
    connect_server,
    follow,
)

NAMES = ("train-and-deploy", "monitor")
EXPERIMENT, SERVICE_ACCOUNT = "ratoon", "ratoon-pipeline"
_COMPILE = "Run `ratoon compile`."


@dataclass(frozen=True)
class Submission:
    """Where a run goes and how it is shown there; a namespace only in a shared Kubeflow."""

    endpoint: str = DEFAULT_ENDPOINT
    namespace: str = ""
    pipeline: str = NAMES[0]
    experiment: str = EXPERIMENT
    service_account: str = SERVICE_ACCOUNT
    folder: Path = FOLDER
    poll_s: float = 3.0


def submit_run(request: RunRequest, submission: Submission, console: Console) -> RunOutcome:
    """Starts a run and follows it to its end; everything is checked before anything is sent.

    Raises:
        InputError: A parameter cannot be used on a cluster, or the pipelines are not compiled.
        ClusterError: No run was started, or it can be followed no longer.
        KeyboardInterrupt: Ctrl-C, which leaves the run running; how to follow it was printed.
    """
    folder, pipeline = submission.folder, submission.pipeline
    documents = read_compiled(folder)
    if pipeline not in documents:
        raise InputError("PIPELINE", pipeline, " or ".join(documents))
    given = asdict(prepare_request(request, read_settings(folder / SETTINGS).claim))
    parameters = documents[pipeline].bind(given)
    title = f"{pipeline} of {request.model.rstrip('/').rpartition('/')[2]}"
    with connect_server(submission.endpoint, submission.namespace) as server:
        uploaded: dict[str, UploadedVersion] = {}
        for name, version in upload(server, folder, documents):
            uploaded[name] = version
            state = "uploaded" if version.is_new else "is there already"
            console.print(f"{documents[name].version} {state}", highlight=False)
        run_id = server.start(
            uploaded[pipeline],
            {name: str(value) for name, value in parameters.items()},
            f"{title} as of {request.as_of}" if request.as_of else title,
            submission.experiment,
            submission.service_account,
        )
        return _followed(server, run_id, request.model, submission, console)


def follow_run(run_id: str, model: str, submission: Submission, console: Console) -> RunOutcome:
    """Follows a run that was started before; errors as for `submit_run`."""
    with connect_server(submission.endpoint, submission.namespace) as server:
        return _followed(server, run_id, model, submission, console)


def read_compiled(folder: Path) -> dict[str, Document]:
    """The compiled pipelines of a folder, by name.

    Raises:
        InputError: One is missing, or they were not compiled together.
    """
    found = {}
    for name in NAMES:
        file = folder / f"{name}.yaml"
        if not file.exists():
            raise InputError(str(file), "no such file", "a compiled pipeline", _COMPILE)
        found[name] = Document.read(file.read_text(encoding="utf-8"))
    wanted = found["monitor"].version
    for name, document in found.items():
        given = document.variable(MONITOR_VERSION)
        if given != wanted:
            accepted = f"a pipeline that was compiled together with {wanted}"
            raise InputError(str(folder / f"{name}.yaml"), given, accepted, _COMPILE)
    return found


def upload(
    server: KfpServer, folder: Path, documents: Mapping[str, Document]
) -> Iterator[tuple[str, UploadedVersion]]:
    """Uploads both pipelines; yields each one's name and its version at the server.

    The schedule step pins the recurring run to the monitor's version.
    """
    for name, one in documents.items():
        file = folder / f"{name}.yaml"
        yield name, server.upload(file, name, one.version, one.description)


def _followed(
    server: KfpServer, run_id: str, model: str, submission: Submission, console: Console
) -> RunOutcome:
    # The monitor holds the other pipeline whole, and so every step that a run may have.
    steps = read_compiled(submission.folder)["monitor"].steps
    progress, started = TerminalProgress(console), time.monotonic()
    state = "not followed any more"
    try:
        console.print(f"run: {server.link(run_id)}", soft_wrap=True, highlight=False)
        progress.run_started(run_id)
        outcome = follow(lambda: server.run(run_id), steps, progress, submission.poll_s)
        state = outcome.state.lower()
    except (KeyboardInterrupt, RatoonError):
        again = f"The run goes on. To follow it: ratoon submit {model} --follow {run_id}"
        console.print(again, soft_wrap=True, highlight=False)
        raise
    finally:
        progress.run_finished(state, time.monotonic() - started)
    if outcome.error:
        console.print(f"  {outcome.error}", markup=False, soft_wrap=True)
    return outcome
