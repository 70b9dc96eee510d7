"""Contract of every `Cluster`: watching and waiting."""

import threading
import time

import pytest

from components.core.errors import DeadlineExceeded
from components.ops.cluster.conditions import condition
from components.ops.cluster.protocol import (
    CONFIG_MAP,
    EVENT,
    INFERENCE_SERVICE,
    Object,
)
from components.ops.cluster.waiting import Judged, wait
from tests.contract.cluster.objects import config_map, data_of, event, model, service


def test_watch_says_what_is_then_every_change_and_the_end(world):
    ours = world.cluster()
    ours.apply(CONFIG_MAP, config_map(world.namespace, "a", {"x": "1"}))
    seen = ours.watch(CONFIG_MAP, world.namespace, "a", 20.0)
    assert data_of(next(seen)) == {"x": "1"}
    ours.apply(CONFIG_MAP, config_map(world.namespace, "b", {"x": "other"}))
    ours.apply(CONFIG_MAP, config_map(world.namespace, "a", {"x": "2"}))
    assert data_of(next(seen)) == {"x": "2"}
    ours.delete(CONFIG_MAP, world.namespace, "a")
    assert next(seen) is None
    ours.apply(CONFIG_MAP, config_map(world.namespace, "a", {"x": "3"}))
    assert data_of(next(seen)) == {"x": "3"}
    seen.close()


def test_watch_begins_with_nothing_and_ends_with_its_deadline(world):
    began = time.monotonic()
    seen = list(world.cluster().watch(CONFIG_MAP, world.namespace, "none", 1.0))
    assert seen == [None]
    assert 0.9 < time.monotonic() - began < 3.0


def test_waiting_ends_with_what_the_judge_says(world):
    ours, controller = world.cluster(), world.controller()
    ours.apply(INFERENCE_SERVICE, service(world.namespace, model()))
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    later = threading.Timer(
        0.4,
        controller.set_status,
        (INFERENCE_SERVICE, world.namespace, "flights", ready),
    )
    later.start()

    def judge(found: Object | None) -> Judged:
        said = condition(found or {}, "Ready")
        return Judged("ready", "it serves") if said else Judged("waiting", "nothing said")

    ended = wait(ours, INFERENCE_SERVICE, world.namespace, "flights", judge, 20.0)
    later.join()
    assert ended.judged.state == "ready"
    assert ended.found["status"] == ready


def test_a_deadline_tells_the_last_conditions_and_events(world):
    ours, controller = world.cluster(), world.controller()
    ours.apply(INFERENCE_SERVICE, service(world.namespace, model()))
    stuck = {"type": "PredictorReady", "status": "False", "reason": "RevisionFailed"}
    status = {"conditions": [{"type": "Ready", "status": "True"}, stuck]}
    controller.set_status(INFERENCE_SERVICE, world.namespace, "flights", status)
    ours.create(EVENT, event(world.namespace, "flights", "InternalError", "no such bucket", "05"))
    with pytest.raises(DeadlineExceeded) as caught:
        wait(
            ours,
            INFERENCE_SERVICE,
            world.namespace,
            "flights",
            lambda found: Judged("waiting", "the predictor does not serve"),
            0.5,
        )
    lines = str(caught.value).splitlines()
    assert lines[0].endswith("the predictor does not serve.")
    assert lines[1:] == [
        "Condition: PredictorReady is False: RevisionFailed.",
        "Condition: Ready is True.",
        "Event: InternalError: no such bucket",
    ]


def test_a_controller_sees_every_object_of_a_kind(world):
    ours, controller = world.cluster(), world.controller()
    ours.apply(INFERENCE_SERVICE, service(world.namespace, model()))
    seen = controller.watch_all(INFERENCE_SERVICE, 20.0)
    here = (one for one in seen if one[1]["metadata"]["namespace"] == world.namespace)
    assert next(here)[0] == "ADDED"
    ours.apply(INFERENCE_SERVICE, service(world.namespace, model(storageUri="s3://b/2")))
    said, found = next(here)
    assert (said, found["metadata"]["generation"]) == ("MODIFIED", 2)
    ours.delete(INFERENCE_SERVICE, world.namespace, "flights")
    assert next(here)[0] == "DELETED"
