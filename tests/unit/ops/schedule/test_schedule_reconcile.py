"""Making KFP have what is wanted, over real HTTP: killed, raced, hindered."""

import threading
from collections import Counter
from collections.abc import Callable

import pytest

from components.core.errors import ApiRejected, ApiUnavailable, InputError
from components.ops.kubeflow.http_client import KfpConfig, KfpHttpClient
from components.ops.schedule.kubeflow import RecurringRunApi, connect_kubeflow
from components.ops.schedule.manifest import EnvDefaults, parse_manifest
from components.ops.schedule.reconcile import ReconcileResult, reconcile
from components.ops.schedule.recurring_run import DesiredRecurringRun
from tests.fakes.kfp_faults import Fault
from tests.fakes.kfp_server import KfpApi

VERSION = "monitor-0123456789ab"


def wanted(every: str = "day", model: str = "flights") -> DesiredRecurringRun:
    text = f"model: {model}\nparameters: {{model: models/{model}}}\nevery: {every}\n"
    return DesiredRecurringRun.of(
        parse_manifest(text, "f.yaml"), EnvDefaults(VERSION, "ml"), "declared"
    )


def reconciled(one: DesiredRecurringRun) -> ReconcileResult:
    with connect_kubeflow() as api:
        return reconcile(api, one)


def recurring_runs(kfp: KfpApi) -> list[str]:
    return sorted(r["display_name"] for r in kfp.store.rows("recurringruns"))


