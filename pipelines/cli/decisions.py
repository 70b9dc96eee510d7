"""``ratoon audit`` and ``ratoon rollout``: what stands behind a prediction, and what serves."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic_core import to_jsonable_python

from pipelines.cli.options import Format, Model, Output, Overlay, Target, emit, example, group

if TYPE_CHECKING:
    from components.core.plan import Champion
    from components.core.spec import Spec
    from components.ops.rollout.manual import RollbackResult
    from components.ops.targets.protocol import Staged
    from components.ops.targets.protocol import Target as DeploymentTarget

Version = Annotated[str, typer.Argument(help="The proposed version.")]
Reason = Annotated[str, typer.Option(help="Kept in the audit.")]
REASON = "decided by a person"


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    audit = group(app, "audit", "From one prediction to everything behind it.")
    audit.command("show", epilog=example("audit show models/flights flights-000001/0"))(show_audit)
    rollout = group(app, "rollout", "Decisions of people on what serves.")
    rollout.command("list", epilog=example("rollout list models/flights -o json"))(list_versions)
    version = "20131001T0000-288d982a"
    for verb, does in (("approve", "Promote"), ("reject", "Take back")):
        epilog = example(f"rollout {verb} models/flights {version} --reason why")
        command = rollout.command(verb, epilog=epilog, help=f"{does} a proposed version.")
        command(_decision(reject=verb == "reject"))
    rollout.command(epilog=example("rollout rollback models/flights --reason why"))(rollback)


def show_audit(
    model: Model,
    request: Annotated[str, typer.Argument(help="A request's id, or id/row for one row of it.")],
    overlay: Overlay = "",
    target: Target = "",
    output: Output = Format.TEXT,
) -> None:
    """Show the model, the run, the data and the gates behind a prediction."""
    from components.ops.audit.page import as_data, as_text
    from components.ops.audit.provenance import trace

    chains = trace(request, model, overlay, target)
    emit(output, lambda: "\n".join(map(as_text, chains)), lambda: as_data(chains))


def list_versions(
    model: Model, overlay: Overlay = "", target: Target = "", output: Output = Format.TEXT
) -> None:
    """List what serves, the rollout under way, and the earlier versions that are kept."""
    where, _ = _target(model, overlay, target)
    serving, staged, previous = where.champion(), where.staged(), where.previous_champions()
    versions = {"serving": serving, "staged": staged, "previous": previous}
    emit(output, lambda: _listed(serving, staged, previous), lambda: to_jsonable_python(versions))


def rollback(
    model: Model,
    version: Annotated[str, typer.Argument(help="An earlier version; default: the newest.")] = "",
    reason: Reason = REASON,
    overlay: Overlay = "",
    target: Target = "",
    output: Output = Format.TEXT,
) -> None:
    """Make an earlier version serve again."""
    from components.core.audit import append as append_audit
    from components.ops.rollout import manual

    where, spec = _target(model, overlay, target)
    result = manual.rollback(where, version or None, reason)
    for entry in manual.audit_entries(result, spec.name, reason):
        append_audit(spec.serving.audit_uri, entry)
    data = {
        "decision": result.decision,
        "version": result.champion.version,
        "replaced": result.replaced.version if result.replaced else None,
        "to_do": result.to_do,
    }
    emit(output, lambda: _rolled_back(result), lambda: data)


def _decision(*, reject: bool) -> Callable[..., None]:
    """The command that promotes a proposed version, or takes it back."""

    def decide(
        model: Model,
        version: Version,
        reason: Reason = REASON,
        overlay: Overlay = "",
        target: Target = "",
        output: Output = Format.TEXT,
    ) -> None:
        from components.core.audit import append as append_audit
        from components.ops.rollout import manual

        where, spec = _target(model, overlay, target)
        staged = where.staged()
        decision = manual.decide(where, version, reject=reject, reason=reason)
        assert staged is not None  # otherwise there was nothing to decide on
        about = staged.as_champion()
        entry = manual.manual_entry("approve", decision, about, spec.name, reason)
        append_audit(spec.serving.audit_uri, entry)
        text = f"version {version}: {decision}"
        emit(output, lambda: text, lambda: {"version": version, "decision": decision})

    return decide


def _target(model: str, overlay: str, target: str) -> "tuple[DeploymentTarget, Spec]":
    """Where the spec's model serves, so that nobody has to type it."""
    from components.ops.plan.model_files import load_spec_of
    from components.ops.targets import connect

    spec = load_spec_of(model, overlay, target)
    return connect(spec.serving.target, spec.name), spec


def _listed(
    serving: "Champion | None", staged: "Staged | None", previous: "Iterable[Champion]"
) -> str:
    from components.core.spans import format_instant

    lines = [f"serves now: {serving.version}" if serving else "nothing serves now"]
    lines += [f"staged: {staged.version}, {staged.share:.0%} of the traffic"] if staged else []
    trained = ((one, format_instant(one.as_of)) for one in previous)
    kept = [f"{one.version}  trained for {as_of} by run {one.run}" for one, as_of in trained]
    return "\n".join([*lines, *(kept or ["no earlier version is kept"])])


def _rolled_back(result: "RollbackResult") -> str:
    version, ended = result.champion.version, result.ended
    if result.decision == "serves already":
        others = "To go back to another one, name it; `ratoon rollout list` says which there are."
        return f"version {version} serves already; nothing was changed. {others}"
    first = f"version {ended.version}: rolled_back, its rollout was under way\n" if ended else ""
    if result.decision == "proposed":
        return f"{first}version {version}: proposed\n{result.to_do}"
    instead = f" instead of {result.replaced.version}" if result.replaced else ""
    return f"{first}version {version}: {result.decision}{instead}"
