"""``ratoon compile``, ``submit``, ``upload``, ``images`` and ``recurring``: Kubeflow Pipelines."""

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.options import (
    ERROR,
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
from pipelines.settings import FOLDER, SETTINGS, CompileSettings, read_settings

Registry = Annotated[str | None, typer.Option(help="Such as registry.example.com/team.")]
Tag = Annotated[str | None, typer.Option(help="The tag of all three images.")]
Folder = Annotated[Path, typer.Option(help="Folder of the compiled pipelines.", show_default=False)]
Files = Annotated[list[Path], typer.Argument(help="Files, or folders of YAML files.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    command = "compile --registry registry.example.com/team --tag 0.1.0"
    app.command("compile", epilog=example(command))(compile_pipelines)
    app.command(epilog=example("submit models/flights --overlay staging.yaml"))(submit)
    app.command(epilog=example("upload models/flights --overlay kind.yaml --sample 10"))(upload)
    images = group(app, "images", "The three images of the steps.")
    command = "images build --registry registry.example.com/team --tag 0.1.0"
    images.command(epilog=example(command))(build)
    images.command(epilog=example(command.replace("build", "push")))(push)
    recurring = group(app, "recurring", "Recurring runs of the monitoring pipeline.")
    recurring.command(epilog=example("recurring reconcile manifests/recurring"))(reconcile)
    recurring.command("check", epilog=example("recurring check manifests/recurring"))(
        check_recurring
    )


def compile_pipelines(
    registry: Registry = None,
    tag: Tag = None,
    pvc: Annotated[
        str | None, typer.Option(help="A PersistentVolumeClaim that every step mounts.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 3 if a file is not fresh.")
    ] = False,
    folder: Folder = FOLDER,
) -> None:
    """Compile both pipelines to YAML and Kubernetes objects; what is not given stays as it was."""
    with development_environment():
        from pipelines.compile import compile_into

    settings = read_settings(folder / SETTINGS).updated(registry=registry, tag=tag, claim=pvc)
    compiled = compile_into(folder, settings)
    if not check:
        compiled.write()
        sys.stdout.writelines(f"{_shown(file)}\n" for file in compiled.texts)
        sys.stdout.writelines(f"{_shown(file)} removed\n" for file in compiled.leftovers)
        return
    for file in compiled.stale:
        sys.stderr.write(f"{_shown(file)} is not what its pipeline compiles to; ratoon compile\n")
    for file in compiled.leftovers:
        sys.stderr.write(f"{_shown(file)} is of a pipeline that was changed; ratoon compile\n")
    if compiled.stale or compiled.leftovers:
        raise typer.Exit(VERDICT_NO)


def submit(
    model: Model,
    pipeline: Annotated[
        str, typer.Option(help="train-and-deploy or monitor.")
    ] = "train-and-deploy",
    as_of: AsOf = "",
    target: Target = "",
    overlay: Overlay = "",
    endpoint: Annotated[
        str, typer.Option(envvar="KF_PIPELINES_ENDPOINT", help="URL of Kubeflow Pipelines.")
    ] = "http://localhost:8080",
    namespace: Annotated[
        str, typer.Option(help="Of your profile, if several people share Kubeflow.")
    ] = "",
    experiment: Annotated[str, typer.Option(help="Where the dashboard shows the run.")] = "ratoon",
    account: Annotated[
        str, typer.Option(help="Service account of the run's pods.")
    ] = "ratoon-pipeline",
    follow: Annotated[str, typer.Option(help="Follow this run; start none.")] = "",
    every_s: Annotated[float, typer.Option(help="Seconds between two polls.")] = 3.0,
    folder: Folder = FOLDER,
) -> None:
    """Run a pipeline on a cluster and follow it to its end; Ctrl-C leaves the run running."""
    from rich.console import Console

    from pipelines.submission.parameters import RunRequest
    from pipelines.submission.submit import Submission, follow_run, submit_run

    submission = Submission(endpoint, namespace, pipeline, experiment, account, folder, every_s)
    console = Console()
    request = RunRequest(model, as_of, target, overlay)
    outcome = (
        follow_run(follow, model, submission, console)
        if follow
        else submit_run(request, submission, console)
    )
    if not outcome.is_good:
        raise typer.Exit(ERROR)


def upload(
    model: Model,
    overlay: Annotated[str, typer.Option(help="A file with the places to copy to.")],
    sample: Annotated[
        int, typer.Option(min=1, help="Copy every Nth row of the primary table.")
    ] = 1,
) -> None:
    """Copy a model's source tables to where an overlay has them."""
    from pipelines.submission.source_tables import upload_tables

    copied = False
    for destination, size in upload_tables(model, overlay, sample):
        copied = True
        sys.stdout.write(f"{destination}  {size:,} bytes\n")
        sys.stdout.flush()
    if not copied:
        sys.stdout.write(f"{overlay} has every table where model.yaml has it\n")


def build(registry: Registry = None, tag: Tag = None) -> None:
    """Build the images with docker or podman."""
    from pipelines.images import build_images

    build_images(CompileSettings().updated(registry=registry, tag=tag))


def push(registry: Registry = None, tag: Tag = None) -> None:
    """Push the images that were built before."""
    from pipelines.images import push_images

    push_images(CompileSettings().updated(registry=registry, tag=tag))


def reconcile(files: Files, output: Output = Format.TEXT) -> None:
    """Make the recurring runs equal to the files that declare them."""
    _recurring(files, output, check=False)


def check_recurring(files: Files, output: Output = Format.TEXT) -> None:
    """Compare the recurring runs with the files; change nothing, exit 3 if they differ."""
    _recurring(files, output, check=True)


def _recurring(files: list[Path], output: Format, *, check: bool) -> None:
    from components.ops.schedule.reconcile import check_manifests, reconcile_manifests

    results = check_manifests(files) if check else reconcile_manifests(files)
    failed = [one for one in results if one.state == "failed"]
    emit(
        output,
        lambda: "\n".join(f"{one.model}: {one.sentence}" for one in results if one not in failed),
        lambda: [asdict(one) for one in results],
    )
    for one in failed:
        sys.stderr.write(f"{one.model}: {one.sentence}\n")
    if failed:
        raise typer.Exit(ERROR)
    if any(one.state == "differs" for one in results):
        raise typer.Exit(VERDICT_NO)


def _shown(path: Path) -> str:
    """A path as a person in the working directory would write it."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
