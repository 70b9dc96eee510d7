"""Contract of every `KubeClient`: server-side apply, generations, status."""

import pytest

from components.core.errors import ApiRejected
from components.ops.cluster.protocol import (
    CONFIG_MAP,
    INFERENCE_SERVICE,
    Conflict,
)
from tests.contract.cluster.objects import config_map, data_of, model, service


def test_apply_makes_changes_and_takes_away_what_is_left_out(factory):
    ours = factory.cluster()
    ours.apply(CONFIG_MAP, config_map(factory.namespace, "a", {"x": "1", "y": "2"}))
    assert data_of(ours.get(CONFIG_MAP, factory.namespace, "a")) == {"x": "1", "y": "2"}
    applied = ours.apply(CONFIG_MAP, config_map(factory.namespace, "a", {"x": "3"}))
    assert data_of(applied) == {"x": "3"}
    assert data_of(ours.get(CONFIG_MAP, factory.namespace, "a")) == {"x": "3"}


def test_apply_leaves_what_another_manager_set(factory):
    ours, theirs = factory.cluster(), factory.cluster("other")
    ours.apply(CONFIG_MAP, config_map(factory.namespace, "a", {"x": "1"}))
    theirs.apply(CONFIG_MAP, config_map(factory.namespace, "a", {"z": "9"}, team="other"))
    assert data_of(ours.apply(CONFIG_MAP, config_map(factory.namespace, "a", {"x": "2"}))) == {
        "x": "2",
        "z": "9",
    }
    assert data_of(ours.apply(CONFIG_MAP, config_map(factory.namespace, "a", {}))) == {"z": "9"}


def test_a_field_of_two_managers_stays_until_both_left_it(factory):
    ours, theirs = factory.cluster(), factory.cluster("other")
    for one in (ours, theirs):
        one.apply(CONFIG_MAP, config_map(factory.namespace, "a", {"x": "1"}))
    assert data_of(ours.apply(CONFIG_MAP, config_map(factory.namespace, "a"))) == {"x": "1"}
    assert not data_of(theirs.apply(CONFIG_MAP, config_map(factory.namespace, "a")))


def test_the_same_apply_again_changes_nothing(factory):
    ours = factory.cluster()
    wanted = service(factory.namespace, model(storageUri="s3://b/1", args=["--name", "a"]))
    first = ours.apply(INFERENCE_SERVICE, wanted)
    again = ours.apply(INFERENCE_SERVICE, wanted)
    assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert again["metadata"]["uid"] == first["metadata"]["uid"]


def test_a_conflict_names_the_field_and_its_manager(factory):
    factory.cluster("argocd").apply(
        INFERENCE_SERVICE, service(factory.namespace, model(storageUri="s3://b/1"))
    )
    with pytest.raises(Conflict) as caught:
        factory.cluster().apply(
            INFERENCE_SERVICE, service(factory.namespace, model(storageUri="s3://b/2"))
        )
    assert ".spec.predictor.model.storageUri (owned by 'argocd')" in str(caught.value)
    assert "modelFormat" not in str(caught.value), "the same value is no conflict"


def test_what_was_created_plainly_is_another_managers_field(factory):
    ours = factory.cluster()
    ours.create(CONFIG_MAP, config_map(factory.namespace, "a", {"x": "1"}))
    with pytest.raises(Conflict, match=r"\.data\.x \(owned by 'ratoon'\)"):
        ours.apply(CONFIG_MAP, config_map(factory.namespace, "a", {"x": "2"}))


def test_a_list_is_one_field(factory):
    ours = factory.cluster()
    ours.apply(INFERENCE_SERVICE, service(factory.namespace, model(args=["--a", "1", "--b", "2"])))
    made = ours.apply(INFERENCE_SERVICE, service(factory.namespace, model(args=["--a", "3"])))
    assert made["spec"]["predictor"]["model"]["args"] == ["--a", "3"]


def test_an_emptied_branch_goes_with_its_last_field(factory):
    ours = factory.cluster()
    wanted = model(storageUri="s3://b/1", resources={"limits": {"cpu": "1"}})
    ours.apply(INFERENCE_SERVICE, service(factory.namespace, wanted, team="a"))
    made = ours.apply(INFERENCE_SERVICE, service(factory.namespace, {"minReplicas": 1}))
    assert made["spec"] == {"predictor": {"minReplicas": 1}}
    assert "labels" not in made["metadata"]


@pytest.mark.parametrize("verb", ["apply", "create"])
def test_a_field_that_the_schema_lacks_is_refused(factory, verb):
    wanted = service(factory.namespace, model())
    wanted["spec"]["canaries"] = [{"trafficPercent": 5}]
    with pytest.raises(ApiRejected, match=r"spec\.canaries"):
        getattr(factory.cluster(), verb)(INFERENCE_SERVICE, wanted)
    assert factory.cluster().get(INFERENCE_SERVICE, factory.namespace, "flights") is None


def test_only_a_new_spec_is_a_new_generation(factory):
    ours, controller = factory.cluster(), factory.controller()
    wanted = service(factory.namespace, model(storageUri="s3://b/1"))
    first = ours.apply(INFERENCE_SERVICE, wanted)
    assert first["metadata"]["generation"] == 1
    labelled = ours.apply(
        INFERENCE_SERVICE, service(factory.namespace, wanted["spec"]["predictor"], a="b")
    )
    assert labelled["metadata"]["generation"] == 1
    controller.set_status(INFERENCE_SERVICE, factory.namespace, "flights", {"url": "http://a"})
    found = ours.get(INFERENCE_SERVICE, factory.namespace, "flights")
    assert (found["metadata"]["generation"], found["status"]) == (1, {"url": "http://a"})
    changed = ours.apply(
        INFERENCE_SERVICE, service(factory.namespace, model(storageUri="s3://b/2"))
    )
    assert changed["metadata"]["generation"] == 2
    assert changed["status"] == {"url": "http://a"}, "the status stays until it is written anew"


def test_a_plain_write_cannot_set_the_status(factory):
    ours = factory.cluster()
    wanted = {**service(factory.namespace, model()), "status": {"url": "http://mine"}}
    made = ours.create(INFERENCE_SERVICE, wanted)
    assert "status" not in made
    replaced = ours.replace(INFERENCE_SERVICE, {**made, "status": {"url": "http://mine"}})
    assert "status" not in replaced
