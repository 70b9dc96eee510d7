"""The local target with real processes: switches, refusals, and what it leaves behind."""

import threading
import time

import pytest

from components.core.errors import DeadlineExceeded, InputError, RatoonError
from components.ops.targets.local import processes
from components.ops.targets.local.serving import describe, read_record, serve, stop
from components.ops.targets.local.target import LocalTarget
from components.ops.targets.protocol import CandidateGone, ChampionChanged
from components.ops.targets.target_uri import LocalTargetUri
from tests.unit.ops.targets.conftest import Serving, predict, record_of, versions_running
from tests.unit.ops.targets.serving_factories import MODEL, Clients, candidate_of, make_model


def test_no_request_is_lost_while_versions_change(serving: Serving) -> None:
    serving.promote("v1", delay_s=0.02)
    address = serving.target.address
    assert address is not None
    with Clients(address, number=6) as clients:
        clients.wait_for(20)
        for version in ("v2", "v3"):
            serving.stage(version, delay_s=0.02)
            serving.target.wait_ready(version, 30)
            serving.target.shift(version, 0.5)
            clients.wait_for(40)
            serving.target.promote(version, serving.target.champion(), "by the test")
            clients.wait_for(20)
        serving.stage("v4", delay_s=0.02)
        serving.target.wait_ready("v4", 30)
        serving.target.shift("v4", 0.5)
        clients.wait_for(40)
        serving.target.roll_back("v4", "by the test")
        clients.wait_for(20)
    assert clients.broken == []
    assert set(clients.statuses) == {200}
    assert set(clients.versions) == {"v1", "v2", "v3", "v4"}
    assert serving.target.address == address
    assert versions_running(serving) == ["gateway", "v3"]


def test_a_slow_request_is_answered_before_its_server_ends(serving: Serving) -> None:
    serving.promote("v1", delay_s=2.0)
    serving.stage("v2")
    serving.target.wait_ready("v2", 30)
    address = serving.target.address
    assert address is not None
    with Clients(address, number=3) as clients:
        time.sleep(0.5)
        serving.target.promote("v2", serving.target.champion(), "by the test")
        assert versions_running(serving) == ["gateway", "v2"]
    assert clients.broken == []
    assert set(clients.statuses) == {200}
    assert clients.versions["v1"] == 3


def test_another_champion_stops_a_deployment_and_nothing_is_changed(serving: Serving) -> None:
    first = serving.promote("v1")
    second = serving.promote("v2")
    before = record_of(serving)
    model = make_model(serving.tmp, "v3")
    for planned in (first, None, second.model_copy(update={"digest": "other bytes"})):
        with pytest.raises(ChampionChanged) as caught:
            serving.target.stage(model, candidate_of("v3", serving.tmp), planned)
        assert caught.value.serving == second
    assert record_of(serving) == before
    assert not serving.target.target_uri.model_folder("v3").exists()
    assert versions_running(serving) == ["gateway", "v2"]


def test_a_candidate_is_promoted_only_beside_the_champion_that_it_was_planned_for(
    serving: Serving,
) -> None:
    serving.promote("v1")
    serving.stage("v2")
    with pytest.raises(ChampionChanged):
        serving.target.promote("v2", None, "by the test")
    assert record_of(serving).candidate is not None
    assert predict(serving).headers["x-ratoon-version"] == "v1"


def test_staging_again_finds_what_was_staged(serving: Serving) -> None:
    serving.promote("v1")
    serving.stage("v2")
    serving.target.shift("v2", 0.25)
    before = record_of(serving)
    serving.stage("v2")
    assert record_of(serving) == before
    staged = serving.target.staged()
    assert staged is not None
    assert (staged.version, staged.share) == ("v2", 0.25)


def test_promoting_and_rolling_back_again_change_nothing(serving: Serving) -> None:
    champion = serving.promote("v1")
    assert serving.target.promote("v1", None, "again") == champion
    made = make_model(serving.tmp, "v1")
    assert serving.target.stage(made, candidate_of("v1", serving.tmp), None).share == 1.0
    serving.target.roll_back("v1", "it is no candidate")
    serving.target.roll_back("v0", "never there")
    assert serving.target.champion() == champion
    outcome = serving.target.outcome("v1")
    assert outcome is not None
    assert outcome.decision == "promoted"
    with pytest.raises(CandidateGone):
        serving.target.promote("v0", champion, "never there")


