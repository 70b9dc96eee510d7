"""A spec that cannot be used: each error names the place, what stands there and what would do."""

import json

import pytest
import yaml

from components.core.errors import InputError
from components.core.spec import load_spec, spec_json_schema
from components.core.spec.load import merge
from components.core.spec.spec import RETIRED

SMALL = """name: churn
data:
  primary: {uri: "s3://acme/churn/{day}.parquet", event_time: seen_at, key: [customer, seen_at]}
label: {column: left, known_after: 30d}
"""
EXTERNAL = "  external: {w: {uri: w.parquet, on: [city]}}\nlabel:"

# What is changed in SMALL (old, new; no old: appended) and pieces of the error, in order.
CASES = {
    "unknown word": ("", "gatess: {}", ["model.yaml: given 'gatess'", "Did you mean 'gates'?"]),
    "unknown word below": (
        "",
        "gates: {flors: {auc: 0.5}}",
        ["gates: given 'flors'", "one of approval, behaviour", "Did you mean 'floors'?"],
    ),
    "unknown word in a list": (
        "",
        "features: [{name: a, derived: log1p}]",
        ["features[0]: given 'derived'", "one of derive, from", "Did you mean 'derive'?"],
    ),
    "unknown word in a named source": (
        "label:",
        EXTERNAL.replace("on: [city]", "on: [city], max_agee: 3h"),
        ["data.external.w: given 'max_agee'", "Did you mean 'max_age'?"],
    ),
    "unknown word in a union": (
        "",
        "gates: {recent: {auc: {not_worse_by: 1, blok: day}}}",
        ["gates.recent.auc: given 'blok'", "one of not_worse_by"],
    ),
    "a missing field": (
        ", known_after: 30d",
        "",
        ["label.known_after: given nothing", "A label does not exist before its event time"],
    ),
    "another word": (
        "",
        "features: [{name: a, derive: hours_of}]",
        ["features[0].derive: given 'hours_of'", "'day_of_week'", "Did you mean 'hour_of'?"],
    ),
    "neither of a union": (
        "",
        "gates: {recent: {auc: beter}}",
        ["gates.recent.auc: given 'beter'", "'better', or a mapping with not_worse_by"],
    ),
    "a part that is text": ("", "serving: x", ["serving: given 'x'", "a mapping with account"]),
    "a duration": ("30d", "a month", ["label.known_after: given 'a month'", "36h or 7d"]),
    "a duration beyond all": ("30d", "99999999999w", ["label.known_after", "at most 36500d"]),
    "an empty holdout": ("", "split: {recent: 0d}", ["split.recent", "not zero"]),
    "no time between runs": ("", "monitoring: {every: 0h}", ["monitoring.every", "not zero"]),
    "a share": (
        "",
        "history: {min_labelled: 120%}",
        ["history.min_labelled: given '120%'", "100%"],
    ),
    "a number": (
        "",
        "history: {min_rows: many}",
        ["history.min_rows: given 'many'", "a whole number"],
    ),
    "a size": ("", "serving: {resources: {memory: 2GB}}", ["memory: given '2GB'", "512Mi"]),
    "no finite number": ("", "gates: {floors: {auc: .nan}}", ["gates.floors.auc", "finite"]),
    "a zone": (
        "",
        "features: [{name: h, derive: hour_of, from: seen_at, zone: New York}]",
        ["features[0].zone: given 'New York'", "America/New_York"],
    ),
    "a metric": (
        "",
        "gates: {slices: [{by: customer, floors: {acc: 0.5}}]}",
        ["gates.slices[0].floors: given acc", "auc, log_loss"],
    ),
    "a window": ("", "window: last month", ["window: given 'last month'", "last N spans"]),
    "reference weeks": (
        "",
        "split: {reference: every 1st week}",
        ["split.reference: given 'every 1st week'", "such as every 5th week"],
    ),
    "reference weeks and more": (
        "",
        "split: {reference: every 5th week or so}",
        ["split.reference", "such as every 5th week"],
    ),
    "a budget": ("", "retraining: {budget: often}", ["retraining.budget", "such as 3 per 90d"]),
    "a name": ("name: churn", "name: Churn Model", ["name: given 'Churn Model'", "a DNS label"]),
    "a target": ("", "serving: {target: build}", ["serving.target: given 'build'", "local://…"]),
    "a scheme": ("s3:", "ftp:", ["data.primary.uri: given 'ftp://", "begins with file://, s3://"]),
    "a climb": ("acme/churn", "acme/../churn", ["data.primary.uri", "a path without '..'"]),
    "a climbing log": ("", "serving: {log: ../log}", ["serving.log: given '../log'", "'..'"]),
    "a climbing target": ("", "serving: {target: 'local://a/../b'}", ["serving.target"]),
    "a climbing module": ("", "model: {module: ../m.py}", ["model.module: given '../m.py'"]),
    "no span and no start": ("{day}", "all", ["data.primary.start: given none", "2013-01-01"]),
    "words of no csv": (
        "event_time",
        "csv: {null_words: [NA]}, event_time",
        ["data.primary.csv: given beside format parquet", "accepted: format: csv"],
    ),
    "two spans": ("label:", "  span: month\nlabel:", ["data.span: given month", "accepted: day"]),
    "no key": ("[customer, seen_at]", "[]", ["data.primary.key: given []", "at least one"]),
    "two readings of the label": (
        "30d",
        "30d, greater_than: 1, equals: 2",
        ["label.equals: given beside greater_than", "one of the two"],
    ),
    "operands": (
        "",
        "features: [{name: a, derive: ratio, from: b}]",
        ["features[0].from: given 1 source(s)", "2 for ratio"],
    ),
    "delay without time": (
        "label:",
        EXTERNAL.replace("[city]", "[city], max_age: 3h"),
        ["data.external.w.event_time: given none", "counted from"],
    ),
    "module and network": (
        "",
        "model: {module: model.py, hidden: [3]}",
        ["model.module: given beside hidden", "builds the whole network"],
    ),
    "a feature twice": ("", "features: [{name: a}, {name: a}]", ["features: given a more than"]),
    "one column from two sources": (
        "label:",
        EXTERNAL + " {column: left, known_after: 30d}\n"
        "features: [{name: w_a}, {name: b, from: w.a}]\n#",
        ["features: given w_a and w.a", "both would become the column w_a"],
    ),
    "an undeclared source": (
        "",
        "features: [{name: a, from: w.a}]",
        ["features.a: given w.a", "a source of data.external (none)"],
    ),
    "an undeclared source in a rule": (
        "",
        "rules: [{null_if: w.a > 3}]",
        ["rules: w.a > 3: given w.a", "data.external"],
    ),
    "a rule": ("", "rules: [{null_if: a == 3}]", ["rules[0].null_if", "<, <=, > and >="]),
    "a holdout of too few days": (
        "",
        "split: {recent: 4d}",
        [
            "split.recent: given 4d, in which at most 4 block(s) of a day have rows, and a "
            "comparison with the champion needs 5; accepted: at least 5d with gates.block: day",
        ],
    ),
    "a holdout of too few weeks": (
        "",
        "gates: {block: week}",
        ["split.recent: given 10d", "at most 3 block(s) of a week", "at least 29d"],
    ),
    "a holdout of too few hours": (
        "",
        "split: {recent: 4h}\ngates: {block: hour}",
        ["split.recent: given 4h, in which at most 4 block(s) of a hour", "at least 5h"],
    ),
    "a window that is all held out": (
        'uri: "s3://acme/churn/{day}.parquet"',
        'uri: all.parquet, start: "2024-01-01"',
        [
            "window: given last 40 spans of a day, all of which label.known_after + split.recent "
            "(30d + 10d) hold out",
            "expanding, or more than 40d",
        ],
    ),
    "a floor beyond the best": (
        "",
        "gates: {floors: {auc: 1.1}}",
        ["gates.floors.auc: given 1.1, and a perfect model has 1; accepted: at most 1"],
    ),
    "a slice's floor beyond the best": (
        "",
        "gates: {slices: [{by: a, floors: {brier: -0.1}}]}",
        ["gates.slices[0].floors.brier: given -0.1", "at least 0"],
    ),
    "a threshold beyond the best": (
        "",
        "monitoring: {thresholds: {calibration_error: -1}}",
        ["monitoring.thresholds.calibration_error: given -1", "at least 0"],
    ),
    "a source whose rows are never joined": (
        "label:",
        EXTERNAL.replace("on: [city]", "on: [city], event_time: t, known_after: 2h, max_age: 1h"),
        ["data.external.w.max_age: given 1h, but a row is known only when it is 2h old"],
    ),
    "a gate that judges nothing": (
        "",
        "gates: {recent: {}}",
        ["gates.recent: given nothing", "a gate must judge something"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_names_the_place_the_given_and_the_accepted(case: str) -> None:
    old, new, pieces = CASES[case]
    text = SMALL.replace(old, new, 1) if old else f"{SMALL}{new}\n"
    text += "window: last 40 spans\n" * (case == "a window that is all held out")
    assert text != SMALL

    with pytest.raises(InputError) as caught:
        load_spec(text)

    message = str(caught.value)
    places = [message.find(piece) for piece in pieces]
    assert -1 not in places, message
    assert places == sorted(places), message
    assert "Input should" not in message
    assert "Field required" not in message


@pytest.mark.parametrize("place", RETIRED)
def test_a_retired_word_is_refused_with_the_new_one(place: str) -> None:
    *above, word = place.replace("*", "w").split(".")
    inside: dict[str, object] = {word: 1}
    for step in reversed(above):
        inside = {step: [inside] if step in ("rules", "slices") else inside}
    written = merge(yaml.safe_load(SMALL), inside)

    with pytest.raises(InputError) as caught:
        load_spec(yaml.safe_dump(written))

    new = RETIRED[place]
    said = f"{word}: given {word!r}, a word that is retired; accepted: {new or 'one of'}"
    assert said in str(caught.value)
    assert (f"Write {new!r} in its place." if new else f"Remove {word}.") in str(caught.value)
    assert f"{new}: given nothing" not in str(caught.value)


def test_every_new_word_is_one_of_the_spec() -> None:
    schema = json.dumps(spec_json_schema())

    assert RETIRED
    assert [new for new in RETIRED.values() if new and f'"{new}"' not in schema] == []


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("features.gone", "features: [{name: gone}]"),
        ("features.why", "features: [{name: why, derive: difference, from: [tenure, gone]}]"),
        ("features.answer", "features: [{name: answer, from: left}]"),
    ],
)
def test_refuses_a_feature_that_is_known_only_later_by_its_name(place: str, text: str) -> None:
    late = SMALL.replace("seen_at]}", "seen_at], known_later: [gone]}")
    column = "left" if "left" in text else "gone"

    with pytest.raises(InputError, match=f"{place}: given {column}, which is known only after"):
        load_spec(f"{late}{text}\n")


@pytest.mark.parametrize(
    ("place", "old", "new"),
    [
        ("data.primary.key", "[customer, seen_at]", "[customer, gone]"),
        ("data.primary.key", "[customer, seen_at]", "[customer, left]"),
        ("data.primary.event_time", "event_time: seen_at", "event_time: gone"),
        ("data.external.w.on", "label:", EXTERNAL.replace("city", "gone")),
    ],
)
def test_refuses_the_future_wherever_it_would_be_read(place: str, old: str, new: str) -> None:
    late = SMALL.replace("key:", "known_later: [gone], key:").replace(old, new, 1)

    with pytest.raises(InputError, match=f"{place}: given (gone|left), which is known only after"):
        load_spec(late)


def test_a_column_known_later_may_be_judged_by_a_rule_and_be_the_label() -> None:
    late = SMALL.replace("seen_at]}", "seen_at], known_later: [left, gone]}")

    assert load_spec(late + "rules: [{null_if: gone > 3}]\n").never_features == {
        "left",
        "gone",
    }


def test_names_every_problem_at_once() -> None:
    with pytest.raises(InputError) as caught:
        load_spec(SMALL + "history: {min_rows: many}\nwindow: x\nfoo: 1\n")

    message = str(caught.value)
    assert "history.min_rows: given 'many'" in message
    assert "Also window: given 'x'; accepted: expanding" in message
    assert "Also at the top: given 'foo'; accepted: one of data" in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a\n", "given a list; accepted: a YAML mapping"),
        ("", "given nothing; accepted: a YAML mapping"),
        ("churn", "given 'churn'; accepted: a YAML mapping"),
        ("name: x\nlabel: [", "breaks at line 2"),
        (SMALL + "name: again\n", "the key 'name' for the second time"),
        (SMALL + "name: again\n", "Mend line 5"),
        (SMALL + "\tx: 2\n", "Mend line 5"),
        (SMALL + "[1]: 2\n", "Mend line 5"),
        (SMALL + "1: 2\n", "a word"),
        ("a: !!python/object/apply:os.getcwd []\n", "breaks at line 1"),
    ],
)
def test_says_which_line_is_no_yaml(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        load_spec(text)

    assert said in str(caught.value)


def test_a_key_that_stands_twice_is_an_error_in_every_depth() -> None:
    with pytest.raises(InputError, match="'column' for the second time"):
        load_spec(SMALL.replace("column: left", "column: left, column: stayed"))
