"""What is not submitted, and what is said of it."""

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml
from played_cluster import Cluster

from components.core.errors import ApiRejected, ApiUnavailable, ClusterError, InputError
from pipelines.submission.parameters import MAX_PARAMETER_BYTES, RunRequest, prepare_request
from tests.fakes.kfp_faults import Fault

ROOT = Path(__file__).resolve().parents[4]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"as_of": "yesterday"}, "as_of: given 'yesterday'"),
        ({"target": "kubernetes://x"}, "target: given 'kubernetes://x'"),
        ({"target": "local://build/x"}, "serving.target: given 'local://build/x'"),
        ({"overlay": "overlays/none.yaml"}, "overlays/none.yaml"),
        ({"overlay": ""}, "data.primary.uri: given 'build/flights/source"),
        ({"pipeline": "train"}, "PIPELINE: given 'train'; accepted: train-and-deploy or monitor"),
    ],
)
def test_a_wrong_parameter_is_refused_before_anything_is_sent(
    submitted, given: dict[str, str], said: str
) -> None:
    cluster = Cluster()
    with cluster.serving() as url, pytest.raises(InputError) as caught:
        submitted(url, **given)
    assert said in str(caught.value)
    assert cluster.api.seen == []


def test_a_spec_that_is_none_is_refused_before_anything_is_sent(submitted, model: Path) -> None:
    spec = model / "model.yaml"
    spec.write_text(spec.read_text().replace("label:", "lable:"))
    cluster = Cluster()
    with cluster.serving() as url, pytest.raises(InputError, match=r"Did you mean 'label'\?"):
        submitted(url)
    assert cluster.api.seen == []


def test_nothing_answers(submitted) -> None:
    with pytest.raises(ApiUnavailable) as caught:
        submitted("http://127.0.0.1:1")
    said = str(caught.value)
    assert said.startswith("GET http://127.0.0.1:1/apis/v2beta1/healthz: no answer")
    assert "kubectl port-forward" in said


@pytest.mark.parametrize("endpoint", ["localhost:8080", "ftp://x", "http://"])
def test_an_endpoint_that_is_none(submitted, endpoint: str) -> None:
    with pytest.raises(InputError, match=f"ENDPOINT: given '{endpoint}'"):
        submitted(endpoint)


def test_no_token_or_an_old_one(submitted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, token = Cluster(), tmp_path / "token"
    cluster.api.tokens = {"good"}
    with cluster.serving() as url:
        with pytest.raises(ApiRejected, match="KF_PIPELINES_SA_TOKEN_PATH"):
            submitted(url)
        monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(token))
        with pytest.raises(InputError, match="a file that holds a token"):
            submitted(url)
        token.write_text("")
        with pytest.raises(InputError, match="is empty"):
            submitted(url)
        token.write_text("0ld-s3cret\n")
        with pytest.raises(ApiRejected) as caught:
            submitted(url)
        assert "0ld-s3cret" not in str(caught.value), "a token is never shown"
        token.write_text("good\n")
        assert submitted(url).is_good
    assert {one.authorization for one in cluster.api.seen[-3:]} == {"Bearer good"}


def test_a_right_that_is_missing_is_named(submitted) -> None:
    cluster = Cluster()
    cluster.api.denied = {("runs", "create")}
    with cluster.serving() as url, pytest.raises(ApiRejected, match="no verb 'create' on 'runs'"):
        submitted(url)


def test_a_shared_kubeflow_wants_a_namespace(submitted) -> None:
    cluster = Cluster(multi_user=True)
    with cluster.serving() as url:
        with pytest.raises(InputError, match="NAMESPACE: given 'nothing'"):
            submitted(url)
        assert submitted(url, namespace="team").is_good
    assert {one["namespace"] for one in cluster.api.store.rows("pipelines")} == {"team"}
    assert {one["namespace"] for one in cluster.api.store.rows("experiments")} == {"team"}


