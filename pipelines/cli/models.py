"""``ratoon spec`` and ``ratoon schema``: a model's folder."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from components.core.errors import RunError
from pipelines.cli.options import AsOf, Format, Model, Output, Overlay, emit, example, group
from pipelines.local.machine import Machine


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    spec = group(app, "spec", "A model's spec.")
    spec.command(epilog=example("spec check models/flights"))(check)
    spec.command(epilog=example("spec show models/flights --overlay staging.yaml"))(show)
    spec.command("json-schema", epilog=example("spec json-schema > spec.schema.json"))(json_schema)
    schema = group(app, "schema", "A model's schema.")
    schema.command(epilog=example("schema infer models/flights --write"))(infer)


def check(model: Model, overlay: Overlay = "", output: Output = Format.TEXT) -> None:
    """Check a spec and every file that it names; data that is not there yet is no error."""
    from components.ops.plan.run import check_spec

    spec = check_spec(model, overlay)
    data = {"model": spec.name, "valid": True}
    emit(output, lambda: f"{model}: the spec of {spec.name} is valid", lambda: data)


def show(
    model: Model, overlay: Overlay = "", as_of: AsOf = "", output: Output = Format.TEXT
) -> None:
    """Say what a spec means, with every default that it accepted."""
    from components.ops.plan.run import check_spec, explain_spec

    emit(
        output,
        lambda: explain_spec(model, overlay, as_of),
        lambda: check_spec(model, overlay).model_dump(mode="json", by_alias=True),
    )


def json_schema() -> None:
    """Print the JSON Schema of a spec, for editors."""
    from components.core.spec import spec_json_schema

    sys.stdout.write(json.dumps(spec_json_schema(), indent=1) + "\n")


def infer(
    model: Model,
    as_of: AsOf = "",
    spans: Annotated[int, typer.Option(help="The most spans to read, newest first.")] = 24,
    write: Annotated[bool, typer.Option("--write", help="Write the schema to the folder.")] = False,
) -> None:
    """Infer a schema from the data and show how the committed one differs; exit 3 if it does."""
    machine = Machine.of_checkout()
    if not (machine.envs / "data" / "bin" / "python3").exists():
        raise RunError(
            f"This command needs the environments of a checkout ({machine.envs / 'data'} is not "
            "there): run `make .venv/ready` there."
        )
    command = ["python3", "-m", "components.data.infer", model, "--spans", str(spans)]
    command += ["--as-of", as_of] if as_of else []
    command += ["--write"] if write else []
    done = subprocess.run(command, env=machine.environment("ratoon-data", {}), cwd=Path.cwd())
    raise typer.Exit(done.returncode)
