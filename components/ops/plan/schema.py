"""The committed schema as the kinds of its columns."""

from collections.abc import Mapping

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.core.errors import InputError
from components.core.spec import FeatureKind

_PLAIN = {
    schema_pb2.BYTES: FeatureKind.CATEGORY,
    schema_pb2.INT: FeatureKind.NUMBER,
    schema_pb2.FLOAT: FeatureKind.NUMBER,
}


def column_kinds(text: str, where: str) -> Mapping[str, FeatureKind]:
    """Reads ``schema.pbtxt``.

    Args:
        text: A ``tensorflow.metadata.v0.Schema`` in protobuf text form.
        where: What to call it in errors.

    Returns:
        Column to kind, in the schema's order.

    Raises:
        InputError: It is no schema, names a column twice or has a column of another type.
    """
    try:
        schema = text_format.Parse(text, schema_pb2.Schema())
    except text_format.ParseError as error:
        raise InputError(where, str(error), "a TensorFlow Metadata schema") from error
    kinds: dict[str, FeatureKind] = {}
    for feature in schema.feature:
        if feature.name in kinds:
            raise InputError(where, feature.name, "each column once")
        kinds[feature.name] = _kind(feature, where)
    if not kinds:
        raise InputError(where, "no column", "a schema with the columns of the examples")
    return kinds


def _kind(feature: schema_pb2.Feature, where: str) -> FeatureKind:
    if feature.HasField("time_domain"):
        return FeatureKind.TIMESTAMP
    if feature.int_domain.is_categorical:
        return FeatureKind.CATEGORY
    kind = _PLAIN.get(feature.type)
    if kind is None:
        given = schema_pb2.FeatureType.Name(feature.type)
        raise InputError(f"{where}: {feature.name}", given, "type BYTES, INT or FLOAT")
    return kind
