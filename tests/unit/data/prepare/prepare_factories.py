"""Small plans and files for the tests of prepare."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components.core.artifacts import ModelColumn
from components.core.plan import Plan, Purpose, Windows
from components.core.spans import TimeInterval, parse_instant, spans_between
from components.core.spec import load_spec

SPEC = """
name: rides
data:
  primary:
    uri: {folder}/rides/{{day}}.parquet
    event_time: at
    key: [ride, at]
    known_later: [minutes]
    origin: a hire shop
    licence: ours
  external:
    weather:
      uri: {folder}/weather.parquet
      on: [place]
      event_time: seen
      known_after: 1h
      max_age: 3h
      origin: a window
      licence: none
    bikes: {{uri: {folder}/bikes.parquet, on: [bike]}}
  prepared: {folder}/cache
label: {{column: minutes, greater_than: 15, name: late, known_after: 6h}}
features:
  - {{name: place}}
  - {{name: km}}
  - {{name: temp, from: weather.temp}}
  - {{name: gears, from: bikes.gears}}
rules:
  - {{null_if: weather.temp > 50}}
  - {{null_if: km < 0}}
"""
COLUMNS = (
    ModelColumn(name="place", source="place", kind="category"),
    ModelColumn(name="km", source="km", kind="number"),
    ModelColumn(name="weather_temp", source="weather.temp", kind="number"),
    ModelColumn(name="bikes_gears", source="bikes.gears", kind="number"),
)
RECENT = "2024-01-03"


def at(text: str) -> datetime:
    """An instant of January 2024, such as ``01 08:30``."""
    return datetime.strptime(f"2024-01-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC)


def plan_of(folder: Path, as_of: str = "2024-01-04", text: str = SPEC, columns=COLUMNS) -> Plan:
    """A plan over daily spans from 1 January; 3 January is the recent holdout."""
    spec = load_spec(text.format(folder=folder))
    end, start, recent = parse_instant(as_of), parse_instant("2024-01-01"), parse_instant(RECENT)
    spans = spans_between(spec.data.span, start, end)
    return Plan(
        purpose=Purpose.TRAIN,
        spec=spec,
        as_of=end,
        version="v1",
        spans=tuple(span.name for span in spans),
        columns=columns,
        features=(),
        windows=Windows(
            train=(TimeInterval(start=start, end=recent - timedelta(hours=12)),),
            recent=(TimeInterval(start=recent, end=recent + timedelta(days=1)),),
            reference=(TimeInterval(start=recent - timedelta(hours=12), end=recent),),
            labels_until=end - spec.label.known_after,
            watch=TimeInterval(start=start, end=end),
            before=TimeInterval(start=start, end=end),
        ),
        champion=None,
        digests={},
    )


def rides(rows: list[tuple]) -> pa.Table:
    """Rows of (ride, instant, place, bike, km, minutes)."""
    ride, when, place, bike, km, minutes = zip(*rows, strict=True) if rows else [()] * 6
    return pa.table(
        {
            "ride": pa.array(ride, pa.int32()),
            "at": pa.array(when, pa.timestamp("ms", "UTC")),
            "place": pa.array(place, pa.string()),
            "bike": pa.array(bike, pa.string()),
            "km": pa.array(km, pa.float32()),
            "minutes": pa.array(minutes, pa.float64()),
            "never read": pa.array([object.__doc__[:3]] * len(ride), pa.string()),
        }
    )


def weather(rows: list[tuple]) -> pa.Table:
    """Rows of (place, instant, temperature)."""
    place, seen, temp = zip(*rows, strict=True)
    return pa.table(
        {
            "place": pa.array(place, pa.string()),
            "seen": pa.array(seen, pa.timestamp("us", "UTC")),
            "temp": pa.array(temp, pa.float64()),
        }
    )


def write(folder: Path, days: dict[str, pa.Table], outside: pa.Table, bikes: pa.Table) -> None:
    """Writes the sources of a plan."""
    (folder / "rides").mkdir(parents=True, exist_ok=True)
    for day, table in days.items():
        pq.write_table(table, folder / "rides" / f"{day}.parquet")
    pq.write_table(outside, folder / "weather.parquet")
    pq.write_table(bikes, folder / "bikes.parquet")


BIKES = pa.table({"bike": ["red", "blue", "red"], "gears": [3, 21, 7]})
WEATHER = weather(
    [
        ("hill", at("01 05:00"), 5.0),
        ("hill", at("01 07:00"), 7.0),
        ("hill", at("01 08:00"), 8.0),
        ("dale", at("01 06:30"), 99.0),
        ("dale", at("01 06:00"), 6.0),
        ("hill", None, 4.0),
        ("hill", at("02 10:00"), 10.0),
        ("hill", at("03 10:00"), 11.0),
    ]
)
DAYS = {
    "2024-01-01": rides(
        [
            (2, at("01 08:30"), "hill", "red", 2.0, 20.0),
            (1, at("01 08:30"), "hill", "blue", 1.0, 10.0),
            (3, at("01 11:00"), "hill", "green", 3.0, None),
            (4, at("01 11:01"), "hill", None, -1.0, 15.0),
            (5, at("01 07:30"), "dale", "red", 5.0, 16.0),
            (1, at("01 08:30"), "dale", "red", 9.0, 99.0),
            (None, at("01 09:00"), "hill", "red", 9.0, 99.0),
            (6, None, "hill", "red", 9.0, 99.0),
            (7, at("02 00:00"), "hill", "red", 9.0, 99.0),
        ]
    ),
    "2024-01-02": rides([(8, at("02 12:00"), "hill", "blue", 8.0, 30.0)]),
    "2024-01-03": rides(
        [
            (9, at("03 12:00"), "hill", "blue", 9.0, 1.0),
            (10, at("03 20:00"), "hill", "blue", 9.0, 1.0),
        ]
    ),
}
