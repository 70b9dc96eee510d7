"""Columns that a candidate reads otherwise than its champion: why it may refuse requests."""

from components.core import storage
from components.core.artifacts import MODEL_CARD, ModelCard
from components.core.errors import InputError
from components.core.verdict import Finding, Severity, finding
from components.ops.deploy.deployment import Deployment


def find_column_changes(deployment: Deployment) -> Finding | None:
    """Compares the columns of both versions; None if they are the same or cannot be read."""
    if deployment.champion is None:
        return None
    try:
        ours, theirs = (_card(uri) for uri in (deployment.uri, deployment.champion.uri))
    except (InputError, OSError):  # an explanation is no reason to fail
        return None
    reads, read = ({column.name for column in card.columns} for card in (ours, theirs))
    new, gone = sorted(reads - read), sorted(read - reads - {*ours.key, ours.event_time})
    if not new and not gone:
        return None
    parts = [f"requires {', '.join(new)}, which the champion does not read"] if new else []
    parts += [f"refuses {', '.join(gone)}, which the champion reads"] if gone else []
    sentence = (
        f"The candidate {' and '.join(parts)}: clients that send the champion's columns are "
        "refused. Change the clients first, or keep the columns."
    )
    found, expected = ", ".join(sorted(reads)), ", ".join(sorted(read))
    return finding("other_columns", Severity.WARN, "columns", found, expected, sentence)


def _card(folder: str) -> ModelCard:
    file = f"{folder.rstrip('/')}/{MODEL_CARD}"
    return ModelCard.parse(storage.read_bytes(file), file, "a model card")
