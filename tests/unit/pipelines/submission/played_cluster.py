"""A Kubeflow Pipelines over real HTTP whose runs do what a test says."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.kfp_runs import Started
from tests.fakes.kfp_server import KfpApi, running

# Tells of a task: its name and state, when it started and ended (times of one day), more fields.
Say = Callable[..., None]


@dataclass
class Cluster:
    """A KFP whose runs do what `plays` says."""

    plays: list[Callable[[Say, Started], bool]] = field(default_factory=list)
    multi_user: bool = False

    def __post_init__(self) -> None:
        self.api = KfpApi(multi_user=self.multi_user, executor=self._execute)

    def _execute(self, started: Started) -> bool:
        row = self.api.store.get("runs", started.run_id)
        tasks: dict[tuple[str, str], dict[str, Any]] = {}

        def say(name: str, state: str, start: str = "12:00:00", end: str = "", **more: Any) -> None:
            task = {"display_name": name, "state": state, **more}
            task["start_time"] = f"2026-01-01T{start}Z"
            task["end_time"] = f"2026-01-01T{end}Z" if end else "1970-01-01T00:00:00Z"
            tasks[name, start] = task
            row["run_details"] = {"task_details": list(tasks.values())}

        return self.plays.pop(0)(say, started) if self.plays else True

    @contextmanager
    def serving(self) -> Iterator[str]:
        with running(api=self.api) as url:
            yield url
            self.api.runs.wait(10)

    def uploaded(self) -> dict[str, list[str]]:
        """Names of versions by their pipeline's."""
        store = self.api.store
        return {
            pipeline["name"]: [
                one["name"] for one in store.rows("versions", pipeline_id=pipeline["pipeline_id"])
            ]
            for pipeline in store.rows("pipelines")
        }

    def runs(self) -> list[dict[str, Any]]:
        return self.api.store.rows("runs")
