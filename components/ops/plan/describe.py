"""What a spec means, as text for a terminal and as a page: a few topics of a few lines each."""

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from components.core.plan import PlannedFeature, Windows
from components.core.spans import TimeInterval, format_instant
from components.core.spec import External, Margin, Primary, Spec, SpecModel
from components.core.spec.training import Change
from components.core.units import format_duration
from components.ops.plan.model_files import ModelFiles
from components.ops.plan.windows import label_lag
from components.report.blocks import Section, Table
from components.report.page import build_page

Lines = tuple[tuple[str, str], ...]
_WIDTH = 100
_FOLD_AFTER = 30


@dataclass(frozen=True)
class Topic:
    """One part of what a spec means: a title, then words with a sentence each."""

    title: str
    lines: Lines


def describe(
    model: ModelFiles,
    features: Sequence[PlannedFeature],
    spans: Sequence[str],
    cut: tuple[datetime, Windows] | None,
) -> tuple[Topic, ...]:
    """Puts a spec into words; the topics that have a line."""
    spec = model.spec
    topics = (
        Topic(spec.description or "No description", _question(spec)),
        Topic("Data", _data(spec, spans)),
        Topic(
            f"Features ({len(features)})",
            tuple((f.name, f"{f.kind:8}  {_derived(f)}") for f in features),
        ),
        Topic("Values set to missing", tuple(("missing", r.null_if) for r in spec.rules)),
        Topic(f"Time, cut as of {format_instant(cut[0])}" if cut else "Time", _windows(cut)),
        Topic("Before anyone trains", _history(spec)),
        Topic("Before a challenger serves", _gates(spec)),
        Topic("Serving", _serving(spec)),
        Topic("Monitoring and retraining", _operation(spec)),
        Topic("Defaults accepted", accepted_defaults(spec, model.given)),
    )
    return tuple(topic for topic in topics if topic.lines)


def as_text(topics: Iterable[Topic]) -> str:
    """The topics as plain text, 100 columns wide."""
    text = []
    for topic in topics:
        width = max(len(word) for word, _ in topic.lines)
        fold = textwrap.TextWrapper(
            _WIDTH,
            subsequent_indent=" " * (width + 4),
            break_long_words=False,
            break_on_hyphens=False,
        )
        text.append(topic.title)
        for word, line in topic.lines:
            fold.initial_indent = f"  {word:{width}}  "
            text.append(fold.fill(line))
        text.append("")
    return "\n".join(text)


def as_html(title: str, sentence: str, topics: Iterable[Topic]) -> str:
    """The topics as one self-contained HTML file."""
    sections = []
    for topic in topics:
        caption = topic.title if len(topic.lines) > _FOLD_AFTER else ""
        table = Table(("what", "how"), topic.lines, caption=caption, fold_after=_FOLD_AFTER)
        sections.append(Section(topic.title, blocks=(table,)))
    return build_page(title, about=sentence, blocks=sections)


