"""What a spec means, in words: a few topics of a few lines each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from components.core.plan import PlannedFeature, Windows
from components.core.spans import TimeInterval
from components.core.spec import External, Margin, Primary, Spec
from components.core.spec.training import Change
from components.core.units import format_duration
from components.ops.plan.windows import windows_late

Lines = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Topic:
    """One part of what a spec means.

    Attributes:
        title: What it is about.
        lines: Word and sentence; an empty word goes on with the one before.
    """

    title: str
    lines: Lines


def meaning(
    spec: Spec,
    features: Sequence[PlannedFeature],
    spans: Sequence[str],
    cut: tuple[str, Windows] | None,
    defaults: Lines,
) -> tuple[Topic, ...]:
    """Puts a spec into words.

    Args:
        spec: The spec.
        features: Its features, resolved.
        spans: The names of the spans with data; none where there is no data.
        cut: The instant and the windows at it; None where there is no data.
        defaults: Place and value of each accepted default.

    Returns:
        The topics, those without a line left out.
    """
    topics = (
        Topic(spec.description or "No description", _question(spec)),
        Topic("Data", _data(spec, spans)),
        Topic(f"Features ({len(features)})", _features(features)),
        Topic("Values refused", tuple(("missing", r.refuse_value) for r in spec.rules)),
        Topic(f"Time, cut as of {cut[0]}" if cut else "Time", _windows(cut)),
        Topic("Before anyone trains", _history(spec)),
        Topic("Before a challenger serves", _gates(spec)),
        Topic("Serving", _serving(spec)),
        Topic("Watching and retraining", _operation(spec)),
        Topic("Defaults accepted", defaults),
    )
    return tuple(topic for topic in topics if topic.lines)


def _question(spec: Spec) -> Lines:
    label, primary = spec.label, spec.data.primary
    reading = "is true"
    if label.greater_than is not None:
        reading = f"> {label.greater_than:g}"
    elif label.equals is not None:
        reading = f"= {label.equals}"
    owner = (("owner", spec.owner.team),) if spec.owner else ()
    return (
        ("model", spec.name),
        ("asked", f"at {primary.event_time} (UTC), once for each {', '.join(primary.key)}"),
        ("answer", f"{label.name}: {label.column} {reading}; yes from {label.threshold:g} on"),
        ("known", f"{format_duration(label.known_after)} after {primary.event_time}, not before"),
        *owner,
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


def _features(features: Sequence[PlannedFeature]) -> Lines:
    return tuple((f.name, f"{f.kind:8}  {_derived(f)}") for f in features)


def _derived(feature: PlannedFeature) -> str:
    read = ", ".join(feature.columns)
    if feature.derive is None:
        return read
    zone = f" in {feature.zone}" if "_of" in feature.derive else ""
    return f"{feature.derive}({read}){zone}"


def _windows(cut: tuple[str, Windows] | None) -> Lines:
    if cut is None:
        return (("nothing", "is cut, for no data is there yet"),)
    windows = cut[1]
    watch, before = _days([windows.watch]), _days([windows.before])
    return (
        ("train", _days(windows.train)),
        ("recent", f"{_days(windows.recent)}: a challenger must be better here"),
        ("reference", f"{_days(windows.reference)}: no model ever trains on these"),
        ("watch", f"{watch} of live predictions; before: {before}"),
        ("judged", _judged(windows)),
    )


def _judged(windows: Windows) -> str:
    if windows.labelled == windows.watch:
        return f"by labels: the same, its rows up to {windows.labels_until}"
    return f"by labels: {_days([windows.labelled])}, the newest of which all are due"


def _days(intervals: Sequence[TimeInterval]) -> str:
    if not intervals:
        return "nothing, the history is too short"
    total = sum((i.end - i.start for i in intervals), timedelta(0))
    pieces = "" if len(intervals) == 1 else f" in {len(intervals)} pieces"
    first, last = intervals[0].start, intervals[-1].end
    return f"{first:%Y-%m-%d} to {last:%Y-%m-%d} ({total / timedelta(days=1):g} days{pieces})"


def _history(spec: Spec) -> Lines:
    history = spec.history
    return (
        (
            "rows",
            f"{history.rows:,} labelled in {history.spans} spans, "
            f"{history.positives:,} of each class",
        ),
        ("labels", f"{history.labelled:.0%} of the rows that are old enough have one"),
        ("newest", f"row at most {format_duration(history.newest)} old"),
    )


def _gates(spec: Spec) -> Lines:
    gates = spec.gates
    slices = (f"each {s.by} with {s.rows:,} rows: {_floors(s.floors)}" for s in gates.slices)
    behaviour = (
        (("behaviour", f"every test of {gates.behaviour} passes"),) if gates.behaviour else ()
    )
    first = "may serve" if spec.first_model == "allowed" else "is refused (first_model)"
    return (
        ("floors", f"on both holdouts {_floors(gates.floors)}"),
        ("recent", f"against the champion: {_changes(gates.recent)}"),
        ("reference", f"against the champion: {_changes(gates.reference)}"),
        ("sure", f"by paired {gates.confidence:.0%} intervals that resample whole {gates.block}s"),
        *(("slices", text) for text in slices),
        *behaviour,
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
        ("canary", f"{steps} of the traffic, {canary.requests} requests each, then all of it"),
        ("log", spec.serving.log),
        ("audit", spec.serving.audit_uri),
    )


def _operation(spec: Spec) -> Lines:
    watch, retrain = spec.monitoring, spec.retraining
    every = watch.every if isinstance(watch.every, str) else format_duration(watch.every)
    limits = watch.limits if isinstance(watch.limits, str) else _limits(watch.limits)
    most, period = retrain.budget
    return (
        ("every", f"{every}; limits: {limits}; insufficient below {watch.rows:,} labelled rows"),
        *_delay(spec),
        ("retrains", f"on {', '.join(retrain.on) or 'nothing'}; every other finding alerts"),
        ("at most", f"{most} times in {format_duration(period)}"),
        ("not within", f"{format_duration(retrain.cool_down)} of the last retraining"),
    )


def _delay(spec: Spec) -> Lines:
    """What it means that labels come later than the next check."""
    late, known_after = windows_late(spec), spec.label.known_after
    if not late:
        return ()
    delay = format_duration(known_after)
    text = f"by labels: the window {late} before the one watched, for labels take {delay}"
    if spec.retraining.cool_down >= known_after:
        return (("judged", text),)
    cool_down = format_duration(spec.retraining.cool_down)
    mind = (
        f"for {delay} a new model is judged by the answers of the one before it, which may start "
        f"another retraining after the cool-down of {cool_down}"
    )
    return (("judged", text), ("mind", mind))


def _limits(limits: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {limit:g}" for name, limit in limits.items())
