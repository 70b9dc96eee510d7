"""Whether NetworkPolicies let one pod speak to another (Kubernetes API: networking.k8s.io/v1)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

from tests.manifests.kustomize import Object


@dataclass(frozen=True)
class Peer:
    """One end of a connection.

    Attributes:
        namespace: Its namespace's name; empty for an address outside the cluster.
        labels: The pod's labels.
        address: Its IP address, where it is no pod.
    """

    namespace: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    address: str = ""


def may_reach(
    policies: Iterable[Object], home: str, source: Peer, target: Peer, port: int, protocol: str
) -> bool:
    """Whether policies of the namespace `home` let `source` speak to `target` at a port."""
    listed = list(policies)
    out = source.namespace != home or _allows(listed, "Egress", source, target, port, protocol)
    inn = target.namespace != home or _allows(listed, "Ingress", target, source, port, protocol)
    return out and inn


def _allows(
    policies: list[Object], way: str, own: Peer, other: Peer, port: int, protocol: str
) -> bool:
    mine = [
        p["spec"]
        for p in policies
        if way in p["spec"]["policyTypes"] and _selects(p["spec"]["podSelector"], own.labels)
    ]
    far = {"Egress": "to", "Ingress": "from"}[way]
    rules = [rule for spec in mine for rule in spec.get(way.lower(), ())]
    return not mine or any(
        _has_port(rule, port, protocol)
        and any(_is_peer(peer, own.namespace, other) for peer in rule[far])
        for rule in rules
    )


def _has_port(rule: dict[str, Any], port: int, protocol: str) -> bool:
    return any((one["port"], one["protocol"]) == (port, protocol) for one in rule["ports"])


def _is_peer(peer: dict[str, Any], home: str, other: Peer) -> bool:
    if "ipBlock" in peer:
        network = ip_network(peer["ipBlock"]["cidr"])
        address = ip_address(other.address or "10.1.2.3")
        return address.version == network.version and address in network
    if not other.namespace:
        return False
    where = {"kubernetes.io/metadata.name": other.namespace}
    named = peer.get("namespaceSelector")
    is_there = _selects(named, where) if named is not None else other.namespace == home
    return is_there and _selects(peer.get("podSelector", {}), other.labels)


def _selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    wanted = selector.get("matchLabels", {})
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _holds(one, labels) for one in selector.get("matchExpressions", ())
    )


def _holds(expression: dict[str, Any], labels: dict[str, str]) -> bool:
    key, operator = expression["key"], expression["operator"]
    if operator == "Exists":
        return key in labels
    if operator == "DoesNotExist":
        return key not in labels
    assert operator == "In"
    return labels.get(key) in expression["values"]
