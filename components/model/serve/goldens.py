"""The warm-up: a model answers its golden rows as it did where it was made, or never serves."""

from collections.abc import Callable

import numpy as np

from components.core.artifacts import Golden
from components.core.errors import InputError
from components.model.serve.columns import Columns, Contract, Given
from components.model.serve.prediction import Prediction
from components.model.serve.refusal import NetworkFailed

_WHERE = "golden.json"


def check_goldens(
    golden: Golden, contract: Contract, network: Callable[[Columns], Prediction]
) -> float:
    """Predicts the golden rows, together and then the first alone.

    Returns:
        The largest difference of a probability, at most the tolerance.

    Raises:
        InputError: There are none, they do not fit the model, or an answer differs.
    """
    rows = len(golden.probability)
    ragged = [name for name, cells in golden.columns.items() if len(cells) != rows]
    if rows == 0 or ragged:
        raise InputError(_WHERE, f"{rows} rows; other lengths: {ragged}", "a model's golden rows")
    try:
        together = network(_columns(golden, contract, rows))
        alone = network(_columns(golden, contract, 1))
    except NetworkFailed as error:
        raise InputError(_WHERE, str(error), "rows that the model answers") from error
    return max(_difference(golden, together), _difference(golden, alone))


def _columns(golden: Golden, contract: Contract, rows: int) -> Columns:
    read = {name: Given(cells[:rows]) for name, cells in golden.columns.items()}
    return contract.read({n: g for n, g in read.items() if n in contract.kinds}, rows)


def _difference(golden: Golden, answer: Prediction) -> float:
    probability = np.array(golden.probability[: len(answer.probability)])
    differences = np.abs(answer.probability.astype(np.float64) - probability)
    row = int(differences.argmax())
    if not differences[row] <= golden.tolerance:
        accepted = f"{golden.probability[row]!r} within {golden.tolerance!r}"
        do = "The model answers otherwise than where it was made: it must not serve."
        raise InputError(f"{_WHERE}, row {row}", float(answer.probability[row]), accepted, do)
    return float(differences[row])
