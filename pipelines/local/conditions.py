"""Whether a `dsl.If` block runs.

kfp 2.17's local evaluation finds only outputs that are called `Output`; it reads any other name as
a parameter of the pipeline, does not find it, and answers no. Here the values come from the
block's own declared inputs.
"""

from collections.abc import Mapping
from types import SimpleNamespace

from components.core.errors import RunError

# The compiler writes the common expression language; these are the words it uses of it.
_TO_PYTHON = (("&&", " and "), ("||", " or "), ("!(", " not ("))
_WORDS = {"true": True, "false": False, "null": None, "int": int, "double": float}


def holds(condition: str, values: Mapping[str, object]) -> bool:
    """Evaluates the condition of a block.

    Args:
        condition: What the compiler wrote, such as `inputs.parameter_values['x'] == 'y'`.
        values: The block's resolved inputs.

    Raises:
        RunError: The condition cannot be evaluated; skipping the block would hide that.
    """
    expression = condition
    for theirs, ours in _TO_PYTHON:
        expression = expression.replace(theirs, ours)
    inputs = SimpleNamespace(parameter_values=values)
    names: dict[str, object] = {"__builtins__": {}, "inputs": inputs, **_WORDS}
    try:
        # The document it comes from names the commands to run, so it is trusted already.
        return bool(eval(expression.strip(), names))  # noqa: S307
    except (ArithmeticError, LookupError, NameError, SyntaxError, TypeError, ValueError) as error:
        raise RunError(f"the condition {condition!r} cannot be evaluated: {error!r}") from error
