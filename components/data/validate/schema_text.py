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
        for one in value if field.label == field.LABEL_REPEATED else [value]:
            lines.append(_line(field.name, one))
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


def _line(name: str, value: object) -> str:
    if hasattr(value, "DESCRIPTOR"):
        text = text_format.MessageToString(value, as_one_line=True, as_utf8=True)
        return f"{name} {{ {text} }}"
    holder = schema_pb2.Schema()
    setattr(holder, name, value)
    plain: str = text_format.MessageToString(holder, as_one_line=True)
    return plain
