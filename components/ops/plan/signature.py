"""The features and raw columns of a model, resolved with its committed schema."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.core.artifacts import ModelColumn
from components.core.errors import InputError
from components.core.plan import PlannedFeature
from components.core.spec import Feature, FeatureKind, Spec, column_of
from components.core.spec.data import OF_TIME

_PLAIN = {
    schema_pb2.BYTES: FeatureKind.CATEGORY,
    schema_pb2.INT: FeatureKind.NUMBER,
    schema_pb2.FLOAT: FeatureKind.NUMBER,
}


@dataclass(frozen=True)
class Signature:
    """What the model reads."""

    columns: tuple[ModelColumn, ...]
    features: tuple[PlannedFeature, ...]


def column_kinds(text: str, where: str) -> Mapping[str, FeatureKind]:
    """Reads the text of a ``tensorflow.metadata.v0.Schema``.

    Returns:
        Column to kind, in the schema's order.

    Raises:
        InputError: It is not a schema, names a column twice or has a column of another type.
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


def resolve_signature(spec: Spec, schema: Mapping[str, FeatureKind]) -> Signature:
    """Resolves every feature of a spec, or `default_features` if it lists none.

    Raises:
        InputError: A feature reads a column that the schema does not have, or of a kind that it
            cannot use; or two things would have one name.
    """
    known = {**schema, **_instants(spec)}
    features = spec.features or default_features(spec, schema)
    if not features:
        raise InputError("features", "none", "a schema with at least one usable column")
    columns: dict[str, ModelColumn] = {}
    for feature in features:
        for source in feature.sources:
            column = _column(feature, source, known)
            if columns.setdefault(column.name, column).kind != column.kind:
                accepted = f"{columns[column.name].kind}, which the column is in another feature"
                given = f"{source} as {column.kind}"
                raise InputError(f"features: {feature.name}", given, accepted)
    _check_names(spec, columns)
    planned = tuple(_planned(feature, columns) for feature in features)
    return Signature(tuple(columns.values()), planned)


def default_features(spec: Spec, schema: Mapping[str, FeatureKind]) -> tuple[Feature, ...]:
    """The features of a spec that lists none.

    Every column of the schema, except what is known only later, the label, the key (it identifies
    an example and says nothing about the next one) and instants.
    """
    left_out = {*spec.never_features, spec.label.name, *spec.data.primary.key, *_instants(spec)}
    names = (
        n for n, kind in schema.items() if n not in left_out and kind is not FeatureKind.TIMESTAMP
    )
    sources = ((name, _source_of(name, spec)) for name in names)
    return tuple(Feature.model_validate({"name": n, "from": s}) for n, s in sources)


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


def _instants(spec: Spec) -> dict[str, FeatureKind]:
    """The columns that the spec itself declares as instants."""
    external = spec.data.external.items()
    histories = (column_of(f"{name}.{x.event_time}") for name, x in external if x.event_time)
    return dict.fromkeys((spec.data.primary.event_time, *histories), FeatureKind.TIMESTAMP)


def _source_of(column: str, spec: Spec) -> str:
    for table in sorted(spec.data.external, key=len, reverse=True):
        if column.startswith(f"{table}_"):
            return f"{table}.{column.removeprefix(f'{table}_')}"
    return column


def _column(feature: Feature, source: str, known: Mapping[str, FeatureKind]) -> ModelColumn:
    name, place = column_of(source), f"features: {feature.name}"
    kind = known.get(name)
    if kind is None:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
        do = "If the column is new, run `ratoon schema infer` and commit the schema."
        raise InputError(place, source, f"a column of the schema; the nearest is {near}", do)
    if feature.derive is not None:
        _check_operand(feature, source, kind)
    elif feature.kind is not None:
        if feature.kind is FeatureKind.NUMBER and kind is FeatureKind.CATEGORY:
            accepted = "category, for the schema says that it holds text"
            raise InputError(f"{place}: {source}", "number", accepted)
        kind = feature.kind
    return ModelColumn(name=name, source=source, kind=kind.value)


def _check_operand(feature: Feature, source: str, kind: FeatureKind) -> None:
    wanted = FeatureKind.TIMESTAMP if feature.derive in OF_TIME else FeatureKind.NUMBER
    if kind is not wanted:
        given = f"{source}, a {kind}"
        raise InputError(f"features: {feature.name}: {feature.derive}", given, f"a {wanted}")
    if feature.kind not in (None, FeatureKind.NUMBER):
        accepted = "number, which every derived feature is"
        raise InputError(f"features: {feature.name}: kind", feature.kind.value, accepted)


def _planned(feature: Feature, columns: Mapping[str, ModelColumn]) -> PlannedFeature:
    names = tuple(column_of(source) for source in feature.sources)
    kind = FeatureKind.NUMBER.value if feature.derive else columns[names[0]].kind
    if kind == FeatureKind.TIMESTAMP:
        where, given = f"features: {feature.name}", "an instant as it is"
        accepted = "an instant read by derive: hour_of, day_of_week or day_of_year"
        do = "An instant only ever grows, so a model cannot learn from it."
        raise InputError(where, given, accepted, do)
    return PlannedFeature(
        name=feature.name, kind=kind, derive=feature.derive, columns=names, zone=feature.zone
    )


def _check_names(spec: Spec, columns: Mapping[str, ModelColumn]) -> None:
    """Checks that the label's name is free, and that every slice is by a column that exists."""
    primary = spec.data.primary
    there = sorted({*columns, *primary.key, primary.event_time})
    if spec.label.name in there:
        raise InputError("label.name", spec.label.name, "a name that no column of the examples has")
    for slice_ in spec.gates.slices:
        if slice_.by not in there:
            near = difflib.get_close_matches(slice_.by, there, n=1, cutoff=0.0)[0]
            accepted = f"a key or raw column of the examples; the nearest is {near}"
            raise InputError("gates.slices: by", slice_.by, accepted)
