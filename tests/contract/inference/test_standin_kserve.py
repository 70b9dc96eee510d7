"""Stage, canary, promote and take back, with real model servers, in each of KServe's modes."""

from collections.abc import Callable

import httpx

from tests.contract.inference.kserve_world import BODY, NAME, World, until

REQUESTS = 150
TAGGED = {"serving.kserve.io/enable-tag-routing": "true"}


def test_knative(world_of: Callable) -> None:
    with world_of("knative") as world:
        apply(world, "v1", canaryTrafficPercent=0)  # ignored: nothing is rolled out yet
        until(lambda: world.condition("Ready") == "True", "v1 is ready")
        assert world.revisions()["Rolledout"] == "1"
        assert world.predict(3) == {"v1": 3}

        apply(world, "v2", canaryTrafficPercent=0)
        until(lambda: world.revisions()["Ready"] == "2", "v2 is ready")
        until(lambda: world.condition("Ready") == "True", "and says so")
        assert world.traffic() == [("2", 0, "latest"), ("1", 100, "prev")]
        assert world.revisions() == {"Created": "2", "Ready": "2", "Rolledout": "1"}
        assert tagged_answer(world) == "v2"
        assert world.predict(3) == {"v1": 3}

        apply(world, "v2", canaryTrafficPercent=20)
        until(lambda: world.traffic()[0][1] == 20, "20%")
        shared(world, 0.2)

        generation = world.status()["observedGeneration"]
        apply(world, "v2")
        until(lambda: world.revisions()["Rolledout"] == "2", "v2 is rolled out")
        assert world.revisions()["previousRolledout"] == "1"
        assert world.traffic() == [("2", 100, "latest")]
        # The Knative service's generation, not the InferenceService's own.
        assert world.status()["observedGeneration"] == generation + 1
        assert world.predict(3) == {"v2": 3}
        until(lambda: set(world.pods()) == {"v2"}, "no pod of v1 is left")
        assert world.cluster.events("ratoon", NAME)[0].startswith("InferenceServiceReady")


def test_standard_with_canary(world_of: Callable) -> None:
    with world_of("standard-canary") as world:
        stable = world.predictor("v1", annotations={"ratoon.dev/version": "v1"})
        canary = world.predictor("v2", name="v2", annotations={"ratoon.dev/version": "v2"})
        nowhere = [{"trafficPercent": 0, "predictor": canary}]
        world.apply(stable)
        until(lambda: world.condition("Ready") == "True", "v1 is ready")

        world.apply(stable, canary=nowhere)
        until(lambda: world.condition("CanaryPredictorReady") == "True", "v2 is ready")
        assert world.predict(3) == {"v1": 3}
        found = world.status()["canaryStatuses"]
        assert [(c["name"], c["ready"], c["trafficPercent"]) for c in found] == [("v2", True, 0)]

        world.apply(stable, canary=[{"trafficPercent": 20, "predictor": canary}])
        until(lambda: world.status()["canaryStatuses"][0]["trafficPercent"] == 20, "20%")
        shared(world, 0.2)

        pod = world.pods()["v2"]["metadata"]["name"]
        world.apply(canary)  # under the canary's name: its pods stay
        until(lambda: set(world.pods()) == {"v2"}, "v1 has ended")
        assert world.pods()["v2"]["metadata"]["name"] == pod
        assert world.predict(3) == {"v2": 3}
        assert world.condition("CanaryPredictorReady") == ""

        world.apply(canary, canary=[{"trafficPercent": 20, "predictor": stable | {"name": "v1"}}])
        until(lambda: "v1" in world.pods(), "a canary starts")
        world.apply(canary)
        until(lambda: set(world.pods()) == {"v2"}, "and is taken back")


def test_a_canary_without_share_has_no_pods_unless_it_asks_for_one(world_of: Callable) -> None:
    with world_of("standard-canary") as world:
        stable = world.predictor("v1", annotations={"ratoon.dev/version": "v1"})
        canary = {"name": "v2", "annotations": {"ratoon.dev/version": "v2"}}
        world.apply(stable, canary=[{"trafficPercent": 0, "predictor": canary}])
        until(lambda: world.condition("CanaryPredictorReady") == "False", "it is never ready")

        assert set(world.pods()) <= {"v1"}


def test_standard(world_of: Callable) -> None:
    with world_of("standard") as world:
        apply(world, "v1")
        apply(world, "v2", name=f"{NAME}-candidate")
        for name in (NAME, f"{NAME}-candidate"):
            until(lambda name=name: world.condition("Ready", name) == "True", f"{name} is ready")
        assert world.predict(3) == {"v1": 3}
        assert world.predict(3, f"{NAME}-candidate") == {"v2": 3}

        apply(world, "v2")
        until(lambda: world.condition("PredictorReady") == "Unknown", "it rolls")
        assert world.predict(3) == {"v1": 3}  # until the new pod is ready
        until(lambda: world.predict(1) == {"v2": 1}, "v2 serves")
        until(lambda: world.condition("Ready") == "True", "rolled")
        until(lambda: set(world.pods()) == {"v2"}, "v1 has ended")
        assert world.status()["deploymentMode"] == "Standard"
        assert "latestReadyRevision" not in world.status()["components"]["predictor"]


def apply(world: World, version: str, name: str = NAME, **predictor: int) -> None:
    annotations = {**TAGGED, "ratoon.dev/version": version}
    world.apply(world.predictor(version, **predictor), annotations, name)


def tagged_answer(world: World) -> str:
    """Who answers at the address of the tag ``latest``."""
    traffic = world.status()["components"]["predictor"]["traffic"]
    url = next(target["url"] for target in traffic if target.get("tag") == "latest")
    path = f"{url}/v2/models/{NAME}/infer"
    answer = httpx.post(path, json=BODY, trust_env=False, timeout=30)
    return str(answer.json()["model_version"])


def shared(world: World, share: float) -> None:
    """Both versions answer, and their own counters say the same as the client saw."""
    before = {version: world.served(version) for version in ("v1", "v2")}
    answered = world.predict(REQUESTS)

    assert {v: world.served(v) - n for v, n in before.items()} == dict(answered)
    # Four standard deviations of the binomial: 20% of 150 is 30 +- 20.
    spread = 4 * (REQUESTS * share * (1 - share)) ** 0.5
    assert abs(answered["v2"] - REQUESTS * share) < spread
