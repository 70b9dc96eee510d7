"""A candidate that is refused before it is written down leaves no folder in the model store."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from components.core.errors import ApiRejected
from components.ops.cluster.protocol import Forbidden
from components.ops.targets.kserve.target import KServeTarget
from components.ops.targets.protocol import ChampionChanged
from tests.unit.ops.targets.kserve_factories import Toy, toy


@pytest.fixture
def kserve(tmp_path: Path) -> Iterator[Toy]:
    with toy(tmp_path, "blue_green") as made:
        yield made


def refusing(kserve: Toy, *refused: tuple[str, str]) -> KServeTarget:
    def refuse(verb: str, what: str) -> None:
        if (verb, what) in refused:
            raise Forbidden(f"{verb} {what}: not allowed")

    return kserve.target_on(replace(kserve.world.cluster, before=refuse))


@pytest.mark.parametrize(
    ("champion", "verb", "left"), [(None, "create", []), ("v1", "replace", ["v1"])]
)
def test_who_may_not_write_the_record_leaves_no_folder(
    kserve: Toy, champion: str | None, verb: str, left: list[str]
) -> None:
    if champion:
        kserve.promote(champion)

    with pytest.raises(ApiRejected, match=f"{verb} configmaps: not allowed"):
        kserve.stage("v2", refusing(kserve, (verb, "configmaps")))

    assert kserve.published() == left
    assert sorted(p.name for p in kserve.store.rglob("*") if p.name == "v2") == []


def test_who_may_not_write_the_service_leaves_what_the_record_names(kserve: Toy) -> None:
    with pytest.raises(ApiRejected, match="apply inferenceservices"):
        kserve.stage("v1", refusing(kserve, ("apply", "inferenceservices")))

    assert kserve.published() == ["v1"]
    kserve.promote("v1")
    assert kserve.world.traffic == {"v1": 100}


def test_who_may_not_even_read_the_record_publishes_nothing(kserve: Toy) -> None:
    with pytest.raises(ApiRejected):
        kserve.stage("v1", refusing(kserve, ("get", "configmaps")))
    assert kserve.published() == []


def test_who_is_overtaken_while_publishing_leaves_no_folder(kserve: Toy) -> None:
    """Another version is promoted between the upload and the record."""
    kserve.promote("v1")
    left = iter([None])

    def overtake(verb: str, what: str) -> None:
        if (verb, what) == ("replace", "configmaps") and next(left, "none") is None:
            kserve.promote("v3")

    with pytest.raises(ChampionChanged):
        kserve.stage("v2", kserve.target_on(replace(kserve.world.cluster, before=overtake)))
    assert kserve.published() == ["v1", "v3"]