@pytest.mark.parametrize(("status", "said"), [(404, "no Kubeflow Pipelines"), (503, "Try again")])
def test_another_server(submitted, status: int, said: str) -> None:
    cluster = Cluster()
    cluster.api.faults.add(Fault("GET", "/healthz", times=99, status=status))
    with cluster.serving() as url, pytest.raises(ClusterError, match=said):
        submitted(url)
    assert cluster.uploaded() == {}


def test_a_run_whose_answer_was_lost_is_not_started_twice(submitted) -> None:
    cluster = Cluster()
    cluster.api.faults.add(Fault("POST", "/runs$", drop=True))
    with cluster.serving() as url, pytest.raises(ApiUnavailable):
        submitted(url)
    assert len(cluster.runs()) == 1


def test_a_version_whose_answer_was_lost_is_uploaded_once(submitted) -> None:
    cluster = Cluster()
    cluster.api.faults.add(Fault("POST", "/pipelines", times=2, drop=True))
    with cluster.serving() as url:
        assert submitted(url).is_good
    assert [len(versions) for versions in cluster.uploaded().values()] == [1, 1]


class LoginPage(BaseHTTPRequestHandler):
    """Answers everything with a page for people, as what stands before Kubeflow may."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<html>Log in</html>")

    do_POST = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def test_a_page_to_log_in_at(submitted) -> None:
    with HTTPServer(("127.0.0.1", 0), LoginPage) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(ApiRejected, match="log in"):
            submitted(f"http://127.0.0.1:{server.server_address[1]}")
        server.shutdown()


def test_pipelines_of_two_compilations(submitted, folder: Path, tmp_path: Path) -> None:
    for name in ("train-and-deploy", "monitor"):
        (tmp_path / f"{name}.yaml").write_text((folder / f"{name}.yaml").read_text())
    committed = ROOT / "manifests/pipelines/train-and-deploy.yaml"
    (tmp_path / "train-and-deploy.yaml").write_text(committed.read_text())
    with pytest.raises(InputError, match="Run `ratoon compile`") as caught:
        submitted("http://127.0.0.1:1", folder=tmp_path)
    assert str(tmp_path / "train-and-deploy.yaml") in str(caught.value)


def test_a_folder_too_large_for_a_parameter(model: Path) -> None:
    tests = yaml.safe_load((model / "behaviour.yaml").read_text())
    (model / "behaviour.yaml").write_text(yaml.safe_dump(tests) + "#" * MAX_PARAMETER_BYTES)
    with pytest.raises(InputError, match="git\\+https"):
        prepare_request(RunRequest(str(model), overlay="overlays/cluster.yaml"))


@pytest.mark.parametrize(
    ("uri", "claim", "reached"),
    [
        ("/mnt/pvc/data/log", "data", True),
        ("file:///mnt/pvc/data/log", "data", True),
        ("/mnt/pvc/other/log", "data", False),
        ("/mnt/pvc/data/log", "", False),
        ("/mnt/pvc/data2/log", "data", False),
        ("build/log", "data", False),
    ],
)
def test_only_the_volume_that_is_mounted_is_reached(
    model: Path, uri: str, claim: str, reached: bool, change: Callable[[Path, str], None]
) -> None:
    change(model, uri)
    asked = RunRequest(str(model), overlay="overlays/cluster.yaml")
    if reached:
        assert prepare_request(asked, claim).model
    else:
        with pytest.raises(InputError, match=r"serving\.log"):
            prepare_request(asked, claim)


@pytest.fixture
def change() -> Callable[[Path, str], None]:
    def make(model: Path, log: str) -> None:
        file = model / "overlays/cluster.yaml"
        overlay = yaml.safe_load(file.read_text())
        overlay["serving"] |= {"log": log, "audit": "s3://ratoon/audit"}
        file.write_text(yaml.safe_dump(overlay))

    return make
