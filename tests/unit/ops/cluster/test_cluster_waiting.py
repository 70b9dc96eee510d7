"""Waiting, where nobody can read the events or the object goes away."""

import pytest

from components.core.errors import DeadlineExceeded
from components.ops.cluster.protocol import CONFIG_MAP, Kind, Object
from components.ops.cluster.waiting import Judged, wait
from tests.standin.memory import MemoryCluster
from tests.standin.schemas import ANYTHING, CORE
from tests.standin.store import Store

WIDGET = Kind("example.org", "v1", "Widget", "widgets")


def widget(size: int) -> dict[str, object]:
    meta = {"name": "w", "namespace": "here"}
    return {"apiVersion": "example.org/v1", "kind": "Widget", "metadata": meta, "spec": {"n": size}}


@pytest.fixture
def cluster() -> MemoryCluster:
    return MemoryCluster(Store({**CORE, WIDGET: ANYTHING}))


def never(found: Object | None) -> Judged:
    return Judged("waiting", "it is not big enough")


def test_what_has_failed_is_an_answer_and_no_exception(cluster):
    cluster.apply(WIDGET, widget(1))
    ended = wait(
        cluster, WIDGET, "here", "w", lambda found: Judged("failed", "broken for good"), 5.0
    )
    assert (ended.judged.state, ended.judged.why) == ("failed", "broken for good")
    assert ended.found["spec"] == {"n": 1}


def test_waiting_for_something_to_be_gone(cluster):
    def gone(found: Object | None) -> Judged:
        return Judged("waiting", "there") if found else Judged("ready", "gone")

    assert wait(cluster, CONFIG_MAP, "here", "none", gone, 5.0).found is None


def test_a_deadline_says_that_nobody_looked_at_the_newest_spec(cluster):
    cluster.apply(WIDGET, widget(1))
    cluster.set_status(WIDGET, "here", "w", {"observedGeneration": 1})
    cluster.apply(WIDGET, widget(2))
    with pytest.raises(DeadlineExceeded) as caught:
        wait(cluster, WIDGET, "here", "w", never, 0.1)
    assert str(caught.value).splitlines() == [
        "Widget here/w: not as wanted after 0 s: it is not big enough.",
        "Its controller has not looked at the newest spec: is it running?",
        "It has no conditions.",
        "There are no events about it.",
    ]


def test_a_deadline_is_told_also_where_events_may_not_be_read(cluster):
    blind = MemoryCluster(cluster.store, allows=lambda call: call.resource != "events")
    with pytest.raises(DeadlineExceeded) as caught:
        wait(blind, WIDGET, "here", "w", never, 0.1)
    lines = str(caught.value).splitlines()
    assert lines[1] == "There is no such object."
    assert lines[2].startswith("Its events could not be read: list events here")
    assert "  resources: [events]" in lines
