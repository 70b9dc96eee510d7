"""What a spec means, as its writer sees it."""

from pathlib import Path

import pytest

from components.core.errors import InputError
from components.core.spec import load_spec
from components.ops.plan.describe import accepted_defaults
from components.ops.plan.run import check_spec, explain_spec


def test_explains_a_spec(model: Path) -> None:
    page = explain_spec(str(model))

    for said in (
        "asked   at seen_at (UTC), once for each customer, seen_at",
        "answer  leaves: left is true; yes from 0.5 on",
        "known   2d after seen_at, not before",
        "20 with data, 2013-01-01 to 2013-01-20",
        "known only later, never features: gone_at, left",
        "the newest row of which noted_at was at least 1h before",
        "Features (5)",
        "city_rain  number    city_rain",
        "Time, cut as of 2013-01-21T00:00:00Z",
        # every 2nd week from 1970-01-05: 2013-01-07 is week 2244, an even one
        "recent     2013-01-16 to 2013-01-19 (3 days)",
        "reference  2013-01-07 to 2013-01-14 (7 days)",
        "train      2013-01-01 to 2013-01-16 (8 days in 2 pieces)",
        "judged     by labels: 2013-01-18 to 2013-01-19 (1 days), the newest of which all are due",
        "judged      by labels: the window 2 before the monitored one, for labels take 2d",
        "against the champion: log_loss not worse by 0.005, auc not worse by 0.01",
        "a model may serve while none serves",
        "4 times in 90d",
        "gates.resamples",
        "serving.canary.steps",
    ):
        assert said in page
    assert max(len(line) for line in page.splitlines() if str(model.parent) not in line) <= 100


def test_an_instant_and_an_overlay_change_what_it_means(model: Path) -> None:
    (model / "o.yaml").write_text("first_model: refused\n")

    page = explain_spec(str(model), "o.yaml", "2013-01-10T12:00Z")

    assert "cut as of 2013-01-10T12:00:00Z" in page
    assert "10 with data" in page
    assert "is refused (first_model) while none serves" in page


def test_it_says_what_labels_that_take_longer_than_the_cool_down_mean(model: Path) -> None:
    (model / "o.yaml").write_text("retraining: {cool_down: 36h}\n")

    page = " ".join(explain_spec(str(model), "o.yaml").split())

    assert "for 2d a new model is judged by the answers of the one before it" in page
    assert "after the cool-down of 36h" in page


def test_it_says_where_the_monitored_window_is_judged_by_labels_too(model: Path) -> None:
    (model / "o.yaml").write_text("monitoring: {every: month}\n")

    page = explain_spec(str(model), "o.yaml")

    assert "judged     by labels: the same, its rows up to 2013-01-19T00:00:00Z" in page
    assert "before the monitored one" not in page


def test_absent_data_is_no_error(model: Path) -> None:
    for file in (model.parent / "data" / "churn").iterdir():
        file.unlink()

    page = explain_spec(str(model))

    assert "none with data yet" in page
    assert "to cut: there is no data yet" in page


def with_tests(model: Path, text: str) -> None:
    """Gives a model behaviour tests."""
    (model / "tests.yaml").write_text(text)
    spec = model / "model.yaml"
    spec.write_text(spec.read_text().replace("block: hour", "block: hour, behaviour: tests.yaml"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: (m / "model.yaml").write_text("name: x\n"), "given nothing; accepted: a value"),
        (lambda m: (m / "model.yaml").unlink(), "model.yaml: given 'no such file'"),
        (lambda m: (m / "schema.pbtxt").unlink(), "/churn --write`, review"),
        (lambda m: (m / "schema.pbtxt").write_text("x"), "schema.pbtxt: given"),
        (lambda m: (m / "model.yaml").write_bytes(b"\xff\xfe"), "UTF-8"),
        (lambda m: with_tests(m, "- {x"), "tests.yaml: given a text that breaks at line"),
        (lambda m: with_tests(m, "minimun: []"), "tests.yaml: given 'minimun'"),
    ],
)
def test_a_spec_that_cannot_be_used_is_an_error(model: Path, change: object, said: str) -> None:
    change(model)  # type: ignore[operator]

    for use in (check_spec, explain_spec):
        with pytest.raises(InputError) as caught:
            use(str(model))
        assert said in str(caught.value)