def at_once(*work: Callable[[], object]) -> list[BaseException]:
    """Runs all in threads that start together; what they raised."""
    start, raised = threading.Barrier(len(work)), []

    def run(one: Callable[[], object]) -> None:
        start.wait()
        try:
            one()
        except Exception as error:  # noqa: BLE001 - handed on to the test
            raised.append(error)

    threads = [threading.Thread(target=run, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return raised


def test_made_once_and_then_left(kfp: KfpApi) -> None:
    first, second = reconciled(wanted()), reconciled(wanted())

    (run,) = kfp.store.rows("recurringruns")
    assert (first.decision, second.decision) == ("scheduled", "unchanged")
    assert second.actions == ()
    assert (run["mode"], run["no_catchup"], run["max_concurrency"]) == ("ENABLE", True, "1")
    assert run["service_account"] == "ratoon-pipeline"
    assert run["trigger"] == {"cron_schedule": {"cron": "0 0 0 * * *"}}
    version = kfp.store.rows("versions")[0]["pipeline_version_id"]
    assert run["pipeline_version_reference"]["pipeline_version_id"] == version


def test_the_new_one_is_made_before_the_old_one_goes(kfp: KfpApi) -> None:
    reconciled(wanted("day"))
    since = len(kfp.seen)

    made = reconciled(wanted("month"))

    changes = [(s.method, s.path.split("?")[0]) for s in kfp.seen[since:] if s.method != "GET"]
    assert [method for method, _ in changes] == ["POST", "DELETE"]
    assert recurring_runs(kfp) == [wanted("month").name] == [made.name]
    assert f"deleted {wanted('day').name}" in made.actions


def test_what_the_old_one_started_goes_on(kfp: KfpApi) -> None:
    reconciled(wanted("day"))
    (old,) = kfp.store.rows("recurringruns")
    run = kfp.runs.fire(old["recurring_run_id"], "2013-07-02T00:00:00Z")

    reconciled(wanted("month"))

    assert recurring_runs(kfp) == [wanted("month").name]
    assert kfp.store.get("runs", run["run_id"])["state"] == "PENDING"


def test_what_was_disabled_by_hand_is_enabled_and_said(kfp: KfpApi) -> None:
    reconciled(wanted())
    (run,) = kfp.store.rows("recurringruns")
    kfp.runs.switch(run["recurring_run_id"], enable=False)

    made = reconciled(wanted())

    assert kfp.store.rows("recurringruns")[0]["mode"] == "ENABLE"
    assert made.actions == (
        f"{wanted().name} was disabled by hand",
        f"enabled {wanted().name}",
    )


def test_what_was_edited_by_hand_is_made_anew(kfp: KfpApi) -> None:
    reconciled(wanted())
    (run,) = kfp.store.rows("recurringruns")
    run["trigger"] = {"cron_schedule": {"cron": "0 0 0 1 1 *"}}

    made = reconciled(wanted())

    (stands,) = kfp.store.rows("recurringruns")
    assert stands["trigger"] == {"cron_schedule": {"cron": "0 0 0 * * *"}}
    assert f"{wanted().name} was changed: schedule" in made.actions


def test_runs_of_others_stay_even_hundreds(kfp: KfpApi) -> None:
    reconciled(wanted(model="taxi"))
    for number in range(450):
        row = {"display_name": f"other-{number}", "description": "", "mode": "ENABLE"}
        kfp.store.add("recurringruns", row)
    before = recurring_runs(kfp)

    reconciled(wanted("day"))
    reconciled(wanted("month"))

    assert recurring_runs(kfp) == sorted([*before, wanted("month").name])


def test_a_version_that_is_gone_and_came_back_is_another(kfp: KfpApi) -> None:
    reconciled(wanted())
    (version,) = kfp.store.rows("versions")
    kfp.store.drop("versions", version["pipeline_version_id"])
    text = kfp.store.texts[version["pipeline_version_id"]]
    again = kfp.store.add_version(version["pipeline_id"], VERSION, text)

    made = reconciled(wanted())

    (stands,) = kfp.store.rows("recurringruns")
    reference = stands["pipeline_version_reference"]
    assert reference["pipeline_version_id"] == again["pipeline_version_id"]
    assert f"{wanted().name} was changed: pipeline version" in made.actions


def test_a_version_that_is_not_there_is_said_with_those_that_are(kfp: KfpApi) -> None:
    other = wanted().model_copy(update={"version": "monitor-ffffffffffff"})

    with pytest.raises(InputError) as caught:
        reconciled(other)

    for said in ("'monitor-ffffffffffff'", VERSION, "ratoon submit", "kubectl apply -k"):
        assert said in str(caught.value)
    assert recurring_runs(kfp) == []


@pytest.mark.parametrize("requests", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
def test_killed_anywhere_it_is_finished_by_being_run_again(kfp: KfpApi, requests: int) -> None:
    reconciled(wanted("day"))
    config = KfpConfig.of_pod()

    class Killed(Exception):
        pass

    class Dying(KfpHttpClient):
        left = requests

        def call(self, *arguments: object, **more: object) -> object:
            Dying.left -= 1
            if Dying.left < 0:
                raise Killed
            return super().call(*arguments, **more)

    dying = Dying(config)
    try:
        reconcile(RecurringRunApi(dying), wanted("month"))
    except Killed:
        assert recurring_runs(kfp) != []
    finally:
        dying.close()

    reconciled(wanted("month"))

    assert recurring_runs(kfp) == [wanted("month").name]


@pytest.mark.parametrize(
    "faults",
    [
        [],
        # Lists that are answered late: both see the world as it was before the other's creation.
        [Fault("GET", "recurringruns$", times=4, after_s=0.2)],
        # Creations that happen late, after the other has looked.
        [Fault("POST", "recurringruns$", times=1, before_s=0.4)],
        # Creations whose answers come late, or never, so that they are sent again.
        [Fault("POST", "recurringruns$", times=2, after_s=0.3)],
        [Fault("POST", "recurringruns$", times=2, drop=True)],
        [Fault("DELETE", "recurringruns", times=2, before_s=0.2)],
        [Fault("*", "recurringruns", times=5, status=503)],
    ],
    ids=["none", "late lists", "late creation", "late answers", "lost answers", "slow", "503"],
)
def test_reconcilers_at_once_leave_exactly_one(kfp: KfpApi, faults: list[Fault]) -> None:
    reconciled(wanted("hour"))
    for fault in faults:
        kfp.faults.add(fault)

    raised = at_once(*[lambda: reconciled(wanted("day")) for _ in range(4)])

    assert raised == []
    assert recurring_runs(kfp) == [wanted("day").name]
    assert kfp.store.rows("recurringruns")[0]["mode"] == "ENABLE"


def test_first_reconcilers_at_once_leave_one_experiment_too(kfp: KfpApi) -> None:
    raised = at_once(*[lambda: reconciled(wanted("day")) for _ in range(4)])

    assert raised == []
    assert recurring_runs(kfp) == [wanted("day").name]
    assert [e["display_name"] for e in kfp.store.rows("experiments")] == ["ratoon"]


def test_two_that_want_different_runs_leave_one_of_them(kfp: KfpApi) -> None:
    raised = at_once(
        *[lambda every=every: reconciled(wanted(every)) for every in ("day", "month")],
    )

    assert all(isinstance(error, ApiRejected) for error in raised)
    assert len(raised) < 2
    assert Counter(recurring_runs(kfp)).most_common(1)[0][1] == 1
    assert len(recurring_runs(kfp)) == 1


def test_a_service_account_without_the_right_is_told_which(kfp: KfpApi) -> None:
    kfp.denied.add(("jobs", "create"))

    with pytest.raises(ApiRejected) as caught:
        reconciled(wanted())

    said = str(caught.value)
    assert "no verb 'create' on 'jobs' of pipelines.kubeflow.org" in said


def test_a_kfp_that_stays_away_is_unavailable(kfp: KfpApi) -> None:
    kfp.faults.add(Fault("*", "", times=1000, status=503))
    config = KfpConfig.of_pod()
    http = KfpHttpClient(KfpConfig(config.endpoint, config.token, deadline_s=0.5))
    try:
        with pytest.raises(ApiUnavailable, match=r"it answered 503, after \d+ attempt"):
            reconcile(RecurringRunApi(http), wanted())
    finally:
        http.close()
