"""The spans that have data, found by the names of their files."""

import re
from datetime import datetime
from pathlib import PurePosixPath

from components.core import storage
from components.core.errors import InputError
from components.core.spans import Span, SpanKind, parse_instant, spans_between
from components.core.spec import Spec

_MARK = re.compile(r"\{(?:hour|day|month)\}")


def available_spans(spec: Spec, as_of: datetime) -> tuple[Span, ...]:
    """The spans with data that start before an instant, oldest first.

    Where the uri has no placeholder, one file holds all, and the spans are those from
    ``primary.start``.

    Raises:
        InputError: There is none.
    """
    primary = spec.data.primary
    if primary.placeholder is None:
        spans = _of_one_file(spec, as_of)
    else:
        spans = _of_files(primary.uri, primary.placeholder, spec.data.span)
    start = parse_instant(primary.start) if primary.start else None
    usable = [s for s in spans if s.start < as_of and (start is None or s.end > start)]
    if not usable:
        raise InputError(
            f"data.primary.uri: {primary.uri}",
            f"no file of a {spec.data.span} before {as_of:%Y-%m-%dT%H:%MZ}",
            "at least one",
            _do(primary.uri, spans),
        )
    return tuple(usable)


def span_of(path: str, template: str, mark: str, kind: SpanKind) -> Span | None:
    """The span that a file's path stands for; None where it is another kind of file.

    Args:
        path: The file's path.
        template: The path with placeholders, such as ``flights/{month}.parquet``.
        mark: The placeholder that names the span; another one only has to agree with it.
        kind: The length of the span.
    """
    pieces = [re.escape(piece) for piece in _MARK.split(template)]
    groups = (r"([^/]+)" for _ in pieces[1:])
    joined = pieces[0] + "".join(g + piece for g, piece in zip(groups, pieces[1:], strict=True))
    match = re.fullmatch(joined, path)
    if match is None:
        return None
    named = match.groups()[_MARK.findall(template).index(mark)]
    try:
        span = Span.named(kind, named)
    except ValueError:
        return None
    return span if path == _MARK.sub(lambda m: _name(m[0], span), template) else None


def _name(mark: str, span: Span) -> str:
    return Span.holding(SpanKind(mark.strip("{}")), span.start).name


def _of_files(uri: str, mark: str, kind: SpanKind) -> tuple[Span, ...]:
    _, template = storage.resolve(uri)
    paths = (storage.resolve(file)[1] for file in storage.list_files(_MARK.sub("*", uri)))
    spans = (span_of(path, template, mark, kind) for path in paths)
    return tuple(sorted((s for s in spans if s is not None), key=lambda s: s.start))


def _of_one_file(spec: Spec, as_of: datetime) -> tuple[Span, ...]:
    primary = spec.data.primary
    if not storage.exists(primary.uri):
        raise InputError(f"data.primary.uri: {primary.uri}", "no such file", "an existing file")
    assert primary.start is not None  # the spec asks for it where the uri has no span
    return spans_between(spec.data.span, parse_instant(primary.start), as_of)


def _do(uri: str, spans: tuple[Span, ...]) -> str:
    if spans:
        return f"The oldest that is there is {spans[0].name}; choose a later as_of."
    folder = PurePosixPath(_MARK.split(uri)[0]).as_posix()
    return f"Make the data, or mend the uri: nothing under {folder} has such a name."
