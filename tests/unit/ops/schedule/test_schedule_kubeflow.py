"""KFP's API as we call it: tokens, retries, what is missing; over real HTTP."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from components.core.errors import ApiRejected, ApiUnavailable, InputError
from components.core.spans import SpanKind
from components.ops.kubeflow.http_client import (
    KfpAlreadyExists,
    KfpConfig,
    KfpHttpClient,
    KfpNotFound,
)
from components.ops.schedule.kubeflow import RecurringRunApi
from components.ops.schedule.manifest import RunParameters
from components.ops.schedule.recurring_run import DesiredRecurringRun
from tests.fakes.kfp_faults import Fault
from tests.fakes.kfp_server import KfpApi, running

VERSION = "monitor-0123456789ab"
WANTED = DesiredRecurringRun(
    model="flights",
    pipeline="monitor",
    version=VERSION,
    parameters=RunParameters(model="models/flights"),
    every=SpanKind.DAY,
    namespace="",
    experiment="ratoon",
    service_account="",
)


@contextmanager
def http(
    deadline_s: float = 5.0, sleep: Callable[[float], None] | None = None
) -> Iterator[KfpHttpClient]:
    config = replace(KfpConfig.of_pod(), deadline_s=deadline_s, timeout_s=0.3)
    made = KfpHttpClient(config, sleep) if sleep else KfpHttpClient(config)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_transient_error_is_retried(kfp: KfpApi, status: int) -> None:
    kfp.faults.add(Fault("GET", "healthz", times=2, status=status))

    with http() as client:
        assert client.call("GET", "/healthz") == {}
    assert len(kfp.seen) == 3


def test_it_waits_as_long_as_it_is_asked_to_and_twice_as_long_each_time(kfp: KfpApi) -> None:
    kfp.faults.add(Fault("GET", "healthz", status=429, headers={"Retry-After": "2"}))
    kfp.faults.add(Fault("GET", "healthz", times=3, status=503))
    waited: list[float] = []

    with http(60.0, waited.append) as client:
        client.call("GET", "/healthz")

    assert waited[0] == 2.0
    # 0.2 s doubled with each attempt, of which this is the second, and at least half of it.
    for seconds, longest in zip(waited[1:], (0.4, 0.8, 1.6), strict=True):
        assert longest / 2 <= seconds <= longest


def test_a_connection_that_breaks_and_an_answer_that_is_late_are_tried_again(kfp: KfpApi) -> None:
    kfp.faults.add(Fault("GET", "healthz", drop=True))
    kfp.faults.add(Fault("GET", "healthz", before_s=0.6))

    with http() as client:
        assert client.call("GET", "/healthz") == {}
    assert len(kfp.seen) == 3


def test_nobody_there_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KF_PIPELINES_ENDPOINT", "http://127.0.0.1:9")

    with http(0.3) as client, pytest.raises(ApiUnavailable) as caught:
        client.call("GET", "/healthz")

    assert "GET http://127.0.0.1:9/apis/v2beta1/healthz: no answer (ConnectError" in str(
        caught.value
    )


def test_the_token_is_read_at_each_call(kfp: KfpApi, tmp_path: Path) -> None:
    kfp.tokens = {"first"}
    (tmp_path / "token").write_text("first\n")
    with http() as client:
        client.call("GET", "/experiments")
        kfp.tokens = {"second"}
        (tmp_path / "token").write_text("second\n")
        client.call("GET", "/experiments")

    assert [s.authorization for s in kfp.seen] == ["Bearer first", "Bearer second"]


def test_a_token_that_is_rotated_while_it_is_refused_is_used(kfp: KfpApi, tmp_path: Path) -> None:
    kfp.tokens = {"new"}
    file = tmp_path / "token"
    file.write_text("old")

    class Rotating(KfpHttpClient):
        def _send(self, *arguments: object) -> object:
            made = super()._send(*arguments)  # type: ignore[arg-type]
            file.write_text("new")
            return made

    client = Rotating(KfpConfig.of_pod())
    try:
        assert client.call("GET", "/experiments") == {}
    finally:
        client.close()
    assert [s.authorization for s in kfp.seen] == ["Bearer old", "Bearer new"]


def test_a_refused_token_says_its_audience(kfp: KfpApi, tmp_path: Path) -> None:
    kfp.tokens = {"good"}
    with http() as client:
        with pytest.raises(ApiRejected) as none:
            client.call("GET", "/experiments")
        (tmp_path / "token").write_text("secret-of-ours")
        with pytest.raises(ApiRejected) as bad:
            client.call("GET", "/experiments")

    assert "No token was sent" in str(none.value)
    assert "KF_PIPELINES_SA_TOKEN_PATH" in str(none.value)
    assert f"The token in {tmp_path}/token must have audience pipelines.kubeflow.org" in str(
        bad.value
    )
    assert "secret-of-ours" not in str(bad.value)
    assert len(kfp.seen) == 2


@pytest.mark.parametrize(
    ("resource", "verb", "method", "path"),
    [
        ("jobs", "list", "GET", "/recurringruns"),
        ("jobs", "delete", "DELETE", "/recurringruns/x"),
        ("jobs", "enable", "POST", "/recurringruns/x:enable"),
        ("pipelines", "list", "GET", "/pipelines"),
        ("experiments", "list", "GET", "/experiments"),
    ],
)
def test_a_missing_right_is_named(
    kfp: KfpApi, resource: str, verb: str, method: str, path: str
) -> None:
    kfp.denied.add((resource, verb))

    with http() as client, pytest.raises(ApiRejected) as caught:
        client.call(method, path)

    said = f"no verb '{verb}' on '{resource}' of pipelines.kubeflow.org: add it to the role of"
    assert said in str(caught.value)


def test_a_refusal_of_the_mesh_is_told_apart(kfp: KfpApi) -> None:
    kfp.faults.add(Fault("GET", "pipelines", status=403))

    with http() as client, pytest.raises(ApiRejected, match="a policy of the mesh or network"):
        client.call("GET", "/pipelines")


def test_refusals_have_classes_of_their_own(kfp: KfpApi) -> None:
    kfp.store.add_experiment("ratoon", "")
    with http() as client:
        with pytest.raises(KfpNotFound, match="Job nope not found"):
            client.call("DELETE", "/recurringruns/nope")
        with pytest.raises(KfpAlreadyExists, match="already exists"):
            client.call("POST", "/experiments", body={"display_name": "ratoon"})
        with pytest.raises(ApiRejected, match=r"400: .*must have a non-empty name"):
            client.call("POST", "/experiments", body={})


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault("GET", "healthz", status=302, headers={"Location": "/dex"}), "redirected to /dex"),
        (Fault("GET", "healthz", status=200), "the answer is not JSON"),
    ],
)
def test_what_is_no_api_is_said(kfp: KfpApi, fault: Fault, says: str) -> None:
    kfp.faults.add(fault)

    with http() as client, pytest.raises(ApiRejected) as caught:
        client.call("GET", "/healthz")

    assert says in str(caught.value)
    assert "Point KF_PIPELINES_ENDPOINT at the API" in str(caught.value)


def test_the_endpoint_is_a_url_and_has_a_default() -> None:
    assert KfpConfig.of_pod({}).endpoint == "http://ml-pipeline.kubeflow.svc.cluster.local:8888"
    assert KfpConfig.of_pod({"KF_PIPELINES_ENDPOINT": "https://kfp/x/"}).endpoint == "https://kfp/x"
    with pytest.raises(InputError, match="KF_PIPELINES_ENDPOINT: given 'ml-pipeline:8888'"):
        KfpConfig.of_pod({"KF_PIPELINES_ENDPOINT": "ml-pipeline:8888"})


def multi_user() -> KfpApi:
    api = KfpApi(multi_user=True)
    own = api.store.add_pipeline("monitor", "team")
    shared = api.store.add_pipeline("shared", "")
    for pipeline in (own, shared):
        text = "pipelineInfo: {name: monitor}\nroot: {}\n"
        api.store.add_version(pipeline["pipeline_id"], VERSION, text)
    return api


def test_with_multi_user_everything_is_asked_for_in_a_namespace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api = multi_user()
    wanted = WANTED.model_copy(update={"namespace": "team", "pipeline": "monitor"})
    with running(api=api) as url:
        monkeypatch.setenv("KF_PIPELINES_ENDPOINT", url)
        with http() as client:
            kfp = RecurringRunApi(client)
            made = kfp.create_experiment("ratoon", "team")
            kfp.create_experiment("ratoon", "other")

            assert kfp.resolve(wanted).experiment_id == made
            assert kfp.namespace(wanted) == "team"
            assert kfp.resolve(wanted.model_copy(update={"pipeline": "shared"})).pipeline_id
            with pytest.raises(InputError, match="given 'monitor'; accepted: one that is uploaded"):
                kfp.resolve(wanted.model_copy(update={"namespace": "other"}))
            with pytest.raises(InputError, match="multi-user mode"):
                kfp.namespace(WANTED)


def test_a_version_is_found_on_any_page_and_by_the_name_that_is_its_own(kfp: KfpApi) -> None:
    (pipeline,) = kfp.store.rows("pipelines")
    text = kfp.store.texts[kfp.store.rows("versions")[0]["pipeline_version_id"]]
    made = [
        kfp.store.add_version(pipeline["pipeline_id"], f"monitor-{number:012d}", text)
        for number in range(420)
    ]
    # An object of the cluster has a name of its own and another that is shown.
    kfp.store.rows("versions")[7]["display_name"] = VERSION

    with http() as client:
        for wanted, row in (("monitor-000000000000", made[0]), ("monitor-000000000419", made[-1])):
            ids = RecurringRunApi(client).resolve(WANTED.model_copy(update={"version": wanted}))
            assert ids.version_id == row["pipeline_version_id"]
        own = RecurringRunApi(client).resolve(WANTED).version_id

    assert own == kfp.store.rows("versions", name=VERSION)[0]["pipeline_version_id"]
