"""Statistics as files: the binary protobuf that TFDV and its viewers read."""

from pathlib import Path

from google.protobuf.message import DecodeError
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.core.errors import InputError


def write_statistics(statistics: statistics_pb2.DatasetFeatureStatisticsList, file: Path) -> None:
    """Writes statistics; equal statistics are equal bytes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(statistics.SerializeToString(deterministic=True))


def read_statistics(file: Path) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Reads statistics.

    Raises:
        InputError: The file holds something else.
        FileNotFoundError: There is no such file.
    """
    try:
        return statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read_bytes())
    except DecodeError as error:
        raise InputError(str(file), "other bytes", "a DatasetFeatureStatisticsList") from error
