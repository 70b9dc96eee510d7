"""Features and columns, resolved with the schema."""

import pytest

from components.core.errors import InputError
from components.core.spec import FeatureKind, Spec, load_spec
from components.ops.plan.signature import column_kinds, resolve_signature

SPEC = """name: churn
data:
  primary: {uri: "churn/{day}.parquet", event_time: seen_at, key: [customer], known_later: [gone]}
  external:
    city: {uri: city.parquet, on: [place], event_time: noted_at}
    city_tax: {uri: tax.parquet, on: [place]}
label: {column: left, known_after: 1d, name: leaves}
"""
SCHEMA = {
    "customer": FeatureKind.CATEGORY,
    "seen_at": FeatureKind.NUMBER,
    "plan": FeatureKind.CATEGORY,
    "months": FeatureKind.NUMBER,
    "spend": FeatureKind.NUMBER,
    "gone": FeatureKind.NUMBER,
    "left": FeatureKind.NUMBER,
    "leaves": FeatureKind.NUMBER,
    "joined_at": FeatureKind.TIMESTAMP,
    "city_rain": FeatureKind.NUMBER,
    "city_tax_rate": FeatureKind.NUMBER,
}


def spec_of(features: str = "", more: str = "") -> Spec:
    return load_spec(SPEC + (f"features: [{features}]\n" if features else "") + more)


def test_by_default_all_is_a_feature_that_can_be() -> None:
    signature = resolve_signature(spec_of(), SCHEMA)

    assert [(c.name, c.source, c.kind) for c in signature.columns] == [
        ("plan", "plan", "category"),
        ("months", "months", "number"),
        ("spend", "spend", "number"),
        ("city_rain", "city.rain", "number"),
        ("city_tax_rate", "city_tax.rate", "number"),
    ]
    assert [f.name for f in signature.features] == [c.name for c in signature.columns]
    assert all(f.columns == (f.name,) for f in signature.features)


def test_key_and_event_time_are_features_where_they_are_listed() -> None:
    signature = resolve_signature(
        spec_of("{name: customer}, {name: hour, derive: hour_of, from: seen_at, zone: Asia/Tokyo}"),
        SCHEMA,
    )

    assert [(c.name, c.kind) for c in signature.columns] == [
        ("customer", "category"),
        ("seen_at", "timestamp"),
    ]
    hour = signature.features[1]
    assert (hour.kind, hour.derive, hour.columns) == ("number", "hour_of", ("seen_at",))
    assert hour.zone == "Asia/Tokyo"


def test_columns_stand_once_in_the_order_in_which_features_name_them() -> None:
    signature = resolve_signature(
        spec_of(
            "{name: d, derive: difference, from: [spend, city.rain]}, {name: months},"
            "{name: r, derive: ratio, from: [months, spend]}, {name: day, derive: day_of_week,"
            "from: city.noted_at}, {name: wet, derive: log1p, from: city.rain}"
        ),
        SCHEMA,
    )

    assert [c.name for c in signature.columns] == ["spend", "city_rain", "months", "city_noted_at"]
    assert [f.columns for f in signature.features] == [
        ("spend", "city_rain"),
        ("months",),
        ("months", "spend"),
        ("city_noted_at",),
        ("city_rain",),
    ]
    assert [f.kind for f in signature.features] == ["number"] * 5


def test_the_specs_kind_wins() -> None:
    signature = resolve_signature(spec_of("{name: months, kind: category}"), SCHEMA)

    assert (signature.columns[0].kind, signature.features[0].kind) == ("category", "category")


@pytest.mark.parametrize(
    ("features", "said"),
    [
        (
            "{name: month}",
            "features: month: given 'month'; .* the nearest is months.*ratoon schema infer",
        ),
        ("{name: r, from: city.ran}", "features: r: given 'city.ran'; .*nearest is city_rain"),
        ("{name: h, derive: hour_of, from: months}", "h: hour_of: given 'months, a number'"),
        ("{name: h, derive: hour_of, from: plan}", "given 'plan, a category'; .* a timestamp"),
        ("{name: l, derive: log1p, from: plan}", "l: log1p: given 'plan, a category'; .* a number"),
        ("{name: d, derive: difference, from: [spend, seen_at]}", "given 'seen_at, a timestamp'"),
        ("{name: seen_at}", "seen_at: given 'an instant as it is'; .*hour_of"),
        ("{name: joined_at}", "joined_at: given 'an instant as it is'"),
        ("{name: plan, kind: number}", "plan: plan: given 'number'; .*holds text"),
        ("{name: l, derive: log1p, from: spend, kind: category}", "l: kind: given 'category'"),
        (
            "{name: m, from: months, kind: category}, {name: l, derive: log1p, from: months}",
            "features: l: given 'months as number'; accepted: category",
        ),
    ],
)
def test_refuses(features: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        resolve_signature(spec_of(features), SCHEMA)


def test_refuses_a_label_named_like_a_column() -> None:
    spec = load_spec(SPEC.replace("leaves", "months"))

    with pytest.raises(InputError, match=r"label\.name: given 'plan'"):
        resolve_signature(
            load_spec(SPEC.replace("leaves", "plan") + "features: [{name: plan}]\n"), SCHEMA
        )
    assert "months" not in [c.name for c in resolve_signature(spec, SCHEMA).columns]


def test_refuses_a_slice_by_a_column_that_is_not_there() -> None:
    gates = "gates: {slices: [{by: BY, floors: {auc: 0.5}}]}\n"

    with pytest.raises(InputError, match=r"gates\.slices: by: given 'plans'; .*nearest is plan\."):
        resolve_signature(spec_of(more=gates.replace("BY", "plans")), SCHEMA)
    for good in ("plan", "customer", "city_rain"):
        assert resolve_signature(spec_of(more=gates.replace("BY", good)), SCHEMA)


def test_refuses_a_schema_without_a_usable_column() -> None:
    with pytest.raises(InputError, match="at least one usable column"):
        resolve_signature(spec_of(), {"customer": FeatureKind.CATEGORY, "left": FeatureKind.NUMBER})


def test_reads_kinds_from_the_schema() -> None:
    text = """
    feature { name: "a" type: BYTES }
    feature { name: "b" type: INT }
    feature { name: "c" type: FLOAT }
    feature { name: "d" type: INT int_domain { is_categorical: true } }
    feature { name: "e" type: INT time_domain { integer_format: UNIX_SECONDS } }
    feature { name: "f" type: INT bool_domain { } }
    """

    assert dict(column_kinds(text, "schema.pbtxt")) == {
        "a": "category",
        "b": "number",
        "c": "number",
        "d": "category",
        "e": "timestamp",
        "f": "number",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column"),
        ("nonsense { }", "a TensorFlow Metadata schema"),
        ('feature { name: "a" type: STRUCT }', "a: given 'STRUCT'; accepted: type BYTES"),
        ('feature { name: "a" }', "a: given 'TYPE_UNKNOWN'"),
        ('feature { name: "a" type: INT } feature { name: "a" type: INT }', "each column once"),
    ],
)
def test_refuses_other_schemas(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        column_kinds(text, "schema.pbtxt")
