"""Makes the plan of a run: reads the world once and writes down what it decided."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from components.core import audit
from components.core.artifacts import MODEL_FILES, PLAN
from components.core.audit import Entry
from components.core.digest import digest_bytes, digest_folder, digest_of
from components.core.errors import InputError
from components.core.plan import Champion, Plan, Purpose
from components.core.spans import format_instant
from components.ops.plan.available import available_spans
from components.ops.plan.defaults import accepted_defaults
from components.ops.plan.folder import opened
from components.ops.plan.instant import instant_of
from components.ops.plan.meaning import meaning
from components.ops.plan.page import as_html
from components.ops.plan.request import ModelFiles, read_spec, with_files
from components.ops.plan.schema import column_kinds
from components.ops.plan.signature import resolve
from components.ops.plan.windows import cut

ChampionReader = Callable[[str, str], Champion | None]


@dataclass(frozen=True)
class Request:
    """What a plan is asked for.

    Attributes:
        model: The model's folder by path or URI, or the text of its spec.
        as_of: The instant to plan for (ISO 8601), or ``start of month`` and the like; empty for
            now.
        target: Instead of the spec's ``serving.target``; empty for the spec's.
        overlay: A file of the folder with the fields that differ; empty for none.
        purpose: ``train`` or ``watch``.
        run: The run, for the audit.
        scheduled: When the run was due, taken where `as_of` names no instant; empty: not known.
    """

    model: str
    as_of: str
    target: str
    overlay: str
    purpose: str
    run: str
    scheduled: str = ""


def plan(
    request: Request,
    out: Path,
    report: Path | None = None,
    now: datetime | None = None,
    champion_of: ChampionReader | None = None,
) -> Plan:
    """Makes a plan and writes it, with the model's files, into a folder.

    Args:
        request: What is asked for.
        out: The plan artifact's folder.
        report: The HTML file that says what was planned; None: it is not written.
        now: The present, taken where `request.as_of` is empty; None: asks the clock, which
            nothing else in Ratoon does.
        champion_of: Reads what serves, by target and model name; None: the target itself.

    Raises:
        InputError: The request, the spec or the schema cannot be used, or there is no data.
        ClusterError: The target does not say what serves; that is not the same as nothing.
    """
    purpose = _purpose(request.purpose)
    as_of = instant_of(request.as_of, now, request.scheduled)
    with opened(request.model) as folder:
        model = with_files(folder, read_spec(folder, request.overlay, request.target))
    write_files(model, out / MODEL_FILES)
    read = champion_of or _reader()
    champion = read(model.spec.serving.target, model.spec.name)
    made = draw(model, as_of, purpose, champion, digest_folder(out / MODEL_FILES))
    made.write(out / PLAN)
    if report is not None:
        report.write_text(_page(model, made), encoding="utf-8")
    audit.append(made.spec.serving.audit_uri, _entry(made, request.run))
    return made


def draw(
    model: ModelFiles, as_of: datetime, purpose: Purpose, champion: Champion | None, files: str
) -> Plan:
    """Decides everything that a run decides at its start; the same world, the same plan.

    Args:
        model: The spec and its files.
        as_of: The instant of the run.
        purpose: Which pipeline it is for.
        champion: What serves now.
        files: Digest of the model's files.
    """
    spec = model.spec
    where = f"{model.where}/{spec.schema_file}"
    signature = resolve(spec, column_kinds(model.schema, where))
    spans = available_spans(spec, as_of)
    windows = cut(spec, spans, as_of)
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
        as_of=format_instant(as_of),
        version=f"{as_of:%Y%m%dT%H%M}-{digest_of(made_of)[:8]}",
        spans=names,
        columns=signature.columns,
        features=signature.features,
        windows=windows,
        champion=champion,
        digests=digests,
    )


def write_files(model: ModelFiles, folder: Path) -> None:
    """Writes the model's files where the other steps read them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in model.files.items():
        (folder / name).write_bytes(content)


def sentence(made: Plan) -> str:
    """One line that says what was planned."""
    champion = made.champion.version if made.champion else "nothing"
    return (
        f"{made.version} as of {made.as_of}: {len(made.features)} features, {len(made.spans)} "
        f"{made.spec.data.span} span(s) {made.spans[0]} to {made.spans[-1]}; "
        f"{champion} serves now"
    )


def _page(model: ModelFiles, made: Plan) -> str:
    defaults = accepted_defaults(model.spec, model.given)
    cut_at = (made.as_of, made.windows)
    topics = meaning(model.spec, made.features, made.spans, cut_at, defaults)
    return as_html(f"{made.spec.name}: the plan", sentence(made), topics)


def _purpose(text: str) -> Purpose:
    try:
        return Purpose(text)
    except ValueError as error:
        raise InputError("purpose", text, " or ".join(Purpose)) from error


def _reader() -> ChampionReader:
    from components.ops.deploy.targets import read_champion

    reader: ChampionReader = read_champion
    return reader


def _entry(made: Plan, run: str) -> Entry:
    return Entry(
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
