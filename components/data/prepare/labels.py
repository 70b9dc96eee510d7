"""Labels: how the answer is read from a column, and from when on it is known."""

import pyarrow as pa
import pyarrow.compute as pc

from components.core.errors import InputError
from components.core.spec import FeatureKind, Label
from components.data.prepare.columns import typed


def read_labels(column: pa.ChunkedArray, known: pa.Array, label: Label) -> pa.Array:
    """Reads the answers.

    Args:
        column: The label's source column.
        known: bool, shape [rows]: whether the answer exists by the instant of the plan.
        label: How it is read.

    Returns:
        int8, 0 or 1; null where the column is null or the answer does not exist yet.

    Raises:
        InputError: The column does not hold what the spec says.
    """
    answers = _answers(column, label).cast(pa.int8())
    return pc.if_else(known, answers, pa.scalar(None, pa.int8()))


def _answers(column: pa.ChunkedArray, label: Label) -> pa.Array:
    where = f"label.column: {label.column}"
    if label.greater_than is not None:
        return pc.greater(typed(column, FeatureKind.NUMBER, where), label.greater_than)
    if isinstance(label.equals, str):
        return pc.equal(typed(column, FeatureKind.CATEGORY, where), label.equals)
    if label.equals is not None:
        return pc.equal(typed(column, FeatureKind.NUMBER, where), float(label.equals))
    return _plain(column, where)


def _plain(column: pa.ChunkedArray, where: str) -> pa.Array:
    numbers = typed(column, FeatureKind.NUMBER, where)
    strange = pc.filter(numbers, pc.invert(pc.is_in(numbers, pa.array([0.0, 1.0, None]))))
    if len(strange):
        accepted = "only true and false, or 0 and 1"
        raise InputError(where, strange[0].as_py(), accepted, "Or say greater_than or equals.")
    return numbers
