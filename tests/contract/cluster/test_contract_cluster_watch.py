"""Contract of every `KubeClient`: watching."""

import time

from components.ops.cluster.protocol import CONFIG_MAP, INFERENCE_SERVICE
from tests.contract.cluster.objects import config_map, data_of, model, service


def test_watch_says_what_is_then_every_change_and_the_end(factory):
    ours = factory.cluster()
    ours.apply(CONFIG_MAP, config_map(factory.namespace, "a", {"x": "1"}))
    seen = ours.watch(CONFIG_MAP, factory.namespace, "a", 20.0)
    assert data_of(next(seen)) == {"x": "1"}
    ours.apply(CONFIG_MAP, config_map(factory.namespace, "b", {"x": "other"}))
    ours.apply(CONFIG_MAP, config_map(factory.namespace, "a", {"x": "2"}))
    assert data_of(next(seen)) == {"x": "2"}
    ours.delete(CONFIG_MAP, factory.namespace, "a")
    assert next(seen) is None
    ours.apply(CONFIG_MAP, config_map(factory.namespace, "a", {"x": "3"}))
    assert data_of(next(seen)) == {"x": "3"}
    seen.close()


def test_watch_begins_with_nothing_and_ends_with_its_deadline(factory):
    began = time.monotonic()
    seen = list(factory.cluster().watch(CONFIG_MAP, factory.namespace, "none", 1.0))
    assert seen == [None]
    assert time.monotonic() - began > 0.9


def test_a_watch_sees_a_status_that_a_controller_writes(factory):
    ours, controller = factory.cluster(), factory.controller()
    ours.apply(INFERENCE_SERVICE, service(factory.namespace, model()))
    seen = ours.watch(INFERENCE_SERVICE, factory.namespace, "flights", 20.0)
    assert "status" not in next(seen)
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    controller.set_status(INFERENCE_SERVICE, factory.namespace, "flights", ready)
    assert next(seen)["status"] == ready
    seen.close()


def test_a_controller_sees_every_object_of_a_kind(factory):
    ours, controller = factory.cluster(), factory.controller()
    ours.apply(INFERENCE_SERVICE, service(factory.namespace, model()))
    seen = controller.watch_all(INFERENCE_SERVICE, 20.0)
    here = (one for one in seen if one[1]["metadata"]["namespace"] == factory.namespace)
    assert next(here)[0] == "ADDED"
    ours.apply(INFERENCE_SERVICE, service(factory.namespace, model(storageUri="s3://b/2")))
    said, found = next(here)
    assert (said, found["metadata"]["generation"]) == ("MODIFIED", 2)
    ours.delete(INFERENCE_SERVICE, factory.namespace, "flights")
    assert next(here)[0] == "DELETED"
