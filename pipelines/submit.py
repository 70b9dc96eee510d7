"""``make submit``: runs a pipeline on a cluster and follows it to its end."""

import argparse
import os
import sys
import time
from collections.abc import Collection, Mapping
from pathlib import Path

from rich.console import Console

from components.core.errors import InputError, RatoonError
from pipelines.compile import FOLDER, SETTINGS
from pipelines.document import Document
from pipelines.local.compiled import load_pipeline
from pipelines.local.progress import TerminalProgress
from pipelines.settings import read_settings
from pipelines.submission.client import DEFAULT_ENDPOINT
from pipelines.submission.follow import follow
from pipelines.submission.parameters import Asked, prepared
from pipelines.submission.server import KfpServer, Uploaded
from pipelines.submission.upload import read_compiled, upload

ENDPOINT = "KF_PIPELINES_ENDPOINT"
EXPERIMENT, ACCOUNT = "ratoon", "ratoon-pipeline"
FAILED, REFUSED, INTERRUPTED = 1, 2, 130


def main(arguments: list[str] | None = None) -> int:
    """Runs a pipeline.

    Returns:
        0 where the run succeeded, 1 where it failed, 2 where none was started or can be followed,
        130 after Ctrl-C, which leaves a run running.
    """
    options = _parser().parse_args(arguments)
    console = Console()
    try:
        documents = read_compiled(options.folder)
        if options.pipeline not in documents:
            raise InputError("PIPELINE", options.pipeline, " or ".join(documents))
        parameters = {} if options.follow else _parameters(options)
        server = KfpServer(options.endpoint, options.namespace)
        run_id = options.follow or _start(server, documents, parameters, options, console)
        # The monitor holds the other pipeline whole, and so every step that a run may have.
        steps = documents["monitor"].steps
        return _follow(server, run_id, steps, options.every_s, console)
    except RatoonError as error:
        Console(stderr=True).print(str(error), style="red", markup=False, soft_wrap=True)
        return REFUSED
    except KeyboardInterrupt:  # before there was a run
        return INTERRUPTED


def _parameters(options: argparse.Namespace) -> dict[str, object]:
    asked = Asked(options.model, options.as_of, options.target, options.overlay)
    claim = read_settings(options.folder / SETTINGS).claim
    given = prepared(asked, claim).parameters()
    return load_pipeline(options.folder / f"{options.pipeline}.yaml").bind(given)


def _start(
    server: KfpServer,
    documents: Mapping[str, Document],
    parameters: Mapping[str, object],
    options: argparse.Namespace,
    console: Console,
) -> str:
    uploaded: dict[str, Uploaded] = {}
    for name, at_server in upload(server, options.folder, documents):
        uploaded[name] = at_server
        said = "uploaded" if at_server.is_new else "is there already"
        console.print(f"{documents[name].version} {said}", highlight=False)
    title = f"{options.pipeline} of {options.model.rstrip('/').rpartition('/')[2]}"
    return server.start(
        uploaded[options.pipeline],
        {name: str(value) for name, value in parameters.items()},
        f"{title} as of {options.as_of}" if options.as_of else title,
        options.experiment,
        options.account,
    )


def _follow(
    server: KfpServer, run_id: str, steps: Collection[str], every_s: float, console: Console
) -> int:
    progress, started = TerminalProgress(console), time.monotonic()
    again = f"The run goes on. To follow it: make submit FOLLOW={run_id}"
    state = "not followed any more"
    try:
        console.print(f"run: {server.link(run_id)}", soft_wrap=True, highlight=False)
        progress.run_started(run_id)
        ended = follow(lambda: server.run(run_id), steps, progress, every_s)
        state = ended.state.lower()
    except KeyboardInterrupt:
        console.print(again, soft_wrap=True, highlight=False)
        return INTERRUPTED
    except RatoonError:
        console.print(again, soft_wrap=True, highlight=False)
        raise
    finally:
        progress.run_finished(state, time.monotonic() - started)
    if ended.error:
        console.print(f"  {ended.error}", markup=False, soft_wrap=True)
    return 0 if ended.is_good else FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make submit", description=__doc__)
    parser.add_argument("model", help="the model's folder here, or git+https://…, s3://…, gs://…")
    parser.add_argument("--pipeline", default="train-and-deploy", help="or monitor")
    parser.add_argument("--as-of", default="", help="the instant to work as of; default: now")
    parser.add_argument("--target", default="", help="instead of the spec's serving.target")
    parser.add_argument("--overlay", default="", help="a file with the fields that differ there")
    parser.add_argument("--endpoint", default=os.environ.get(ENDPOINT) or DEFAULT_ENDPOINT)
    parser.add_argument("--namespace", default="", help="of your profile, in a shared Kubeflow")
    parser.add_argument("--experiment", default=EXPERIMENT, help="default: %(default)s")
    parser.add_argument("--account", default=ACCOUNT, help="service account of the run's pods")
    parser.add_argument("--follow", default="", help="the id of a run: follow it, start none")
    parser.add_argument("--every-s", type=float, default=3.0, help="seconds between two looks")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of the compiled pipelines")
    return parser


if __name__ == "__main__":
    sys.exit(main())
