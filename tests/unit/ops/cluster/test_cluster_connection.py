"""Which cluster we are connected to, and what is said where there is none."""

from pathlib import Path

import pytest

from components.core.errors import InputError
from components.ops.cluster.connection import connect
from components.ops.cluster.protocol import CONFIG_MAP
from tests.fakes.api_server import ADMIN, running


def config_map(name: str) -> dict[str, object]:
    meta = {"name": name, "namespace": "here"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}


def test_our_own_variable_comes_before_kubectls(tmp_path):
    with running() as ours, running() as kubectls:
        environ = {
            "RATOON_KUBECONFIG": str(ours.kubeconfig(tmp_path / "ours")),
            "KUBECONFIG": str(kubectls.kubeconfig(tmp_path / "kubectls")),
        }
        connect(environ).create(CONFIG_MAP, config_map("a"))
        assert len(ours.store.listed(CONFIG_MAP)[0]) == 1
        assert kubectls.store.listed(CONFIG_MAP)[0] == []
        del environ["RATOON_KUBECONFIG"]
        connect(environ).create(CONFIG_MAP, config_map("b"))
        assert len(kubectls.store.listed(CONFIG_MAP)[0]) == 1


def test_no_cluster_at_all_says_what_would_be_one(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(InputError, match="RATOON_KUBECONFIG"):
        connect({})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "the path of a kubeconfig file"),
        ("kind: Config\n", "a kubeconfig file"),
        ("users: [{user: {token: s3cret]", "YAML|Error"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_named_and_its_content_is_not(tmp_path, text, said):
    file = tmp_path / "kubeconfig"
    if text is not None:
        file.write_text(text)
    with pytest.raises(InputError, match=said) as caught:
        connect({"RATOON_KUBECONFIG": str(file)})
    assert str(file) in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_pod_without_its_trust_is_told_so(tmp_path):
    (tmp_path / "token").write_text("a")
    environ = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"}
    with pytest.raises(InputError, match=r"certification|ca\.crt"):
        connect(environ, account=tmp_path)


def test_the_kubeconfig_is_only_read(tmp_path):
    with running() as server:
        file = server.kubeconfig(tmp_path / "kubeconfig")
        before = file.read_bytes()
        connect({"RATOON_KUBECONFIG": str(file)}).get(CONFIG_MAP, "here", "a")
        assert file.read_bytes() == before
        assert ADMIN.encode() in before


@pytest.mark.parametrize(
    ("namespace", "name"),
    [
        ("here", "../secrets"),
        ("here", "A"),
        ("a/b", "c"),
        ("", "c"),
        ("here", "a?b=c"),
        ("..", "a"),
    ],
)
def test_a_name_that_would_be_another_path_is_not_sent(tmp_path: Path, namespace, name):
    with running() as server:
        cluster = connect({"RATOON_KUBECONFIG": str(server.kubeconfig(tmp_path / "kubeconfig"))})
        for act in (cluster.get, cluster.delete):
            with pytest.raises(InputError, match="accepted"):
                act(CONFIG_MAP, namespace, name)
        with pytest.raises(InputError, match="accepted"):
            cluster.watch(CONFIG_MAP, namespace, name, 1.0)
        with pytest.raises(InputError, match="accepted"):
            cluster.events(namespace, name)
        assert server.faults.seen == []
