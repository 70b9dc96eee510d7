"""What every part of a spec has in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints


class Part(BaseModel):
    """A part of a spec: frozen, and closed to words that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


Name = Annotated[str, StringConstraints(pattern=r"^[a-z]([-a-z0-9]{0,48}[a-z0-9])?$")]
Column = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Source = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?$")
]


def column_of(source: str) -> str:
    """The column of the examples that a source such as ``weather.temp`` becomes."""
    return source.replace(".", "_")
