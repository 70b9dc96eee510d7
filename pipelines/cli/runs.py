"""``ratoon train``, ``ratoon monitor``, ``ratoon serve`` and ``ratoon pipeline``: this machine."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from components.core.errors import InputError, RatoonError
from pipelines.cli.options import (
    VERDICT_NO,
    AsOf,
    Format,
    Model,
    Output,
    Overlay,
    Target,
    development_environment,
    emit,
    example,
    group,
)
from pipelines.local.machine import Machine
from pipelines.settings import FOLDER

if TYPE_CHECKING:
    from components.ops.targets.local.record import LocalRecord
    from pipelines.local.results import RunResult

WORKSPACE = "build/local"
Verbose = Annotated[bool, typer.Option("--verbose", help="Show what the steps log.")]
Workspace = Annotated[str, typer.Option(help="Folder of runs and their artifacts.")]
RunId = Annotated[
    str | None, typer.Option(help="Key of the run: an unfinished run of the same key goes on.")
]
NoCache = Annotated[
    bool, typer.Option("--no-cache", help="Run every step anew, even if its work was done before.")
]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command(epilog=example("train models/flights --as-of 2013-07-01"))(train)
    app.command(epilog=example("monitor models/flights"))(monitor)
    serve = group(app, "serve", "What serves on this machine, for local:// targets.")
    serve.command(epilog=example("serve status models/flights -o json"))(status)
    serve.command(epilog=example("serve start models/flights"))(start)
    serve.command(epilog=example("serve stop models/flights"))(stop)
    pipeline = group(app, "pipeline", "Compiled pipelines on this machine.")
    command = "pipeline run pipeline.yaml --param model=models/flights"
    pipeline.command("run", epilog=example(command))(run_pipeline)


def train(
    model: Model,
    as_of: AsOf = "",
    target: Target = "",
    overlay: Overlay = "",
    workspace: Workspace = WORKSPACE,
    run_id: RunId = None,
    no_cache: NoCache = False,
    verbose: Verbose = False,
    output: Output = Format.TEXT,
) -> None:
    """Train a model and deploy it if it is proved better; exit 3 if a gate refused it.

    Relative paths of the spec begin in the working directory.
    """
    with development_environment():
        from pipelines.local.runner import run

    result = run(
        FOLDER / "train-and-deploy.yaml",
        {"model": model, "as_of": as_of, "target": target, "overlay": overlay},
        Path(workspace),
        run_id=run_id,
        observer=_progress(verbose, output),
        cache=not no_cache,
    )
    _report([result], output, _address(result, model, overlay, target))


def monitor(
    model: Model,
    as_of: AsOf = "",
    overlay: Overlay = "",
    workspace: Workspace = WORKSPACE,
    verbose: Verbose = False,
    output: Output = Format.TEXT,
) -> None:
    """Run every monitoring run that is due for a model on this machine; exit 3 on an alert."""
    with development_environment():
        from pipelines.local.runner import run_due

    from components.core.spans import parse_instant

    try:
        # A person's command, not a step: what is due is due by this machine's clock.
        now = parse_instant(as_of) if as_of else datetime.now(UTC)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--as-of") from error
    do = "On a cluster the recurring run does it: look for it under Runs in the dashboard."
    folder = _serving_folder(model, overlay, do)
    results = run_due(folder, now, Path(workspace), _progress(verbose, output))
    if not results and output is Format.TEXT:
        sys.stdout.write("nothing is due\n")
    _report(results, output)


def run_pipeline(
    file: Annotated[Path, typer.Argument(help="A compiled pipeline, the file a cluster runs.")],
    param: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="May be repeated.")
    ] = None,
    workspace: Workspace = WORKSPACE,
    run_id: RunId = None,
    title: Annotated[str | None, typer.Option(help="What the terminal calls the run.")] = None,
    code: Annotated[
        Path | None, typer.Option(help="Folder of the steps' code; default: this checkout.")
    ] = None,
    no_cache: NoCache = False,
    verbose: Verbose = False,
    output: Output = Format.TEXT,
) -> None:
    """Run any compiled pipeline whose steps have environments here."""
    with development_environment():
        from pipelines.local.runner import run

    machine = Machine.of_checkout()
    result = run(
        file,
        dict(_parameter(text) for text in param or ()),
        Path(workspace),
        run_id=run_id,
        title=title,
        observer=_progress(verbose, output),
        machine=replace(machine, code=code.resolve()) if code else machine,
        cache=not no_cache,
    )
    _report([result], output)


def status(model: Model, overlay: Overlay = "", output: Output = Format.TEXT) -> None:
    """Show which versions of a model serve on this machine, and where."""
    from components.ops.targets.local.serving import read_record

    _show_record(read_record(_serving_folder(model, overlay)), output)


def start(model: Model, overlay: Overlay = "", output: Output = Format.TEXT) -> None:
    """Start what served again, for example after a restart of the machine."""
    from components.ops.targets.local.serving import serve

    _show_record(serve(_serving_folder(model, overlay)), output)


def stop(model: Model, overlay: Overlay = "", output: Output = Format.TEXT) -> None:
    """Stop the servers of a model on this machine; `ratoon serve start` brings them back."""
    from components.ops.targets.local.serving import stop as stop_servers

    stopped = stop_servers(_serving_folder(model, overlay))
    text = f"{stopped} process(es) ended" if stopped else "nothing was running"
    emit(output, lambda: text, lambda: {"stopped": stopped})


def _show_record(record: "LocalRecord", output: Format) -> None:
    from components.ops.targets.local.processes import is_running
    from components.ops.targets.local.servers import address_of
    from components.ops.targets.local.serving import describe

    gateway = record.gateway
    state = {
        "address": address_of(gateway) if gateway else None,
        "running": gateway is not None and is_running(gateway.process),
    }
    emit(output, lambda: describe(record), lambda: state | record.model_dump(mode="json"))


def _progress(verbose: bool, output: Format) -> Any:
    """Progress for people; on the error stream if the result is for a script."""
    from rich.console import Console

    from pipelines.local.results import TerminalProgress

    return TerminalProgress(Console(stderr=output is Format.JSON), verbose=verbose)


def _report(results: "Sequence[RunResult]", output: Format, address: str | None = None) -> None:
    """Prints runs; exits with 3 if a verdict in one of them is no."""
    emit(
        output,
        lambda: "".join([*map(_text, results), _served(address) if address else ""]),
        lambda: [{**_data(result), "address": address} for result in results],
    )
    if any(result.refusal for result in results):
        raise typer.Exit(VERDICT_NO)


def _text(result: "RunResult") -> str:
    """The folder of a run and the report of each step that has one."""
    steps = [step for step in result.steps.values() if "report" in step.artifacts]
    lines = [f"  report of {step.name}: {step.artifacts['report']}\n" for step in steps]
    return "".join([f"  {result.seconds:.1f} s, in {result.folder}\n", *lines])


def _served(address: str) -> str:
    """The address, and how to choose another port if the default one is taken."""
    from components.ops.targets.target_uri import DEFAULT_PORT

    is_other = address.startswith("http://127.") and not address.endswith(f":{DEFAULT_PORT}")
    choose = "; ?port=<port> behind serving.target chooses another port" if is_other else ""
    return f"  it serves at {address}{choose}"


def _data(result: "RunResult") -> dict[str, Any]:
    return {
        "run": result.run_id,
        "folder": str(result.folder),
        "seconds": round(result.seconds, 1),
        "outputs": dict(result.outputs),
        "refused_by": result.refusal.name if result.refusal else None,
        "steps": [
            {
                "name": step.name,
                "state": step.state,
                "decision": step.decision,
                "reason": step.reason,
                "report": str(step.artifacts["report"]) if "report" in step.artifacts else None,
            }
            for step in result.steps.values()
        ],
    }


def _address(result: "RunResult", model: str, overlay: str, target: str) -> str | None:
    """Where clients find what a run deployed; None if that is not known."""
    from components.ops.plan.model_files import load_spec_of
    from components.ops.targets import connect

    if result.refusal or not any(name.endswith("deploy") for name in result.steps):
        return None
    spec = load_spec_of(model, overlay, target)
    try:
        return connect(spec.serving.target, spec.name).address
    except RatoonError:  # the run has succeeded all the same
        return None


def _serving_folder(model: str, overlay: str, do: str = "") -> Path:
    """The folder that serves on this machine.

    Raises:
        InputError: Something else serves, such as a cluster.
    """
    from components.ops.plan.model_files import load_spec_of
    from components.ops.targets.target_uri import LOCAL_SCHEME, parse_local_uri

    target = load_spec_of(model, overlay).serving.target
    if not target.startswith(LOCAL_SCHEME):
        accepted = f"a target of the form {LOCAL_SCHEME}<folder>"
        raise InputError("serving.target", target, accepted, do)
    return parse_local_uri(target).folder


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise typer.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--param")
    return name, value