def accepted_defaults(spec: Spec, given: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The defaults that a spec accepts by not writing the fields: place and value, in its order.

    The items of a list share one place (``features[]``), with how many accepted the value.
    """
    return tuple(
        (place, f"{value} ({times} of them)" if "[]" in place else value)
        for (place, value), times in Counter(_left_out(spec, given, "")).items()
    )


def _question(spec: Spec) -> Lines:
    label, primary = spec.label, spec.data.primary
    reading = "is true"
    if label.greater_than is not None:
        reading = f"> {label.greater_than:g}"
    elif label.equals is not None:
        reading = f"= {label.equals}"
    return (
        ("model", spec.name),
        ("asked", f"at {primary.event_time} (UTC), once for each {', '.join(primary.key)}"),
        ("answer", f"{label.name}: {label.column} {reading}; yes from {label.threshold:g} on"),
        ("known", f"{format_duration(label.known_after)} after {primary.event_time}, not before"),
        *([("owner", spec.owner.team)] if spec.owner else []),
    )


def _data(spec: Spec, spans: Sequence[str]) -> Lines:
    primary = spec.data.primary
    there = f"{len(spans)} with data, {spans[0]} to {spans[-1]}" if spans else "none with data yet"
    return (
        ("primary", f"{primary.uri} ({primary.format}). {_terms(primary)}"),
        ("spans", f"one a {spec.data.span}; {there}"),
        ("later", f"known only later, never features: {', '.join(sorted(spec.never_features))}"),
        *((name, _external(source)) for name, source in spec.data.external.items()),
    )


def _external(source: External) -> str:
    joined = f"{source.uri} ({source.format}), joined on {', '.join(source.on)}"
    if source.event_time:
        delay = format_duration(source.known_after)
        joined += f": the newest row of which {source.event_time} was at least {delay} before"
    if source.max_age:
        joined += f", missing where older than {format_duration(source.max_age)}"
    return f"{joined}. {_terms(source)}"


def _terms(source: Primary | External) -> str:
    return f"Origin: {source.origin}; licence: {source.licence}"


def _derived(feature: PlannedFeature) -> str:
    read = ", ".join(feature.columns)
    if feature.derive is None:
        return read
    zone = f" in {feature.zone}" if "_of" in feature.derive else ""
    return f"{feature.derive}({read}){zone}"


def _windows(cut: tuple[datetime, Windows] | None) -> Lines:
    if cut is None:
        return (("nothing", "to cut: there is no data yet"),)
    windows = cut[1]
    watch, before = _days([windows.watch]), _days([windows.before])
    judged = f"by labels: {_days([windows.labelled])}, the newest of which all are due"
    if windows.labelled == windows.watch:
        judged = f"by labels: the same, its rows up to {format_instant(windows.labels_until)}"
    return (
        ("train", _days(windows.train)),
        ("recent", f"{_days(windows.recent)}: a challenger must be better here"),
        ("reference", f"{_days(windows.reference)}: no model ever trains on these"),
        ("monitored", f"{watch} of live predictions; before: {before}"),
        ("judged", judged),
    )


def _days(intervals: Sequence[TimeInterval]) -> str:
    if not intervals:
        return "nothing, the history is too short"
    total = sum((i.end - i.start for i in intervals), timedelta(0))
    pieces = "" if len(intervals) == 1 else f" in {len(intervals)} pieces"
    first, last = intervals[0].start, intervals[-1].end
    return f"{first:%Y-%m-%d} to {last:%Y-%m-%d} ({total / timedelta(days=1):g} days{pieces})"


def _history(spec: Spec) -> Lines:
    history = spec.history
    classes = f"{history.min_per_class:,} of each class"
    return (
        ("rows", f"{history.min_rows:,} labelled in {history.min_spans} spans, {classes}"),
        ("labels", f"{history.min_labelled:.0%} of the rows that are old enough have one"),
        ("newest", f"row at most {format_duration(history.max_age)} old"),
    )


def _gates(spec: Spec) -> Lines:
    gates = spec.gates
    slices = (f"each {s.by} with {s.min_rows:,} rows: {_floors(s.floors)}" for s in gates.slices)
    first = "may serve" if spec.first_model == "allowed" else "is refused (first_model)"
    return (
        ("floors", f"on both holdouts {_floors(gates.floors)}"),
        ("recent", f"against the champion: {_changes(gates.recent)}"),
        ("reference", f"against the champion: {_changes(gates.reference)}"),
        ("sure", f"by paired {gates.confidence:.0%} intervals that resample whole {gates.block}s"),
        *(("slices", text) for text in slices),
        *([("behaviour", f"every test of {gates.behaviour} passes")] if gates.behaviour else []),
        ("first", f"a model {first} while none serves"),
        ("approval", f"{gates.approval}"),
    )


def _floors(floors: Mapping[str, float]) -> str:
    return ", ".join(f"{name} not worse than {limit:g}" for name, limit in floors.items())


def _changes(changes: Mapping[str, Change]) -> str:
    return ", ".join(
        f"{name} not worse by {c.not_worse_by:g}" if isinstance(c, Margin) else f"{name} {c}"
        for name, c in changes.items()
    )


def _serving(spec: Spec) -> Lines:
    canary = spec.serving.canary
    steps = ", ".join(f"{share:.0%}" for share in canary.steps)
    return (
        ("target", spec.serving.target),
        ("canary", f"{steps} of the traffic, {canary.min_requests} requests each, then all of it"),
        ("log", spec.serving.log),
        ("audit", spec.serving.audit_uri),
    )


def _operation(spec: Spec) -> Lines:
    watch, retrain = spec.monitoring, spec.retraining
    every = watch.every if isinstance(watch.every, str) else format_duration(watch.every)
    limits = "learned"
    if not isinstance(watch.thresholds, str):
        limits = ", ".join(f"{name} {limit:g}" for name, limit in watch.thresholds.items())
    rows = f"insufficient below {watch.min_rows:,} labelled rows"
    most, period = retrain.max_per_period
    return (
        ("every", f"{every}; limits: {limits}; {rows}"),
        *_delay(spec),
        ("retrains", f"on {', '.join(retrain.on) or 'nothing'}; every other finding alerts"),
        ("at most", f"{most} times in {format_duration(period)}"),
        ("not within", f"{format_duration(retrain.cool_down)} of the last retraining"),
    )


def _delay(spec: Spec) -> Lines:
    """The lines for labels that come later than the next check."""
    late, known_after = label_lag(spec), spec.label.known_after
    if not late:
        return ()
    delay = format_duration(known_after)
    text = f"by labels: the window {late} before the monitored one, for labels take {delay}"
    if spec.retraining.cool_down >= known_after:
        return (("judged", text),)
    cool_down = format_duration(spec.retraining.cool_down)
    mind = (
        f"for {delay} a new model is judged by the answers of the one before it, which may start "
        f"another retraining after the cool-down of {cool_down}"
    )
    return (("judged", text), ("mind", mind))


def _left_out(part: SpecModel, given: object, place: str) -> Iterator[tuple[str, str]]:
    # A short form, such as a list, counts as the fields that it set.
    written = given if isinstance(given, Mapping) else dict.fromkeys(part.model_fields_set)
    plain = part.model_dump(mode="json", by_alias=True)
    for field, info in type(part).model_fields.items():
        name, value = info.alias or field, getattr(part, field)
        here = f"{place}.{name}" if place else name
        if name in written:
            yield from _inside(value, written[name], here)
        elif isinstance(value, SpecModel):
            yield from _left_out(value, {}, here)
        elif value is not None or "[]" not in here:
            yield here, _shown(plain[name])


def _inside(value: object, given: object, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, SpecModel):
        yield from _left_out(value, given, place)
    elif isinstance(value, tuple) and isinstance(given, list):
        for part, fields in zip(value, given, strict=False):
            yield from _inside(part, fields, f"{place}[]")
    elif isinstance(value, Mapping) and isinstance(given, Mapping):
        for name, part in value.items():
            yield from _inside(part, given.get(name), f"{place}.{name}")


def _shown(value: object) -> str:
    if value is None or value in ("", [], {}):
        return "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{k}: {_shown(v)}" for k, v in value.items())
    if isinstance(value, list):
        return ", ".join(_shown(v) for v in value)
    return str(value)
