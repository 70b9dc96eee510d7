"""The plan step on a real folder."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from components.core import audit
from components.core.errors import ApiUnavailable, InputError
from components.core.plan import Champion, Plan, model_file
from components.core.spans import format_instant
from components.ops.plan.run import PlanRequest, plan, sentence
from components.ops.plan.windows import resolve_as_of
from tests.fakes.step_function import step_function

CHAMPION = Champion(
    version="20130101T0000-00000000", uri="u", digest="d", run="r", as_of="2013-01-01T00:00:00Z"
)


def request(model: Path | str, **more: str) -> PlanRequest:
    asked = {"as_of": "2013-01-20", "target": "", "overlay": "", "purpose": "train", "run": "r-1"}
    return PlanRequest(model=str(model), **{**asked, **more})


def no_champion(target: str, name: str) -> None:
    return None


def test_writes_everything_that_the_other_steps_read(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "plan"

    made = plan(request(model), out, champion_reader=no_champion)

    assert Plan.of(out) == made
    assert Plan.of(out).digest == made.digest
    assert format_instant(made.as_of) == "2013-01-20T00:00:00Z"
    assert made.version.startswith("20130120T0000-")
    assert made.spans[0] == "2013-01-01"
    assert made.spans[-1] == "2013-01-19"
    assert [c.name for c in made.columns] == ["plan", "months", "tier", "spend", "city_rain"]
    assert [c.kind for c in made.columns] == ["category", "number", "category", "number", "number"]
    assert made.champion is None
    assert model_file(out, "model.yaml").read_bytes() == (model / "model.yaml").read_bytes()
    assert sorted(p.name for p in (out / "model").iterdir()) == ["model.yaml", "schema.pbtxt"]


def test_the_same_world_gives_the_same_bytes(model: Path, tmp_path: Path) -> None:
    for name, run in (("one", "run-1"), ("two", "run-2")):
        plan(request(model, run=run), tmp_path / name, champion_reader=no_champion)

    one, two = (tmp_path / name / "plan.json" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_anything_that_matters_gives_another_version(model: Path, tmp_path: Path) -> None:
    def version(name: str, champion: Champion | None = None, **more: str) -> str:
        return plan(
            request(model, **more), tmp_path / name, champion_reader=lambda target, name: champion
        ).version

    first = version("first")
    versions = [first, version("champion", CHAMPION), version("hour", as_of="2013-01-20T05:00Z")]
    versions.append(version("target", target="local://elsewhere"))
    (model / "schema.pbtxt").write_text((model / "schema.pbtxt").read_text() + "\n# looked at\n")
    versions.append(version("schema"))
    (tmp_path / "data" / "churn" / "2013-01-05.parquet").unlink()
    versions.append(version("span"))

    assert len(set(versions)) == len(versions)


def test_the_champion_is_asked_of_the_target_that_is_meant(model: Path, tmp_path: Path) -> None:
    asked = []

    def read(target: str, name: str) -> Champion:
        asked.append((target, name))
        return CHAMPION

    made = plan(request(model, target="local://elsewhere"), tmp_path / "plan", champion_reader=read)

    assert asked == [("local://elsewhere", "churn")]
    assert made.champion == CHAMPION
    assert made.spec.serving.target == "local://elsewhere"
    assert "20130101T0000-00000000 serves now" in sentence(made)


def test_a_target_that_does_not_answer_is_not_a_target_where_nothing_serves(
    model: Path, tmp_path: Path
) -> None:
    def read(target: str, name: str) -> None:
        raise ApiUnavailable("no answer")

    with pytest.raises(ApiUnavailable):
        plan(request(model), tmp_path / "plan", champion_reader=read)

    assert not (tmp_path / "plan" / "plan.json").exists()
    assert audit.entries(f"{tmp_path}/data/log-audit") == ()


def test_reads_the_champion_of_a_real_local_target(model: Path, tmp_path: Path) -> None:
    made = plan(request(model), tmp_path / "plan")

    assert made.champion is None
    assert "nothing serves now" in sentence(made)


def test_leaves_an_entry_in_the_audit(model: Path, tmp_path: Path) -> None:
    made = plan(request(model), tmp_path / "plan", champion_reader=no_champion)

    (entry,) = audit.entries(made.spec.serving.audit_uri, "r-1")
    assert (entry.step, entry.decision, entry.version) == ("plan", "planned", made.version)
    assert entry.digests == {**made.digests, "plan": made.digest}
    assert entry.reason == sentence(made)


def test_an_overlay_of_the_folder_and_one_elsewhere(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (model / "overlays").mkdir()
    (model / "overlays" / "staging.yaml").write_text("serving: {min_replicas: 3}\n")
    elsewhere = tmp_path / "mine.yaml"
    elsewhere.write_text("serving: {min_replicas: 4}\n")

    (tmp_path / "overlays").mkdir()
    (tmp_path / "overlays" / "staging.yaml").write_text("serving: {min_replicas: 9}\n")
    monkeypatch.chdir(tmp_path)  # the folder's own file wins over one of the working folder

    for overlay, replicas in (("overlays/staging.yaml", 3), (str(elsewhere), 4)):
        out = tmp_path / f"plan-{replicas}"
        made = plan(request(model, overlay=overlay), out, champion_reader=no_champion)
        assert made.spec.serving.min_replicas == replicas
        assert sorted(p.name for p in (out / "model").iterdir()) == ["model.yaml", "schema.pbtxt"]
    for overlay in ("overlays/none.yaml", "../mine.yaml", f"{model}/../mine.yaml"):
        with pytest.raises(InputError, match=r"overlay|mine\.yaml"):
            plan(request(model, overlay=overlay), tmp_path / "p", champion_reader=no_champion)


def test_files_that_the_spec_names_come_along(model: Path, tmp_path: Path) -> None:
    text = (model / "model.yaml").read_text()
    text = text.replace("block: hour", "block: hour, behaviour: behaviour.yaml")
    (model / "model.yaml").write_text(text + "model: {module: network.py}\n")
    (model / "behaviour.yaml").write_text(
        "minimum: [{name: it knows, given: [{months: 3}], at_most: 90%}]\n"
    )
    with pytest.raises(InputError, match=r"network\.py: given 'no such file'.*model\.module names"):
        plan(request(model), tmp_path / "plan", champion_reader=no_champion)

    (model / "network.py").write_text("pass\n")
    (model / "unnamed.py").write_text("pass\n")
    made = plan(request(model), tmp_path / "plan", champion_reader=no_champion)

    names = sorted(p.name for p in (tmp_path / "plan" / "model").iterdir())
    assert names == ["behaviour.yaml", "model.yaml", "network.py", "schema.pbtxt"]
    (model / "network.py").write_text("pass  # changed\n")
    again = plan(request(model), tmp_path / "again", champion_reader=no_champion)
    assert again.digests["files"] != made.digests["files"]
    assert again.version != made.version


def test_without_a_schema_it_says_what_to_run(model: Path, tmp_path: Path) -> None:
    (model / "schema.pbtxt").unlink()

    with pytest.raises(InputError, match="ratoon schema infer"):
        plan(request(model), tmp_path / "plan", champion_reader=no_champion)


def test_a_spec_as_text_is_checked_and_then_needs_its_folder(model: Path, tmp_path: Path) -> None:
    text = (model / "model.yaml").read_text()

    with pytest.raises(InputError, match="the spec's text: given 'gatess'"):
        plan(request(text + "gatess: {}\n"), tmp_path / "plan", champion_reader=no_champion)
    with pytest.raises(InputError, match="a file of the model's folder"):
        plan(request(text), tmp_path / "plan", champion_reader=no_champion)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("as_of", "yesterday", "as_of: given 'yesterday'"),
        ("as_of", "2013-01-40", "as_of: given '2013-01-40'"),
        ("as_of", "0001-01-01", "from 1970 to 2200"),
        ("as_of", "2012-01-01", "choose a later as_of"),
        ("purpose", "look", "purpose: given 'look'; accepted: train or monitor"),
        ("target", "ftp://x", "target: given 'ftp://x'"),
        ("target", "local://../x", "target: given 'local://../x'"),
    ],
)
def test_refuses_what_a_form_could_hold(
    model: Path, tmp_path: Path, field: str, value: str, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        plan(request(model, **{field: value}), tmp_path / "plan", champion_reader=no_champion)


def test_the_clock_is_asked_only_where_no_instant_is_given() -> None:
    now = datetime(2013, 7, 1, 6, 30, 15, 999, tzinfo=UTC)

    assert resolve_as_of("", now) == datetime(2013, 7, 1, 6, 30, 15, tzinfo=UTC)
    assert resolve_as_of(" 2013-01-02 ", now) == datetime(2013, 1, 2, tzinfo=UTC)
    before = datetime.now(UTC).replace(microsecond=0)
    assert before <= resolve_as_of("") <= datetime.now(UTC)


def test_the_component_hands_on_what_was_planned(model: Path, tmp_path: Path) -> None:
    component = step_function("ops", "plan")
    from kfp.dsl import HTML, Artifact

    artifact, report = Artifact(uri=str(tmp_path / "plan")), HTML(uri=str(tmp_path / "plan.html"))

    as_of, name, decision, reason = component(
        str(model), "2013-01-20", "", "", "monitor", "r-1", artifact, report
    )

    assert (as_of, name, decision) == ("2013-01-20T00:00:00Z", "churn", "planned")
    made = Plan.of(tmp_path / "plan")
    assert reason == sentence(made)
    assert made.purpose == "monitor"
    page = (tmp_path / "plan.html").read_text(encoding="utf-8")
    assert "churn: the plan" in page
    assert "city.parquet" in page
    assert "gates.resamples" in page
