"""The way from a ``kserve://`` address to its target."""

from components.ops.cluster import connection
from components.ops.targets.kserve.applied import Applied
from components.ops.targets.kserve.place import check_model, parse_place
from components.ops.targets.kserve.target import KServeTarget
from components.ops.targets.kserve.view import View


def connect_kserve(target: str, model: str) -> KServeTarget:
    """The target of an address, on the cluster that we are in or that a kubeconfig names.

    Raises:
        InputError: The address or the model's name cannot be used, or no cluster is named.
    """
    place, name = parse_place(target), check_model(model)
    cluster = connection.connect()
    applied = Applied(cluster, place.namespace, name)
    return KServeTarget(applied, View(cluster, place.namespace, name), place.target, place.mode)
