"""The closed grammar of value rules: ``[abs](source | change(source, by=column)) op number``."""

import ast
from dataclasses import dataclass
from typing import Literal

Operator = Literal["<", "<=", ">", ">="]
_COMPARISONS: dict[type[ast.cmpop], Operator] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_ACCEPTED = "`source > number`, with abs(...) or change(source, by=column) around the source"


@dataclass(frozen=True)
class ValueRule:
    """A parsed rule.

    Attributes:
        text: The rule as written.
        source: The column it judges, such as ``weather.temp``.
        change: Whether the change from the last accepted value is judged, not the value.
        by: The column that separates one series from another, for a change.
        absolute: Whether the sign is dropped first.
        comparison: How it is compared with `limit`.
        limit: The number beyond which a value is refused.
    """

    text: str
    source: str
    change: bool
    by: str | None
    absolute: bool
    comparison: Operator
    limit: float

    @property
    def table(self) -> str | None:
        """The external source that the column belongs to; None for the primary table."""
        return self.source.partition(".")[0] if "." in self.source else None

    @property
    def column(self) -> str:
        """The column's name in its own table."""
        return self.source.rpartition(".")[2]


def parse_rule(text: str) -> ValueRule:
    """Parses a rule; nothing of it is ever evaluated as code.

    Raises:
        ValueError: The text is not of the grammar.
    """
    try:
        node = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise ValueError(_ACCEPTED) from error
    if not isinstance(node, ast.Compare) or len(node.ops) != 1:
        raise ValueError(f"one comparison, {_ACCEPTED}")
    comparison = _COMPARISONS.get(type(node.ops[0]))
    if comparison is None:
        raise ValueError(f"one of <, <=, > and >=, as in {_ACCEPTED}")
    inside = _call(node.left, "abs")
    absolute = inside is not None and len(inside.args) == 1
    value = inside.args[0] if inside and absolute else node.left
    value, change, by = _change(value)
    return ValueRule(text, _source(value), change, by, absolute, comparison, _number(node))


def _call(node: ast.expr, function: str) -> ast.Call | None:
    """The node as a call of the function; None if it is not one."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function:
        return node
    return None


def _change(node: ast.expr) -> tuple[ast.expr, bool, str | None]:
    call = _call(node, "change")
    if call is None:
        return node, False, None
    by = {k.arg: k.value for k in call.keywords}
    if len(call.args) != 1 or set(by) - {"by"}:
        raise ValueError(f"change(source, by=column), as in {_ACCEPTED}")
    return call.args[0], True, _source(by["by"]) if by else None


def _source(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f"{node.value.id}.{node.attr}"
    raise ValueError(f"a source column on the left, as in {_ACCEPTED}")


def _number(node: ast.Compare) -> float:
    try:
        return float(ast.literal_eval(node.comparators[0]))
    except (ValueError, TypeError) as error:
        raise ValueError(f"a number on the right, as in {_ACCEPTED}") from error
