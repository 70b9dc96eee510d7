"""Stage, canary, promote and take back, with real model servers, in each of KServe's modes."""

from collections.abc import Callable

import httpx

from tests.contract.inference.kserve_harness import BODY, NAME, KServeHarness, until

REQUESTS = 150
TAGGED = {"serving.kserve.io/enable-tag-routing": "true"}


def test_knative(harness_of: Callable) -> None:
    with harness_of("knative") as harness:
        apply(harness, "v1", canaryTrafficPercent=0)  # ignored: nothing is rolled out yet
        until(lambda: harness.condition("Ready") == "True", "v1 is ready")
        assert harness.revisions()["Rolledout"] == "1"
        assert harness.predict(3) == {"v1": 3}

        apply(harness, "v2", canaryTrafficPercent=0)
        until(lambda: harness.revisions()["Ready"] == "2", "v2 is ready")
        until(lambda: harness.condition("Ready") == "True", "and says so")
        assert harness.traffic() == [("2", 0, "latest"), ("1", 100, "prev")]
        assert harness.revisions() == {"Created": "2", "Ready": "2", "Rolledout": "1"}
        assert tagged_answer(harness) == "v2"
        assert harness.predict(3) == {"v1": 3}

        apply(harness, "v2", canaryTrafficPercent=20)
        until(lambda: harness.traffic()[0][1] == 20, "20%")
        shared(harness, 0.2)

        generation = harness.status()["observedGeneration"]
        apply(harness, "v2")
        until(lambda: harness.revisions()["Rolledout"] == "2", "v2 is rolled out")
        assert harness.revisions()["previousRolledout"] == "1"
        assert harness.traffic() == [("2", 100, "latest")]
        # The Knative service's generation, not the InferenceService's own.
        assert harness.status()["observedGeneration"] == generation + 1
        assert harness.predict(3) == {"v2": 3}
        until(lambda: set(harness.pods()) == {"v2"}, "no pod of v1 is left")
        assert harness.cluster.events("ratoon", NAME)[0].startswith("InferenceServiceReady")


def test_standard_with_canary(harness_of: Callable) -> None:
    with harness_of("standard-canary") as harness:
        stable = harness.predictor("v1", annotations={"ratoon.dev/version": "v1"})
        canary = harness.predictor("v2", name="v2", annotations={"ratoon.dev/version": "v2"})
        nowhere = [{"trafficPercent": 0, "predictor": canary}]
        harness.apply(stable)
        until(lambda: harness.condition("Ready") == "True", "v1 is ready")

        harness.apply(stable, canary=nowhere)
        until(lambda: harness.condition("CanaryPredictorReady") == "True", "v2 is ready")
        assert harness.predict(3) == {"v1": 3}
        found = harness.status()["canaryStatuses"]
        assert [(c["name"], c["ready"], c["trafficPercent"]) for c in found] == [("v2", True, 0)]

        harness.apply(stable, canary=[{"trafficPercent": 20, "predictor": canary}])
        until(lambda: harness.status()["canaryStatuses"][0]["trafficPercent"] == 20, "20%")
        shared(harness, 0.2)

        pod = harness.pods()["v2"]["metadata"]["name"]
        harness.apply(canary)  # under the canary's name: its pods stay
        until(lambda: set(harness.pods()) == {"v2"}, "v1 has ended")
        assert harness.pods()["v2"]["metadata"]["name"] == pod
        assert harness.predict(3) == {"v2": 3}
        assert harness.condition("CanaryPredictorReady") == ""

        harness.apply(canary, canary=[{"trafficPercent": 20, "predictor": stable | {"name": "v1"}}])
        until(lambda: "v1" in harness.pods(), "a canary starts")
        harness.apply(canary)
        until(lambda: set(harness.pods()) == {"v2"}, "and is taken back")


def test_a_canary_without_share_has_no_pods_unless_it_asks_for_one(harness_of: Callable) -> None:
    with harness_of("standard-canary") as harness:
        stable = harness.predictor("v1", annotations={"ratoon.dev/version": "v1"})
        canary = {"name": "v2", "annotations": {"ratoon.dev/version": "v2"}}
        harness.apply(stable, canary=[{"trafficPercent": 0, "predictor": canary}])
        until(lambda: harness.condition("CanaryPredictorReady") == "False", "it is never ready")

        assert set(harness.pods()) <= {"v1"}


def test_standard(harness_of: Callable) -> None:
    with harness_of("standard") as harness:
        apply(harness, "v1")
        apply(harness, "v2", name=f"{NAME}-candidate")
        for name in (NAME, f"{NAME}-candidate"):
            until(lambda name=name: harness.condition("Ready", name) == "True", f"{name} is ready")
        assert harness.predict(3) == {"v1": 3}
        assert harness.predict(3, f"{NAME}-candidate") == {"v2": 3}

        apply(harness, "v2")
        until(lambda: harness.condition("PredictorReady") == "Unknown", "it rolls")
        assert harness.predict(3) == {"v1": 3}  # until the new pod is ready
        until(lambda: harness.predict(1) == {"v2": 1}, "v2 serves")
        until(lambda: harness.condition("Ready") == "True", "rolled")
        until(lambda: set(harness.pods()) == {"v2"}, "v1 has ended")
        assert harness.status()["deploymentMode"] == "Standard"
        assert "latestReadyRevision" not in harness.status()["components"]["predictor"]


def apply(harness: KServeHarness, version: str, name: str = NAME, **predictor: int) -> None:
    annotations = {**TAGGED, "ratoon.dev/version": version}
    harness.apply(harness.predictor(version, **predictor), annotations, name)


def tagged_answer(harness: KServeHarness) -> str:
    """Who answers at the address of the tag ``latest``."""
    traffic = harness.status()["components"]["predictor"]["traffic"]
    url = next(target["url"] for target in traffic if target.get("tag") == "latest")
    path = f"{url}/v2/models/{NAME}/infer"
    answer = httpx.post(path, json=BODY, trust_env=False, timeout=30)
    return str(answer.json()["model_version"])


def shared(harness: KServeHarness, share: float) -> None:
    """Both versions answer, and their own counters say the same as the client saw."""
    before = {version: harness.served(version) for version in ("v1", "v2")}
    answered = harness.predict(REQUESTS)

    assert {v: harness.served(v) - n for v, n in before.items()} == dict(answered)
    # Four standard deviations of the binomial: 20% of 150 is 30 +- 20.
    spread = 4 * (REQUESTS * share * (1 - share)) ** 0.5
    assert abs(answered["v2"] - REQUESTS * share) < spread
