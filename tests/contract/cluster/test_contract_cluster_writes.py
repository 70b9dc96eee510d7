"""Contract of every `KubeClient`: create, replace, delete, list, events, schemas."""

import threading

import pytest

from components.core.errors import ApiRejected
from components.ops.cluster.protocol import (
    CONFIG_MAP,
    EVENT,
    INFERENCE_SERVICE,
    AlreadyExists,
    Conflict,
    has_field,
)
from tests.contract.cluster.objects import NOBODY, config_map, data_of, event


def test_create_says_that_one_is_there(factory):
    ours = factory.cluster()
    ours.create(CONFIG_MAP, config_map(factory.namespace, "a", {"x": "1"}))
    with pytest.raises(AlreadyExists, match="a"):
        ours.create(CONFIG_MAP, config_map(factory.namespace, "a", {"x": "2"}))
    assert data_of(ours.get(CONFIG_MAP, factory.namespace, "a")) == {"x": "1"}


def test_replace_compares_and_sets(factory):
    ours = factory.cluster()
    first = ours.create(CONFIG_MAP, config_map(factory.namespace, "a", {"x": "1"}))
    second = ours.replace(CONFIG_MAP, {**first, "data": {"y": "2"}})
    assert data_of(second) == {"y": "2"}
    with pytest.raises(Conflict, match="read it again"):
        ours.replace(CONFIG_MAP, {**first, "data": {"z": "3"}})
    assert data_of(ours.get(CONFIG_MAP, factory.namespace, "a")) == {"y": "2"}


def test_replace_of_what_is_gone_or_unversioned_is_refused(factory):
    ours = factory.cluster()
    first = ours.create(CONFIG_MAP, config_map(factory.namespace, "a", {"x": "1"}))
    ours.delete(CONFIG_MAP, factory.namespace, "a")
    with pytest.raises(Conflict, match="gone"):
        ours.replace(CONFIG_MAP, first)
    with pytest.raises(ApiRejected, match="resourceVersion"):
        ours.replace(CONFIG_MAP, config_map(factory.namespace, "a", {"x": "1"}))


def test_of_many_that_replace_the_same_version_one_succeeds(factory):
    first = factory.cluster().create(CONFIG_MAP, config_map(factory.namespace, "a", {"n": "0"}))
    won: list[str] = []

    def take(number: str) -> None:
        try:
            factory.cluster().replace(CONFIG_MAP, {**first, "data": {"n": number}})
        except Conflict:
            return
        won.append(number)

    threads = [threading.Thread(target=take, args=(str(number),)) for number in range(1, 9)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(won) == 1
    assert data_of(factory.cluster().get(CONFIG_MAP, factory.namespace, "a")) == {"n": won[0]}


def test_delete_of_nothing_is_nothing(factory):
    ours = factory.cluster()
    ours.create(CONFIG_MAP, config_map(factory.namespace, "a"))
    ours.delete(CONFIG_MAP, factory.namespace, "a")
    assert ours.get(CONFIG_MAP, factory.namespace, "a") is None
    ours.delete(CONFIG_MAP, factory.namespace, "a")


def test_list_takes_labels_and_is_in_order_of_name(factory):
    ours = factory.cluster()
    for name, labels in (
        ("c", {"app": "x"}),
        ("a", {"app": "x", "more": "y"}),
        ("b", {"app": "z"}),
    ):
        ours.create(CONFIG_MAP, config_map(factory.namespace, name, **labels))
    found = ours.list(CONFIG_MAP, factory.namespace, {"app": "x"})
    assert [one["metadata"]["name"] for one in found] == ["a", "c"]
    assert {(one["kind"], one["apiVersion"]) for one in found} == {("ConfigMap", "v1")}
    both = ours.list(CONFIG_MAP, factory.namespace, {"app": "x", "more": "y"})
    assert [one["metadata"]["name"] for one in both] == ["a"]
    names = {one["metadata"]["name"] for one in ours.list(CONFIG_MAP, factory.namespace, {})}
    assert names >= {"a", "b", "c"}


def test_a_namespace_that_is_not_there_is_named(factory):
    with pytest.raises(ApiRejected, match="no namespace 'nowhere'"):
        factory.cluster().create(CONFIG_MAP, config_map("nowhere", "a"))


def test_events_are_of_one_object_and_oldest_first(factory):
    ours = factory.cluster()
    for one in (
        event(factory.namespace, "flights", "Failed", "no image", "09", count=3),
        event(factory.namespace, "flights", "Created", "made", "01"),
        event(factory.namespace, "taxis", "Created", "made", "05"),
    ):
        ours.create(EVENT, one)
    assert ours.events(factory.namespace, "flights") == (
        "Created: made",
        "Failed: no image (3 times)",
    )
    assert ours.events(factory.namespace, "none") == ()


def test_fields_are_those_that_the_cluster_published(factory):
    schema = factory.cluster().openapi_schema(INFERENCE_SERVICE)
    assert has_field(schema, "spec", "predictor")
    assert not has_field(schema, "spec", "canary"), "KServe 0.16 has none"
    assert factory.cluster().openapi_schema(NOBODY) is None
    assert factory.cluster().openapi_schema(CONFIG_MAP) is not None


def test_a_kind_that_the_cluster_lacks_is_told_from_an_object_that_is_not_there(factory):
    ours = factory.cluster()
    assert ours.get(INFERENCE_SERVICE, factory.namespace, "flights") is None
    lacking = "CustomResourceDefinition 'widgets.example.org'"
    with pytest.raises(ApiRejected, match=lacking):
        ours.get(NOBODY, factory.namespace, "a")
    with pytest.raises(ApiRejected, match=lacking):
        ours.delete(NOBODY, factory.namespace, "a")
    wanted = {
        **config_map(factory.namespace, "a"),
        "apiVersion": "example.org/v1",
        "kind": "Widget",
    }
    with pytest.raises(ApiRejected, match=lacking):
        ours.apply(NOBODY, wanted)
