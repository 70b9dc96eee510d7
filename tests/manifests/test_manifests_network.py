"""Who speaks to whom: the flows that are needed pass, and every other is shut."""

import pytest

from tests.manifests.kustomize import Object
from tests.manifests.reach import Peer, may_reach
from tests.manifests.test_manifests_overlays import NAMESPACES

HOME = "home"
STEP = Peer(HOME, {"pipelines.kubeflow.org/v2_component": "true", "ratoon.dev/role": "data"})
DRIVER = Peer(HOME, {"pipelines.kubeflow.org/v2_component": "true"})
ROLLOUT = Peer(HOME, {"ratoon.dev/role": "deploy"})
RECONCILER = Peer(HOME, {"app.kubernetes.io/name": "ratoon-reconcile"})
PREDICTOR = Peer(HOME, {"serving.kserve.io/inferenceservice": "flights", "component": "predictor"})
STRANGER = Peer("other", {"ratoon.dev/role": "deploy"})
GATEWAY = Peer("istio-system", {"istio": "ingressgateway"})
ISTIOD = Peer("istio-system", {"app": "istiod"})
ACTIVATOR = Peer("knative-serving", {"app": "activator"})
PROMETHEUS = Peer("monitoring", {"app.kubernetes.io/name": "prometheus"})
DNS = Peer("kube-system", {"k8s-app": "kube-dns"})
KFP = Peer("kubeflow", {"app": "ml-pipeline"})
METADATA = Peer("kubeflow", {"component": "metadata-grpc-server"})
STORE = Peer("kubeflow", {"app": "seaweedfs"})
KATIB = Peer("kubeflow", {"app": "katib-db"})
FAR = Peer(address="203.0.113.9")
API = Peer(address="172.18.0.2")

FLOWS = [
    (STEP, DNS, 53, True),
    (PREDICTOR, DNS, 53, True),
    (STEP, KFP, 8887, True),
    (RECONCILER, KFP, 8888, True),
    (PREDICTOR, KFP, 8888, False),
    (DRIVER, METADATA, 8080, True),
    (PREDICTOR, METADATA, 8080, False),
    (STEP, STORE, 8333, True),
    (PREDICTOR, STORE, 8333, True),
    (STEP, KATIB, 3306, False),
    (STEP, FAR, 443, True),
    (PREDICTOR, FAR, 443, True),
    (STEP, FAR, 80, False),
    (STEP, FAR, 22, False),
    (STEP, API, 6443, True),
    (RECONCILER, API, 6443, True),
    (PREDICTOR, API, 6443, False),
    (GATEWAY, PREDICTOR, 8080, True),
    (GATEWAY, PREDICTOR, 8012, True),
    (ACTIVATOR, PREDICTOR, 8012, True),
    (GATEWAY, PREDICTOR, 22, False),
    (GATEWAY, STEP, 8080, False),
    (ROLLOUT, PREDICTOR, 8080, True),
    (ROLLOUT, PREDICTOR, 8012, False),
    (STEP, PREDICTOR, 8080, False),
    (STRANGER, PREDICTOR, 8080, False),
    (PREDICTOR, STEP, 8080, False),
    (PREDICTOR, PREDICTOR, 8080, False),
    (PROMETHEUS, PREDICTOR, 8080, True),
    (PROMETHEUS, PREDICTOR, 9091, True),
    (PROMETHEUS, STEP, 22, False),
    (PREDICTOR, ISTIOD, 15012, True),
    (
        Peer("kubeflow", {"app": "ml-pipeline-ui"}),
        Peer(HOME, {"app": "ml-pipeline-ui-artifact"}),
        3000,
        True,
    ),
    (KFP, PREDICTOR, 3000, False),
]


@pytest.mark.parametrize(("source", "target", "port", "passes"), FLOWS)
def test_what_is_needed_passes_and_nothing_else(
    objects: list[Object], source: Peer, target: Peer, port: int, passes: bool
) -> None:
    policies = [o for o in objects if o["kind"] == "NetworkPolicy"]
    protocol = "UDP" if port == 53 else "TCP"
    assert may_reach(policies, HOME, source, target, port, protocol) is passes


def test_the_default_is_shut_both_ways(objects: list[Object]) -> None:
    shut = [
        o["spec"]
        for o in objects
        if o["kind"] == "NetworkPolicy"
        and o["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    ]
    assert len(shut) == 1


def test_the_mesh_lets_in_whom_the_network_lets_in(overlay: str, objects: list[Object]) -> None:
    (clients,) = (o for o in objects if o["kind"] == "AuthorizationPolicy")
    (encryption,) = (o for o in objects if o["kind"] == "PeerAuthentication")
    assert clients["metadata"]["namespace"] == NAMESPACES[overlay]
    assert clients["spec"]["rules"][0]["from"][0]["source"]["namespaces"] == [
        "istio-system",
        "knative-serving",
    ]
    # Steps have no sidecar: where the server's port takes plain text, the mesh must not refuse it.
    assert encryption["spec"]["portLevelMtls"] == {"8080": {"mode": "PERMISSIVE"}}
    assert clients["spec"]["rules"][1]["to"][0]["operation"]["ports"] == ["8080"]
