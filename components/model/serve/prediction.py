"""What a model answers."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answers to the rows of a request.

    Attributes:
        probability: float32 [n], of the positive class.
        predicted: int64 [n], the class.
    """

    probability: npt.NDArray[np.float32]
    predicted: npt.NDArray[np.int64]

    def part(self, start: int, end: int) -> "Prediction":
        """The answers to the rows from `start` to before `end`."""
        return Prediction(self.probability[start:end], self.predicted[start:end])
