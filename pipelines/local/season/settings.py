"""What a season replays: ``season.yaml`` beside a model's spec."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationError

from components.core.errors import InputError
from components.core.spans import parse_instant
from components.core.spec import Part
from components.core.spec.load import read_mapping
from components.core.spec.part import Column
from components.core.units import Duration

Instant = Annotated[datetime, BeforeValidator(lambda text: parse_instant(str(text)))]


class Grouping(Part):
    """Which examples come in one request."""

    every: Duration = Field(timedelta(hours=1), description="Examples of this long together.")
    by: tuple[Column, ...] = Field((), description="Split further by these raw columns.")


class Season(Part):
    """A stretch of recorded time.

    Attributes:
        start: The first model is trained for this instant; traffic begins.
        end: Traffic ends.
        request: Which examples come in one request.
    """

    start: Instant
    end: Instant
    request: Grouping = Grouping()


def read_season(folder: Path) -> Season:
    """Reads a model's season.

    Raises:
        InputError: There is none, or it is not one.
    """
    file = folder / "season.yaml"
    if not file.is_file():
        raise InputError(str(file), "no such file", "a season.yaml with start and end")
    try:
        return Season.model_validate(read_mapping(file.read_text(encoding="utf-8"), str(file)))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = f"{file}: {'.'.join(str(part) for part in first['loc'])}"
        raise InputError(where, first["input"], str(first["msg"])) from error
