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
        days: Days of data from 2024-01-01.
        seed: Of everything.
        moves_on: Day from which the log-odds of a stop rise by `moves_by`; None: never.
        moves_by: Added to the log-odds.
        turns_on: Day from which the effect of vibration is turned round; None: never.
        turns_off: Day on which that ends.
    """

    days: int = 60
    seed: int = 11
    moves_on: int | None = None
    moves_by: float = 1.2
    turns_on: int | None = None
    turns_off: int | None = None


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
    weight = -0.8 if _within(world, number) else 0.8
    logit = -2.6 + weight * (vibration - 3) + 0.0006 * (load_kw - 1_500) + 0.4 * site
    logit = logit - 1.0 * serviced + 0.2 * rng.standard_normal()
    logit = logit + (world.moves_by if _moved(world, number) else 0.0)
    stops = rng.random(n) < 1 / (1 + np.exp(-logit))
    return pd.DataFrame(
        {
            "turbine_id": rng.integers(1, 400, n),
            "read_at": start + pd.to_timedelta(seconds, unit="s"),
            "site": np.array(SITES)[site],
            "type_code": rng.integers(1, 6, n),
            "vibration": np.where(rng.random(n) < 0.03, np.nan, vibration),
            "load_kw": load_kw,
            "serviced": serviced,
            "stops": stops,
        }
    ).drop_duplicates(["turbine_id", "read_at"])


def _moved(world: World, number: int) -> bool:
    return world.moves_on is not None and number >= world.moves_on


def _within(world: World, number: int) -> bool:
    end = world.turns_off if world.turns_off is not None else world.days
    return world.turns_on is not None and world.turns_on <= number < end


def write_world(root: Path, world: World) -> None:
    """Writes one Parquet file a day below ``root/data``."""
    (root / "data").mkdir(parents=True, exist_ok=True)
    for number in range(world.days):
        day = FIRST_DAY + timedelta(days=number)
        day_of(world, number).to_parquet(root / "data" / f"{day:%Y-%m-%d}.parquet", index=False)


def spec_of(root: Path) -> dict[str, Any]:
    """The spec as a mapping, with every place below `root`."""
    return {
        "name": "turbines",
        "description": "Will this turbine stop within half a day?",
        "data": {
            "primary": {
                "uri": f"{root}/data/{{day}}.parquet",
                "event_time": "read_at",
                "key": ["turbine_id", "read_at"],
            },
        },
        "label": {"column": "stops", "name": "will_stop", "known_after": "12h"},
        "history": {"spans": 10, "rows": 2_000, "newest": "3d"},
        "split": {"recent": "6d"},
        "model": {"hidden": [16], "epochs": 3, "batch": 256},
        "gates": {"floors": {"auc": 0.6}, "resamples": 400},
        "serving": {
            "target": f"local://{root}/serving",
            "log": f"{root}/log",
            "canary": {"steps": ["50%"], "requests": 10, "deadline": "40s"},
        },
        "monitoring": {"every": "7d", "rows": 500},
        "retraining": {"cool_down": "7d", "most": "3 per 60d"},
        "first_model": "allowed",
    }


def write_model(root: Path, changes: Mapping[str, Any] | None = None, schema: str = SCHEMA) -> Path:
    """Writes the model's folder, with a few fields changed; its path is a `model` parameter."""
    folder = root / "model"
    folder.mkdir(parents=True, exist_ok=True)
    spec = merge(spec_of(root), changes or {})
    (folder / "model.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    (folder / "schema.pbtxt").write_text(schema)
    return folder
