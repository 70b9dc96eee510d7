"""Makes the plan of a run: reads the spec, the data and the target once, and writes the plan.

A spec is also checked and explained here, before any pipeline runs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from components.core import audit
from components.core.artifacts import MODEL_FILES, PLAN
from components.core.audit import AuditEntry
from components.core.digest import digest_bytes, digest_folder, digest_of
from components.core.errors import InputError
from components.core.plan import Champion, Plan, Purpose
from components.core.spans import format_instant
from components.core.spec import Spec
from components.ops.plan.describe import as_html, as_text, describe
from components.ops.plan.folder import open_source
from components.ops.plan.model_files import ModelFiles, load_model, read_model_files, read_spec
from components.ops.plan.named_targets import check_targets
from components.ops.plan.signature import Signature
from components.ops.plan.windows import available_spans, resolve_as_of, split_windows

ChampionReader = Callable[[str, str], Champion | None]


@dataclass(frozen=True)
class PlanRequest:
    """What a plan is asked for: the arguments of the component."""

    model: str
    as_of: str
    target: str
    overlay: str
    purpose: str
    run: str
    scheduled: str = ""


def plan(
    request: PlanRequest,
    out: Path,
    report: Path | None = None,
    now: datetime | None = None,
    champion_reader: ChampionReader | None = None,
) -> Plan:
    """Makes a plan and writes it, with the model's files, into a folder.

    Args:
        request: What is asked for.
        out: The plan artifact's folder.
        report: The HTML file to write the plan to.
        now: The present; None to ask the clock.
        champion_reader: Reads what serves, by target and model name; None to ask the target.

    Raises:
        InputError: The request, the spec or the schema cannot be used, or there is no data.
        ClusterError: The target does not say what serves, which is not the same as nothing.
    """
    purpose = _purpose(request.purpose)
    as_of = resolve_as_of(request.as_of, now, request.scheduled)
    model = load_model(request.model, request.overlay, request.target)
    (out / MODEL_FILES).mkdir(parents=True, exist_ok=True)
    for name, content in model.files.items():
        (out / MODEL_FILES / name).write_bytes(content)
    if champion_reader is None:
        from components.ops.targets import read_champion

        champion_reader = read_champion
    champion = champion_reader(model.spec.serving.target, model.spec.name)
    made = build_plan(model, as_of, purpose, champion, digest_folder(out / MODEL_FILES))
    made.write(out / PLAN)
    if report is not None:
        topics = describe(model, made.features, made.spans, (made.as_of, made.windows))
        page = as_html(f"{made.spec.name}: the plan", sentence(made), topics)
        report.write_text(page, encoding="utf-8")
    audit.append(made.spec.serving.audit_uri, _entry(made, request.run))
    return made


def build_plan(
    model: ModelFiles, as_of: datetime, purpose: Purpose, champion: Champion | None, files: str
) -> Plan:
    """Decides everything that a run decides at its start, deterministically."""
    spec, signature = model.spec, model.signature()
    spans = available_spans(spec, as_of)
    windows = split_windows(spec, spans, as_of)
    digests = {
        "spec": digest_of(spec.model_dump(mode="json", by_alias=True)),
        "schema": digest_bytes(model.files[spec.schema_file]),
        "files": files,
    }
    serving = champion.model_dump(mode="json") if champion else None
    names = tuple(span.name for span in spans)
    made_of = [digests, names, windows.model_dump(mode="json"), serving]
    return Plan(
        purpose=purpose,
        spec=spec,
        as_of=as_of,
        version=f"{as_of:%Y%m%dT%H%M}-{digest_of(made_of)[:8]}",
        spans=names,
        columns=signature.columns,
        features=signature.features,
        windows=windows,
        champion=champion,
        digests=digests,
    )


def sentence(made: Plan) -> str:
    """One line that says what was planned."""
    champion = made.champion.version if made.champion else "nothing"
    return (
        f"{made.version} as of {format_instant(made.as_of)}: {len(made.features)} features, "
        f"{len(made.spans)} {made.spec.data.span} span(s) {made.spans[0]} to {made.spans[-1]}; "
        f"{champion} serves now"
    )


def _purpose(text: str) -> Purpose:
    try:
        return Purpose(text)
    except ValueError as error:
        raise InputError("purpose", text, " or ".join(Purpose)) from error


def _entry(made: Plan, run: str) -> AuditEntry:
    return AuditEntry(
        run=run,
        step="plan",
        model=made.spec.name,
        as_of=made.as_of,
        version=made.version,
        decision="planned",
        reason=sentence(made),
        digests={**made.digests, "plan": made.digest},
        details={
            "purpose": made.purpose.value,
            "monitoring": made.spec.monitoring.model_dump(mode="json"),
        },
    )


def check_spec(model: str, overlay: str = "") -> Spec:
    """The spec of a model, if all that it names can be used.

    Raises:
        InputError: As for `load_model`, its `signature`, and `check_targets`.
    """
    return _checked(model, overlay)[0].spec


def _checked(model: str, overlay: str) -> tuple[ModelFiles, Signature]:
    with open_source(model) as folder:
        loaded = read_model_files(folder, read_spec(folder, overlay))
        check_targets(folder, loaded.spec)
    return loaded, loaded.signature()


def explain_spec(model: str, overlay: str = "", as_of: str = "") -> str:
    """What a spec means, as text; data that does not exist yet is no error.

    Time is cut at `as_of`, or at the end of the data; errors are those of `check_spec`.
    """
    loaded, signature = _checked(model, overlay)
    instant = resolve_as_of(as_of)
    try:
        spans = available_spans(loaded.spec, instant)
    except InputError:
        spans = ()
    if spans and not as_of:
        instant = min(instant, spans[-1].end)
    cut = (instant, split_windows(loaded.spec, spans, instant)) if spans else None
    names = tuple(span.name for span in spans)
    return as_text(describe(loaded, signature.features, names, cut))