def test_defaults_are_what_nobody_wrote() -> None:
    given = {
        "name": "churn",
        "data": {"primary": {"uri": "churn/{day}.parquet", "event_time": "at", "key": ["id"]}},
        "label": {"column": "left", "known_after": "1d"},
        "features": [{"name": "a"}, {"name": "b", "zone": "UTC"}, {"name": "c"}],
        "serving": {"canary": ["10%"]},
        "retraining": {"on": []},
    }
    import yaml

    found = dict(accepted_defaults(load_spec(yaml.safe_dump(given)), given))

    assert found["data.span"] == "day"  # read off the uri, and not written
    assert found["serving.target"] == "local://build/churn/serving"
    assert found["features[].zone"] == "UTC (2 of them)"
    assert found["serving.canary.min_requests"] == "50"
    assert found["gates.reference"] == "log_loss: not_worse_by: 0.005, auc: not_worse_by: 0.01"
    assert found["monitoring.max_silence"] == "2d"
    for written in ("name", "label.known_after", "serving.canary.steps", "retraining.on"):
        assert written not in found


STORE = "store: s3://b/m, log: s3://b/log"


@pytest.mark.parametrize(
    ("name", "target", "said"),
    [
        # 26 + len("-candidate-predictor-") + 17 = 64, one more than a host label holds
        ("a" * 26, "kserve://ratoon-production", r"host label .*\(64\).*Shorten it to 25"),
        ("a" * 26, "kserve://ratoon-production?mode=standard", "at most 63 characters"),
        ("a" * 41, "kserve://r?mode=knative", "name: given .* at most 40 for KServe"),
        ("a" * 26, "git+https://h/r@main#f?namespace=ratoon-production", r"host label .*\(64\)"),
        ("a" * 41, "git+https://h/r@main#f", "at most 40 for KServe"),
        ("a", f"kserve://{'n' * 60}", "Choose another namespace"),
        ("a", "kserve://Ratoon", r"serving\.target: given 'kserve://Ratoon'"),
        ("a", "git+https://h/r@main", r"serving\.target"),
        ("a", "local://x?port=1", "port=<1024 to 65535>"),
    ],
)
def test_a_target_that_cannot_hold_the_model_is_refused(
    model: Path, name: str, target: str, said: str
) -> None:
    """By the spec's own target, and by an overlay that nobody asked for yet."""
    text = (model / "model.yaml").read_text().replace("name: churn", f"name: {name}", 1)
    serving = f"serving: {{target: '{target}', {STORE}}}\n"
    (model / "model.yaml").write_text(text)
    (model / "production.yaml").write_text(serving)
    for overlay in ("", "production.yaml"):
        with pytest.raises(InputError, match=said) as caught:
            check_spec(str(model), overlay)
        assert str(caught.value).startswith("production.yaml: ") is (not overlay)


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("a" * 25, "kserve://ratoon-production"),
        ("a" * 40, "kserve://ratoon-production?mode=knative"),
        ("a" * 40, "kserve://ns"),
        ("a" * 40, "git+https://h/r@main#f"),
        ("a" * 50, "local://build/x"),
    ],
)
def test_a_target_that_holds_the_model_is_accepted(model: Path, name: str, target: str) -> None:
    text = (model / "model.yaml").read_text().replace("name: churn", f"name: {name}", 1)
    (model / "model.yaml").write_text(text)
    (model / "production.yaml").write_text(f"serving: {{target: '{target}', {STORE}}}\n")
    (model / "notes.yaml").write_text("- no overlay\n")
    (model / "broken.yaml").write_text("{")
    assert check_spec(str(model)).name == name
