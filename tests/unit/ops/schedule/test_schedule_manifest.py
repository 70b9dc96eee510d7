"""What git declares: read, checked, and turned into what is wanted."""

from pathlib import Path

import pytest

from components.core.errors import InputError
from components.ops.schedule.manifest import EnvDefaults, parse_manifest, read_manifests
from components.ops.schedule.recurring_run import DesiredRecurringRun
from components.ops.schedule.trigger import Trigger

GOOD = "model: flights\nparameters: {model: models/flights}\nevery: month\n"


def test_the_defaults() -> None:
    wanted = DesiredRecurringRun.of(
        parse_manifest(GOOD, "f.yaml"), EnvDefaults("monitor-1", "ml"), "declared"
    )

    assert (wanted.model, wanted.pipeline, wanted.version) == ("flights", "monitor", "monitor-1")
    assert (wanted.namespace, wanted.experiment) == ("ml", "ratoon")
    assert (wanted.service_account, wanted.enabled) == ("ratoon-pipeline", True)
    assert wanted.trigger == Trigger(cron="0 0 0 1 * *")
    assert wanted.arguments == {
        "model": "models/flights",
        "overlay": "",
        "target": "",
        "as_of": "start of month",
    }


def test_what_the_file_names_goes_before_the_environment() -> None:
    around = EnvDefaults("monitor-1", "ml", "production.yaml")
    bare = DesiredRecurringRun.of(parse_manifest(GOOD, "f.yaml"), around, "declared")
    named = GOOD.replace("{model:", "{overlay: staging.yaml, model:")
    text = f"{named}version: monitor-7\nnamespace: team\n"
    full = DesiredRecurringRun.of(parse_manifest(text, "f.yaml"), around, "declared")

    assert (bare.version, bare.namespace) == ("monitor-1", "ml")
    assert bare.parameters.overlay == "production.yaml"
    assert (full.version, full.namespace) == ("monitor-7", "team")
    assert full.parameters.overlay == "staging.yaml"


def test_a_cron_of_its_own_has_no_boundary_to_look_back_from() -> None:
    text = "model: flights\nparameters: {model: m}\ncron: 0 30 6 * * 1-5\n"

    wanted = DesiredRecurringRun.of(
        parse_manifest(text, "f.yaml"), EnvDefaults("monitor-1", ""), "declared"
    )

    assert wanted.trigger == Trigger(cron="0 30 6 * * 1-5")
    assert wanted.arguments["as_of"] == ""


def test_the_digest_is_of_what_runs_not_of_who_wants_it_or_whether_it_does() -> None:
    declared = parse_manifest(GOOD, "f.yaml")
    wanted = DesiredRecurringRun.of(declared, EnvDefaults("monitor-1", "ml"), "declared")
    off = parse_manifest(f"{GOOD}enabled: false\n", "f.yaml")

    assert (
        DesiredRecurringRun.of(off, EnvDefaults("monitor-1", "ml"), "step").digest == wanted.digest
    )
    assert (
        DesiredRecurringRun.of(declared, EnvDefaults("monitor-2", "ml"), "declared").digest
        != wanted.digest
    )
    assert (
        DesiredRecurringRun.of(declared, EnvDefaults("monitor-1", "other"), "declared").digest
        != wanted.digest
    )
    assert wanted.name == f"flights-monitor-{wanted.digest[:12]}"
    assert wanted.digest in wanted.description


@pytest.mark.parametrize("version", ["", "to-be-named"])
def test_the_newest_version_is_never_meant(version: str) -> None:
    with pytest.raises(InputError) as caught:
        DesiredRecurringRun.of(
            parse_manifest(GOOD, "f.yaml"), EnvDefaults(version, "ml"), "declared"
        )

    assert "flights: version of pipeline monitor" in str(caught.value)
    assert "RATOON_MONITOR_VERSION" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD.replace("month", "fortnight"), "f.yaml: every: given 'fortnight'"),
        (GOOD.replace("month", "0h"), "a duration that is not zero"),
        (GOOD.replace("every: month\n", ""), "either every"),
        (f"{GOOD}cron: 0 0 0 * * *\n", "either every"),
        (GOOD.replace("every: month", "cron: 0 0 * * *"), "f.yaml: cron: given '0 0 * * *'"),
        (f"{GOOD}versoin: x\n", "f.yaml: given 'versoin'; accepted: one of cron, enabled"),
        (
            GOOD.replace("{model: models/flights}", "{}"),
            "f.yaml: parameters.model: given nothing",
        ),
        (GOOD.replace("{model:", "{as_of: x, model:"), "accepted: one of model, overlay, target"),
        (GOOD.replace("model: flights\n", "model: Flights!\n"), "a DNS label"),
        ("- a\n- b\n", "a YAML mapping"),
        ("model: [", "breaks at line"),
        (f"{GOOD}model: again\n", "for the second time"),
        (f"{GOOD}enabled: perhaps\n", "f.yaml: enabled: given 'perhaps'"),
        (f"{GOOD}enabled: perhaps\nexperiment: ''\n", "Also enabled"),
    ],
)
def test_says_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_manifest(text, "f.yaml")

    assert says in str(caught.value)


def test_finds_files_and_folders_in_order(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text(GOOD)
    (tmp_path / "a.yml").write_text(GOOD.replace("flights", "taxi"))
    (tmp_path / "kustomization.yaml").write_text("resources: []\n")
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "b.yaml").write_text(GOOD)
    (tmp_path / "notes.txt").write_text("none")

    found = read_manifests([tmp_path, tmp_path / "b.yaml"])

    assert [(Path(file).name, one.model) for file, one in found.items()] == [
        ("a.yml", "taxi"),
        ("b.yaml", "flights"),
    ]


def test_refuses_two_files_for_one_model_and_none_at_all(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_manifests([tmp_path / "flights.yaml"])
    with pytest.raises(InputError, match="no YAML file"):
        read_manifests([tmp_path])
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD)
    with pytest.raises(InputError, match="one file per model"):
        read_manifests([tmp_path])
