"""Contract of every `KubeClient`: rights, and what is told of every call."""

import re

import pytest
import yaml

from components.ops.cluster.errors import ApiCall, RbacRule
from components.ops.cluster.protocol import (
    CONFIG_MAP,
    INFERENCE_SERVICE,
    Forbidden,
    has_field,
)
from tests.contract.cluster.objects import config_map, model, service

READ = RbacRule("serving.kserve.io", "inferenceservices", ("get",))
WRITE = RbacRule("serving.kserve.io", "inferenceservices", ("get", "patch"))


@pytest.mark.parametrize(
    ("rules", "act", "missing"),
    [
        ([], lambda c, n: c.get(INFERENCE_SERVICE, n, "flights"), "get"),
        ([READ], lambda c, n: c.list(INFERENCE_SERVICE, n, {}), "list"),
        ([READ], lambda c, n: c.apply(INFERENCE_SERVICE, service(n, model())), "patch"),
        # An apply that would make the object needs both.
        ([WRITE], lambda c, n: c.apply(INFERENCE_SERVICE, service(n, model())), "create"),
        ([READ], lambda c, n: c.create(INFERENCE_SERVICE, service(n, model())), "create"),
        ([READ], lambda c, n: c.delete(INFERENCE_SERVICE, n, "flights"), "delete"),
        ([READ], lambda c, n: list(c.watch(INFERENCE_SERVICE, n, "flights", 2.0)), "list"),
        (
            [RbacRule("serving.kserve.io", "inferenceservices", ("list",))],
            lambda c, n: list(c.watch(INFERENCE_SERVICE, n, "flights", 2.0)),
            "watch",
        ),
    ],
    ids=["get", "list", "apply", "apply-new", "create", "delete", "watch-list", "watch"],
)
def test_forbidden_holds_the_rule_that_is_missing(factory, rules, act, missing):
    with pytest.raises(Forbidden) as caught:
        act(factory.limited(rules), factory.namespace)
    text = str(caught.value)
    assert f"service account 'limited' of namespace {factory.namespace!r}" in text
    said = re.search(r"^- .*(?:\n  .*)*", text, re.MULTILINE)
    assert yaml.safe_load(said.group()) == [
        {
            "apiGroups": ["serving.kserve.io"],
            "resources": ["inferenceservices"],
            "verbs": [missing],
        }
    ]


def test_rights_that_suffice_suffice(factory):
    rule = RbacRule(
        "serving.kserve.io", "inferenceservices", ("create", "get", "list", "patch", "watch")
    )
    limited = factory.limited([rule])
    limited.apply(INFERENCE_SERVICE, service(factory.namespace, model()))
    assert next(limited.watch(INFERENCE_SERVICE, factory.namespace, "flights", 5.0)) is not None
    assert has_field(limited.openapi_schema(INFERENCE_SERVICE), "spec"), "needs no right"


def test_every_call_is_told_in_the_words_of_rbac(factory):
    ours, namespace = factory.cluster(), factory.namespace
    ours.apply(CONFIG_MAP, config_map(namespace, "a", {"x": "1"}))
    made = ours.apply(CONFIG_MAP, config_map(namespace, "a", {"x": "2"}))
    ours.replace(CONFIG_MAP, made)
    ours.get(CONFIG_MAP, namespace, "a")
    ours.list(CONFIG_MAP, namespace, {"a": "b"})
    list(ours.watch(CONFIG_MAP, namespace, "a", 0.3))
    ours.events(namespace, "a")
    ours.openapi_schema(INFERENCE_SERVICE)
    ours.delete(CONFIG_MAP, namespace, "a")
    named = {(call.verb, call.name) for call in factory.calls if call.resource == "configmaps"}
    assert named == {
        ("patch", "a"),
        ("create", "a"),
        ("update", "a"),
        ("get", "a"),
        ("list", ""),
        ("list", "a"),
        ("watch", "a"),
        ("delete", "a"),
    }
    others = {call for call in factory.calls if call.resource != "configmaps"}
    assert others == {ApiCall("list", "", "events", namespace)}
