"""Requests that arrive in one turn of the event loop are answered by one call of the network."""

import asyncio
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from components.core.errors import RatoonError
from components.model.serve.columns import Columns
from components.model.serve.prediction import Prediction

_Waiting = tuple[Columns, "asyncio.Future[Prediction]"]


class Batcher:
    """Collects requests without a timer: a request that is alone waits for nothing.

    Args:
        network: Predicts; called on the event loop, because a hop to a thread costs more.
        most_rows: The most rows of one call; a larger request is a call of its own.
    """

    def __init__(self, network: Callable[[Columns], Prediction], most_rows: int) -> None:
        self._network, self._most_rows = network, most_rows
        self._waiting: list[_Waiting] = []

    def predict(self, columns: Columns) -> "asyncio.Future[Prediction]":
        """The answer to a request, after this turn of the event loop."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Prediction] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._flush)
        self._waiting.append((columns, future))
        return future

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        for group in _groups(waiting, self._most_rows):
            if len(group) == 1 or not self._answer_together(group):
                for columns, future in group:
                    self._answer(columns, future)

    def _answer_together(self, group: Sequence[_Waiting]) -> bool:
        try:
            answer = self._network(join([columns for columns, _ in group]))
        except RatoonError:
            return False  # each is asked alone, so that only the one to blame fails
        start = 0
        for columns, future in group:
            if not future.done():
                future.set_result(answer.part(start, start + columns.rows))
            start += columns.rows
        return True

    def _answer(self, columns: Columns, future: "asyncio.Future[Prediction]") -> None:
        if future.done():
            return
        try:
            future.set_result(self._network(columns))
        except RatoonError as error:
            future.set_exception(error)


def join(parts: Sequence[Columns]) -> Columns:
    """The rows of several requests, one after the other, as the network reads them."""
    return Columns(
        rows=sum(part.rows for part in parts),
        numbers=np.concatenate([part.numbers for part in parts], axis=1),
        categories=np.concatenate([part.categories for part in parts], axis=1),
        instants=np.concatenate([part.instants for part in parts], axis=1),
        carried={},
    )


def _groups(waiting: Sequence[_Waiting], most_rows: int) -> Iterator[list[_Waiting]]:
    group: list[_Waiting] = []
    rows = 0
    for columns, future in waiting:
        if group and rows + columns.rows > most_rows:
            yield group
            group, rows = [], 0
        group.append((columns, future))
        rows += columns.rows
    if group:
        yield group