def test_a_newer_candidate_replaces_one_that_was_left(serving: Serving) -> None:
    serving.promote("v1")
    serving.stage("v2")
    serving.stage("v3")
    assert versions_running(serving) == ["gateway", "v1", "v3"]
    outcome = serving.target.outcome("v2")
    assert outcome is not None
    assert "v3" in outcome.reason
    assert not serving.target.target_uri.model_folder("v2").exists()
    with pytest.raises(CandidateGone):
        serving.target.shift("v2", 0.1)


def test_of_two_deployments_at_once_one_is_staged(serving: Serving) -> None:
    champion = serving.promote("v1")
    failures: list[RatoonError] = []

    def stage(version: str) -> None:
        try:
            model = make_model(serving.tmp, version)
            serving.target.stage(model, candidate_of(version, serving.tmp), champion)
        except RatoonError as error:
            failures.append(error)

    threads = [threading.Thread(target=stage, args=(v,)) for v in ("v2", "v3", "v4")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    staged = serving.target.staged()
    assert staged is not None
    assert versions_running(serving) == sorted(["gateway", "v1", staged.version])
    assert serving.target.champion() == champion
    assert serving.target.wait_ready(staged.version, 30).url


def test_the_same_version_with_other_bytes_never_replaces_the_champion(serving: Serving) -> None:
    serving.promote("v1")
    with pytest.raises(InputError, match="v1"):
        serving.stage("v1", offset=0.2)
    assert predict(serving).status_code == 200


def test_a_server_that_ends_or_never_becomes_ready_says_its_last_words(serving: Serving) -> None:
    serving.promote("v1")
    serving.stage("v2", start_fails=True)
    with pytest.raises(DeadlineExceeded, match="SavedModel file does not exist"):
        serving.target.wait_ready("v2", 30)
    serving.target.roll_back("v2", "it never loaded")
    serving.stage("v3", never_ready=True)
    with pytest.raises(DeadlineExceeded, match=r"not ready within 0\.5 s"):
        serving.target.wait_ready("v3", 0.5)
    assert predict(serving).headers["x-ratoon-version"] == "v1"


def test_the_port_that_the_target_names_is_the_port(serving: Serving) -> None:
    port = processes.free_port()
    target = LocalTarget(LocalTargetUri(serving.folder, port), MODEL)
    model = make_model(serving.tmp, "v1")
    target.stage(model, candidate_of("v1", serving.tmp), None)
    assert target.address == f"http://127.0.0.1:{port}"


def test_a_port_that_another_program_has_is_refused_by_name(serving: Serving) -> None:
    serving.promote("v1")
    gateway = record_of(serving).gateway
    assert gateway is not None
    other = LocalTarget(LocalTargetUri(serving.tmp / "other", gateway.port), MODEL)
    model = make_model(serving.tmp, "v2")
    try:
        with pytest.raises(InputError, match=f"port {gateway.port}"):
            other.stage(model, candidate_of("v2", serving.tmp), None)
    finally:
        stop(serving.tmp / "other")


def test_earlier_champions_are_kept_but_not_for_ever(serving: Serving) -> None:
    for version in ("v1", "v2", "v3", "v4", "v5"):
        serving.promote(version)
    kept = sorted(folder.name for folder in (serving.folder / "models").iterdir())
    assert kept == ["v2", "v3", "v4", "v5"]
    assert versions_running(serving) == ["gateway", "v5"]


def test_serving_is_described_stopped_and_started_again(serving: Serving) -> None:
    serving.promote("v1")

    folder = serving.folder
    assert "champion  v1\n" in describe(read_record(folder))
    assert (stop(folder), stop(folder)) == (2, 0)
    assert "v1 (not running)" in describe(read_record(folder))
    assert "champion  v1\n" in describe(serve(folder))
    assert predict(serving).status_code == 200
    with pytest.raises(InputError, match="a folder that serves"):
        serve(serving.tmp / "nothing")
