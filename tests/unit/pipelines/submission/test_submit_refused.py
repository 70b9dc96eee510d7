"""What `make submit` does not start, and what it says of it."""

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml
from played_cluster import Cluster

from components.core.errors import InputError
from pipelines.submission import submit
from pipelines.submission.parameters import MAX_PARAMETER_BYTES, RunRequest, prepare_request
from tests.fakes.kfp_faults import Fault

ROOT = Path(__file__).resolve().parents[4]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--as-of", "yesterday"), "as_of: given 'yesterday'"),
        (("--target", "kubernetes://x"), "target: given 'kubernetes://x'"),
        (("--target", "local://build/x"), "serving.target: given 'local://build/x'"),
        (("--overlay", "overlays/none.yaml"), "overlays/none.yaml"),
        (("--overlay", ""), "data.primary.uri: given 'build/flights/source"),
        (("--pipeline", "train"), "PIPELINE: given 'train'; accepted: train-and-deploy or monitor"),
    ],
)
def test_a_wrong_parameter_is_refused_before_anything_is_sent(
    submitted, arguments: tuple[str, str], said: str, capsys
) -> None:
    cluster = Cluster()
    with cluster.serving() as url:
        assert submitted(url, *arguments) == 2
    assert said in capsys.readouterr().err
    assert cluster.api.seen == []


def test_a_spec_that_is_none_is_refused_before_anything_is_sent(
    submitted, model: Path, capsys
) -> None:
    spec = model / "model.yaml"
    spec.write_text(spec.read_text().replace("label:", "lable:"))
    cluster = Cluster()
    with cluster.serving() as url:
        assert submitted(url) == 2
    assert "Did you mean 'label'?" in capsys.readouterr().err
    assert cluster.api.seen == []


def test_nothing_answers(submitted, capsys) -> None:
    assert submitted("http://127.0.0.1:1") == 2
    said = capsys.readouterr().err
    assert said.startswith("http://127.0.0.1:1/apis/v2beta1/healthz: no answer")
    assert "kubectl port-forward" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("endpoint", ["localhost:8080", "ftp://x", "http://"])
def test_an_endpoint_that_is_none(submitted, endpoint: str, capsys) -> None:
    assert submitted(endpoint) == 2
    assert f"ENDPOINT: given '{endpoint}'" in capsys.readouterr().err


def test_no_token_or_an_old_one(
    submitted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    cluster, token = Cluster(), tmp_path / "token"
    cluster.api.tokens = {"good"}
    with cluster.serving() as url:
        assert submitted(url) == 2
        assert "KF_PIPELINES_SA_TOKEN_PATH" in capsys.readouterr().err
        monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(token))
        assert submitted(url) == 2
        assert "a file that holds a token" in capsys.readouterr().err
        token.write_text("")
        assert submitted(url) == 2
        assert "is empty" in capsys.readouterr().err
        token.write_text("old\n")
        assert submitted(url) == 2
        assert "old" not in capsys.readouterr().err, "a token is never shown"
        token.write_text("good\n")
        assert submitted(url) == 0
    assert {one.authorization for one in cluster.api.seen[-3:]} == {"Bearer good"}


def test_a_right_that_is_missing_is_named(submitted, capsys) -> None:
    cluster = Cluster()
    cluster.api.denied = {("runs", "create")}
    with cluster.serving() as url:
        assert submitted(url) == 2
    assert "You have no verb 'create' on 'runs'" in capsys.readouterr().err


def test_a_shared_kubeflow_wants_a_namespace(submitted, capsys) -> None:
    cluster = Cluster(multi_user=True)
    with cluster.serving() as url:
        assert submitted(url) == 2
        assert "NAMESPACE: given 'nothing'" in capsys.readouterr().err
        assert submitted(url, "--namespace", "team") == 0
    assert {one["namespace"] for one in cluster.api.store.rows("pipelines")} == {"team"}
    assert {one["namespace"] for one in cluster.api.store.rows("experiments")} == {"team"}


@pytest.mark.parametrize(("status", "said"), [(404, "no Kubeflow Pipelines"), (503, "Try again")])
def test_another_server(submitted, status: int, said: str, capsys) -> None:
    cluster = Cluster()
    cluster.api.faults.add(Fault("GET", "/healthz", times=9, status=status))
    with cluster.serving() as url:
        assert submitted(url) == 2
    assert said in capsys.readouterr().err
    assert cluster.uploaded() == {}


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


def test_a_page_to_log_in_at(submitted, capsys) -> None:
    with HTTPServer(("127.0.0.1", 0), LoginPage) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        code = submitted(f"http://127.0.0.1:{server.server_address[1]}")
        server.shutdown()
    assert code == 2
    assert "log in" in capsys.readouterr().err


def test_pipelines_of_two_compilations(model: Path, folder: Path, tmp_path: Path, capsys) -> None:
    for name in ("train-and-deploy", "monitor"):
        (tmp_path / f"{name}.yaml").write_text((folder / f"{name}.yaml").read_text())
    committed = ROOT / "manifests/pipelines/train-and-deploy.yaml"
    (tmp_path / "train-and-deploy.yaml").write_text(committed.read_text())
    assert submit.main([str(model), "--folder", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "Run `make compile`" in said
    assert str(tmp_path / "train-and-deploy.yaml") in said


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
