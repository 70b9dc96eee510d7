"""A second table, generated: daily spans, a boolean label, no outside source, other types.

Nothing in Ratoon knows about it; it runs by the spec that is written here alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from components.core.spec.load import merge

NAME = "turbines"
FIRST_DAY = datetime(2024, 1, 1, tzinfo=UTC)
ROWS_A_DAY = 500
SITES = ("north", "south", "fjord", "plain")

SCHEMA = """\
feature { name: "read_at" type: INT presence { min_fraction: 1.0 } }
feature { name: "site" type: BYTES presence { min_fraction: 1.0 }
  string_domain { value: "north" value: "south" value: "fjord" value: "plain" } }
feature { name: "type_code" type: INT int_domain { is_categorical: true } }
feature { name: "vibration" type: FLOAT presence { min_fraction: 0.9 } }
feature { name: "load_kw" type: INT presence { min_fraction: 1.0 } }
feature { name: "serviced" type: INT int_domain { min: 0 max: 1 } }
feature { name: "will_stop" type: INT int_domain { min: 0 max: 1 } }
"""


@dataclass(frozen=True)
class World:
    """How the turbines behave.

    Attributes:
        days: Days of data from 2024-01-01, a Monday.
        seed: Of everything.
        moves: Day from which, and by how much, the log-odds of a stop differ from the start.
        turns_on: Day from which the effect of vibration is turned round; None: never.
        turns_off: Day on which that ends.
        shuffled: Days whose labels are dealt out anew among their rows.
        silent_from: Day from which nobody writes down whether a turbine stopped.
    """

    days: int = 63
    seed: int = 11
    moves: tuple[tuple[int, float], ...] = ()
    turns_on: int | None = None
    turns_off: int | None = None
    shuffled: frozenset[int] = frozenset()
    silent_from: int | None = None

    def moved_by(self, number: int) -> float:
        """What is added to the log-odds on a day."""
        return ([0.0] + [by for day, by in self.moves if day <= number])[-1]

    def is_turned(self, number: int) -> bool:
        """Whether vibration has the other effect on a day."""
        end = self.turns_off if self.turns_off is not None else self.days
        return self.turns_on is not None and self.turns_on <= number < end


def day(number: int) -> str:
    """The instant at which a day begins, as a run's `as_of`."""
    return f"{FIRST_DAY + timedelta(days=number):%Y-%m-%d}"


def day_of(world: World, number: int) -> pd.DataFrame:
    """The readings of one day; the same world gives the same day."""
    rng = np.random.default_rng((world.seed, number))
    n = ROWS_A_DAY
    seconds = np.sort(rng.integers(0, 86_400, n))
    start = pd.Timestamp(FIRST_DAY + timedelta(days=number))
    vibration = rng.gamma(2.0, 1.5, n)
    load_kw = rng.integers(100, 3_000, n)
    site = rng.integers(0, len(SITES), n)
    serviced = rng.random(n) < 0.3
    weight = -0.8 if world.is_turned(number) else 0.8
    logit = -2.6 + weight * (vibration - 3) + 0.0006 * (load_kw - 1_500) + 0.4 * site
    logit = logit - 1.0 * serviced + world.moved_by(number)
    stops = rng.random(n) < 1 / (1 + np.exp(-logit))
    stops = rng.permutation(stops) if number in world.shuffled else stops
    known = world.silent_from is None or number < world.silent_from
    table = pd.DataFrame(
        {
            "turbine_id": rng.integers(1, 400, n),
            "read_at": start + pd.to_timedelta(seconds, unit="s"),
            "site": np.array(SITES)[site],
            "type_code": rng.integers(1, 6, n),
            "vibration": np.where(rng.random(n) < 0.03, np.nan, vibration),
            "load_kw": load_kw,
            "serviced": serviced,
            "stops": pd.array(stops if known else [pd.NA] * n, dtype="boolean"),
        }
    )
    return table.drop_duplicates(["turbine_id", "read_at"])


def days_of(world: World, start: int, end: int) -> pd.DataFrame:
    """The readings of some days as a caller knows them: without the label."""
    table = pd.concat([day_of(world, number) for number in range(start, end)])
    return table.drop(columns="stops")


def day_file(root: Path, number: int) -> Path:
    """Where the readings of a day are."""
    return root / "data" / f"{day(number)}.parquet"


def write_world(root: Path, world: World) -> None:
    """Writes one Parquet file a day below ``root/data``."""
    (root / "data").mkdir(parents=True, exist_ok=True)
    for number in range(world.days):
        day_of(world, number).to_parquet(day_file(root, number), index=False)


def spec_of(root: Path, target: str) -> dict[str, Any]:
    """The spec as a mapping, with every place below `root`."""
    return {
        "name": NAME,
        "description": "Will this turbine stop within half a day?",
        "data": {
            "primary": {
                "uri": f"{root}/data/{{day}}.parquet",
                "event_time": "read_at",
                "key": ["turbine_id", "read_at"],
            },
        },
        "label": {"column": "stops", "name": "will_stop", "known_after": "12h"},
        "history": {"min_spans": 10, "min_rows": 2_000, "max_age": "3d"},
        "split": {"recent": "6d", "reference": "every 3rd week"},
        "model": {"hidden": [16], "max_epochs": 3, "batch_size": 256},
        "gates": {
            "floors": {"auc": 0.6},
            "reference": {"auc": {"not_worse_by": 0.02}},
            "resamples": 400,
        },
        "serving": {
            "target": target,
            "log": f"{root}/log",
            "canary": {
                "steps": ["50%"],
                "min_requests": 20,
                "timeout": "60s",
                "max_latency_ratio": 20,
                "max_p99": "20s",
                "max_prediction_shift": 0.4,
            },
        },
        "monitoring": {"every": "7d", "min_rows": 500},
        "retraining": {"cool_down": "10d", "budget": "3 per 60d"},
        "first_model": "allowed",
    }


def write_model(
    folder: Path, spec: Mapping[str, Any], changes: Mapping[str, Any] | None = None
) -> Path:
    """Writes a model's folder, with a few fields changed; its path is a `model` parameter."""
    folder.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(merge(spec, changes or {}), sort_keys=False)
    (folder / "model.yaml").write_text(text)
    (folder / "schema.pbtxt").write_text(SCHEMA)
    return folder
