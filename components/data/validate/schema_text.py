"""A schema as text that is read in review: one line a column, comments on top kept."""

import difflib

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2


def format_schema(schema: schema_pb2.Schema, comment: str = "") -> str:
    """Writes a schema, each field of it on one line.

    Args:
        schema: The schema.
        comment: Lines that begin with ``#``, put on top.
    """
    lines = []
    for field, value in schema.ListFields():
        repeated = field.label == field.LABEL_REPEATED
        for one in value if repeated else [value]:
            holder = schema_pb2.Schema(**{field.name: [one] if repeated else one})
            lines.append(text_format.MessageToString(holder, as_one_line=True, as_utf8=True))
    return comment + "\n".join(lines) + "\n"


def comment_of(text: str) -> str:
    """The comment lines on top of a schema's text."""
    lines = text.splitlines(keepends=True)
    end = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return "".join(lines[:end])


def difference(committed: str, proposed: str, name: str) -> str:
    """A unified diff; empty where the texts are equal."""
    pair = committed.splitlines(keepends=True), proposed.splitlines(keepends=True)
    return "".join(difflib.unified_diff(*pair, f"{name} (committed)", f"{name} (from the data)"))
