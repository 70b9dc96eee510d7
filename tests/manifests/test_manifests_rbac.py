"""Roles give what is needed and nothing more, in both directions."""

from tests.manifests.kustomize import Object
from tests.manifests.rights import Right, granted, needed


def test_every_right_that_is_given_is_needed_and_the_other_way_round(
    objects: list[Object],
) -> None:
    given, wanted = granted(objects), needed()
    assert set(given) | {"ratoon-exporter"} == set(wanted)  # comes with the component alerts
    for account, rights in given.items():
        assert sorted(rights - wanted[account]) == [], f"{account} is given more than it needs"
        assert sorted(wanted[account] - rights) == [], f"{account} needs more than it is given"


def test_nothing_is_given_by_a_star(objects: list[Object]) -> None:
    for rights in granted(objects).values():
        assert not any("*" in (r.group, r.resource, r.verb) for r in rights)


def test_only_the_deployer_changes_what_serves(objects: list[Object]) -> None:
    writing = {"create", "update", "patch", "delete"}
    may = {
        account
        for account, rights in granted(objects).items()
        if any(r.group == "serving.kserve.io" and r.verb in writing for r in rights)
    }
    assert may == {"ratoon-deployer"}


def test_no_account_reads_secrets_beyond_the_one_that_kubeflow_asks_for(
    objects: list[Object],
) -> None:
    for rights in granted(objects).values():
        secrets = {r for r in rights if r.resource == "secrets"}
        assert secrets <= {Right("", "secrets", "get", ("mlpipeline-minio-artifact",))}


def test_there_is_no_role_of_the_whole_cluster(objects: list[Object]) -> None:
    assert not [o for o in objects if o["kind"].startswith("Cluster")]


def test_what_asks_nothing_of_a_cluster_has_neither_rights_nor_a_token(
    objects: list[Object],
) -> None:
    idle = {account for account, rights in granted(objects).items() if not rights}
    assert "ratoon-models" in idle <= {"ratoon-models", "ratoon-exporter"}
    for one in (o for o in objects if o["kind"] == "ServiceAccount"):
        if one["metadata"]["name"] in idle:
            assert one["automountServiceAccountToken"] is False
