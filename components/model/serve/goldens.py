"""The warm-up: a model answers its golden rows as it did where it was made, or never serves."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np

from components.core.artifacts import Golden
from components.core.errors import InputError
from components.model.serve.columns import Columns, Contract, Given
from components.model.serve.prediction import Prediction
from components.model.serve.refusal import NetworkFailed

_WHERE = "golden.json"


@dataclass(frozen=True)
class Goldens:
    """Golden rows as requests: all together, and the first alone."""

    golden: Golden
    batches: tuple[Columns, Columns]

    @classmethod
    def of(cls, golden: Golden, contract: Contract) -> Self:
        """The golden rows of a model.

        Raises:
            InputError: There are none, or they do not fit the model.
        """
        rows = len(golden.probability)
        ragged = [name for name, cells in golden.columns.items() if len(cells) != rows]
        if rows == 0 or ragged:
            given = f"{rows} rows; columns of another length: {ragged}"
            raise InputError(_WHERE, given, "a model's golden rows")
        return cls(golden, (_columns(golden, contract, rows), _columns(golden, contract, 1)))

    def difference(self, network: Callable[[Columns], Prediction]) -> float:
        """Predicts the golden rows.

        Returns:
            The largest difference of a probability, at most the tolerance.

        Raises:
            InputError: An answer differs by more, or there is none.
        """
        try:
            return max(_difference(self.golden, network(columns)) for columns in self.batches)
        except NetworkFailed as error:
            raise InputError(_WHERE, str(error), "rows that the model answers") from error


def _columns(golden: Golden, contract: Contract, rows: int) -> Columns:
    read = {n: Given(cells[:rows]) for n, cells in golden.columns.items() if n in contract.kinds}
    return contract.read(read, rows)


def _difference(golden: Golden, answer: Prediction) -> float:
    probability = np.array(golden.probability[: len(answer.probability)])
    differences = np.abs(answer.probability.astype(np.float64) - probability)
    row = int(differences.argmax())
    if not differences[row] <= golden.tolerance:
        accepted = f"{golden.probability[row]!r} within {golden.tolerance!r}"
        do = "The model answers otherwise than where it was made: it must not serve."
        raise InputError(f"{_WHERE}, row {row}", float(answer.probability[row]), accepted, do)
    return float(differences[row])
