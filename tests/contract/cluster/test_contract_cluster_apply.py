"""Contract of every `Cluster`: server-side apply, generations, status."""

import pytest

from components.core.errors import ApiRejected
from components.ops.cluster.conditions import condition, is_observed
from components.ops.cluster.protocol import (
    CONFIG_MAP,
    INFERENCE_SERVICE,
    Conflict,
    Object,
)
from tests.contract.cluster.objects import config_map, data_of, model, service


def test_apply_makes_changes_and_takes_away_what_is_left_out(world):
    ours = world.cluster()
    ours.apply(CONFIG_MAP, config_map(world.namespace, "a", {"x": "1", "y": "2"}))
    assert data_of(ours.get(CONFIG_MAP, world.namespace, "a")) == {"x": "1", "y": "2"}
    applied = ours.apply(CONFIG_MAP, config_map(world.namespace, "a", {"x": "3"}))
    assert data_of(applied) == {"x": "3"}
    assert data_of(ours.get(CONFIG_MAP, world.namespace, "a")) == {"x": "3"}


def test_apply_leaves_what_another_manager_set(world):
    ours, theirs = world.cluster(), world.cluster("other")
    ours.apply(CONFIG_MAP, config_map(world.namespace, "a", {"x": "1"}))
    theirs.apply(CONFIG_MAP, config_map(world.namespace, "a", {"z": "9"}, team="other"))
    assert data_of(ours.apply(CONFIG_MAP, config_map(world.namespace, "a", {"x": "2"}))) == {
        "x": "2",
        "z": "9",
    }
    assert data_of(ours.apply(CONFIG_MAP, config_map(world.namespace, "a", {}))) == {"z": "9"}


def test_a_field_of_two_managers_stays_until_both_left_it(world):
    ours, theirs = world.cluster(), world.cluster("other")
    for one in (ours, theirs):
        one.apply(CONFIG_MAP, config_map(world.namespace, "a", {"x": "1"}))
    assert data_of(ours.apply(CONFIG_MAP, config_map(world.namespace, "a"))) == {"x": "1"}
    assert not data_of(theirs.apply(CONFIG_MAP, config_map(world.namespace, "a")))


def test_the_same_apply_again_changes_nothing(world):
    ours = world.cluster()
    wanted = service(world.namespace, model(storageUri="s3://b/1", args=["--name", "a"]))
    first = ours.apply(INFERENCE_SERVICE, wanted)
    again = ours.apply(INFERENCE_SERVICE, wanted)
    assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert again["metadata"]["uid"] == first["metadata"]["uid"]


def test_a_conflict_names_the_field_and_its_manager(world):
    world.cluster("argocd").apply(
        INFERENCE_SERVICE, service(world.namespace, model(storageUri="s3://b/1"))
    )
    with pytest.raises(Conflict) as caught:
        world.cluster().apply(
            INFERENCE_SERVICE, service(world.namespace, model(storageUri="s3://b/2"))
        )
    assert ".spec.predictor.model.storageUri (owned by 'argocd')" in str(caught.value)
    assert "modelFormat" not in str(caught.value), "the same value is no conflict"


def test_what_was_created_plainly_is_another_managers_field(world):
    ours = world.cluster()
    ours.create(CONFIG_MAP, config_map(world.namespace, "a", {"x": "1"}))
    with pytest.raises(Conflict, match=r"\.data\.x \(owned by 'ratoon'\)"):
        ours.apply(CONFIG_MAP, config_map(world.namespace, "a", {"x": "2"}))


def test_a_list_is_one_field(world):
    ours = world.cluster()
    ours.apply(INFERENCE_SERVICE, service(world.namespace, model(args=["--a", "1", "--b", "2"])))
    made = ours.apply(INFERENCE_SERVICE, service(world.namespace, model(args=["--a", "3"])))
    assert made["spec"]["predictor"]["model"]["args"] == ["--a", "3"]


def test_an_emptied_branch_goes_with_its_last_field(world):
    ours = world.cluster()
    wanted = model(storageUri="s3://b/1", resources={"limits": {"cpu": "1"}})
    ours.apply(INFERENCE_SERVICE, service(world.namespace, wanted, team="a"))
    made = ours.apply(INFERENCE_SERVICE, service(world.namespace, {"minReplicas": 1}))
    assert made["spec"] == {"predictor": {"minReplicas": 1}}
    assert "labels" not in made["metadata"]


@pytest.mark.parametrize("verb", ["apply", "create"])
def test_a_field_that_the_schema_lacks_is_refused(world, verb):
    wanted = service(world.namespace, model())
    wanted["spec"]["canaries"] = [{"trafficPercent": 5}]
    with pytest.raises(ApiRejected, match=r"spec\.canaries"):
        getattr(world.cluster(), verb)(INFERENCE_SERVICE, wanted)
    assert world.cluster().get(INFERENCE_SERVICE, world.namespace, "flights") is None


def test_only_a_new_spec_is_a_new_generation(world):
    ours, controller = world.cluster(), world.controller()
    wanted = service(world.namespace, model(storageUri="s3://b/1"))
    first = ours.apply(INFERENCE_SERVICE, wanted)
    assert first["metadata"]["generation"] == 1
    labelled = ours.apply(
        INFERENCE_SERVICE, service(world.namespace, wanted["spec"]["predictor"], a="b")
    )
    assert labelled["metadata"]["generation"] == 1
    controller.set_status(INFERENCE_SERVICE, world.namespace, "flights", {"url": "http://a"})
    found = ours.get(INFERENCE_SERVICE, world.namespace, "flights")
    assert (found["metadata"]["generation"], found["status"]) == (1, {"url": "http://a"})
    changed = ours.apply(INFERENCE_SERVICE, service(world.namespace, model(storageUri="s3://b/2")))
    assert changed["metadata"]["generation"] == 2
    assert changed["status"] == {"url": "http://a"}, "the status stays until it is written anew"


def test_a_status_speaks_of_the_spec_that_it_observed(world):
    ours, controller = world.cluster(), world.controller()
    ours.apply(INFERENCE_SERVICE, service(world.namespace, model(storageUri="s3://b/1")))

    def observe(generation: int) -> Object:
        ready = {"type": "Ready", "status": "True"}
        status = {"observedGeneration": generation, "conditions": [ready]}
        controller.set_status(INFERENCE_SERVICE, world.namespace, "flights", status)
        return ours.get(INFERENCE_SERVICE, world.namespace, "flights")

    assert is_observed(observe(1))
    changed = ours.apply(INFERENCE_SERVICE, service(world.namespace, model(storageUri="s3://b/2")))
    assert condition(changed, "Ready").status == "True"
    assert not is_observed(changed), "Ready of the spec before"
    assert is_observed(observe(2))


def test_a_plain_write_cannot_set_the_status(world):
    ours = world.cluster()
    wanted = {**service(world.namespace, model()), "status": {"url": "http://mine"}}
    made = ours.create(INFERENCE_SERVICE, wanted)
    assert "status" not in made
    replaced = ours.replace(INFERENCE_SERVICE, {**made, "status": {"url": "http://mine"}})
    assert "status" not in replaced
