import asyncio

import numpy as np
import pytest

from components.model.saved_model import InferenceError, Predictions
from components.model.serve.input_schema import InputColumns
from components.model.serve.runtime import Batcher


class Recording:
    """A model that answers with its first number and remembers its calls."""

    def __init__(self):
        self.calls = []

    def __call__(self, columns):
        self.calls.append(columns.rows)
        if (columns.numbers < 0).any():
            raise InferenceError("negative")
        return Predictions(columns.numbers[0].astype(np.float32), columns.categories[0] == "yes")


def columns(*numbers):
    rows = len(numbers)
    return InputColumns(
        rows,
        np.array([numbers], dtype=np.float64),
        np.array([["yes"] * rows], dtype=object),
        np.zeros((0, rows), dtype=np.int64),
        {},
    )


def ask(batcher, *requests):
    async def all_at_once():
        futures = [batcher.predict(columns(*request)) for request in requests]
        return await asyncio.gather(*futures, return_exceptions=True)

    return asyncio.run(all_at_once())


@pytest.mark.parametrize(
    ("requests", "calls"),
    [
        ([(1,)], [1]),
        ([(1,), (2, 3), (4,)], [4]),
        ([(1, 2, 3), (4, 5, 6), (7,)], [3, 4]),
        ([(1,) * 9, (2,)], [9, 1]),
    ],
)
def test_one_turn_is_one_call_up_to_the_cap(requests, calls):
    model = Recording()
    answers = ask(Batcher(model, max_rows=5), *requests)
    assert model.calls == calls
    assert [a.probability.tolist() for a in answers] == [list(r) for r in requests]
    assert all(a.predicted.all() for a in answers)


def test_a_cancelled_request_is_not_asked():
    async def cancel_the_first():
        batcher = Batcher(model, max_rows=5)
        first, second = batcher.predict(columns(1, 2)), batcher.predict(columns(3))
        first.cancel()
        return await second

    model = Recording()
    assert asyncio.run(cancel_the_first()).probability.tolist() == [3]
    assert model.calls == [1]


def test_only_the_request_to_blame_fails():
    model = Recording()
    answers = ask(Batcher(model, max_rows=100), (1,), (2, -1), (3,))
    assert model.calls == [4, 1, 2, 1]
    assert isinstance(answers[1], InferenceError)
    assert [answers[0].probability.tolist(), answers[2].probability.tolist()] == [[1], [3]]
