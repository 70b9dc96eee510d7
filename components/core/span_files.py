"""The files of the primary table, one a span, by the placeholders of its URI."""

import re
from contextlib import suppress

from components.core import storage
from components.core.spans import Span, SpanKind
from components.core.spec.data import PLACEHOLDERS

_MARK = re.compile("|".join(map(re.escape, PLACEHOLDERS)))


def uri_of(template: str, span: Span) -> str:
    """The file of a span: every placeholder replaced by the hour, day or month it starts in."""
    return _MARK.sub(lambda mark: Span.containing(PLACEHOLDERS[mark[0]], span.start).name, template)


def existing_spans(uri: str, kind: SpanKind) -> tuple[Span, ...]:
    """The spans whose file, folder or glob is there, oldest first; other names are passed over."""
    uri = uri.rstrip("/")
    _, template = storage.resolve(uri)
    pattern = re.compile("([^/]+)".join(map(_matching, _MARK.split(template))))
    spans = set()
    for file in storage.list_files(_MARK.sub("*", uri)):
        _, path = storage.resolve(file)
        match = pattern.fullmatch(path)
        for name in match.groups() if match else ():
            with suppress(ValueError):
                span = Span.parse(kind, name)
                if re.fullmatch(_matching(uri_of(template, span)), path):
                    spans.add(span)
    return tuple(sorted(spans, key=lambda span: span.start))


def _matching(glob: str) -> str:
    """The regular expression of a glob of ``*`` and ``?``; brackets are letters."""
    return re.escape(glob).replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
