"""Checks a spec, and explains it, before any pipeline runs."""

from datetime import datetime

from components.core.errors import InputError
from components.core.spans import Span
from components.core.spec import Spec
from components.ops.plan.describe import as_text, describe
from components.ops.plan.instant import resolve_as_of
from components.ops.plan.model_files import load_model
from components.ops.plan.windows import available_spans, split_windows


def check_spec(model: str, overlay: str = "") -> Spec:
    """The spec of a model, if it and every file that it names can be used.

    The arguments are those of `load_model`.

    Raises:
        InputError: The spec, its schema or a file that it names cannot be used.
    """
    loaded = load_model(model, overlay)
    loaded.signature()
    return loaded.spec


def explain_spec(model: str, overlay: str = "", as_of: str = "") -> str:
    """What a spec means, as text; data that does not exist yet is no error.

    Time is cut at `as_of`, or at the end of the data.

    Raises:
        InputError: The spec, its schema or a file that it names cannot be used.
    """
    loaded = load_model(model, overlay)
    signature, instant = loaded.signature(), resolve_as_of(as_of)
    spans = _spans(loaded.spec, instant)
    if spans and not as_of:
        instant = min(instant, spans[-1].end)
    cut = (instant, split_windows(loaded.spec, spans, instant)) if spans else None
    names = tuple(span.name for span in spans)
    return as_text(describe(loaded, signature.features, names, cut))


def _spans(spec: Spec, instant: datetime) -> tuple[Span, ...]:
    try:
        return available_spans(spec, instant)
    except InputError:
        return ()
