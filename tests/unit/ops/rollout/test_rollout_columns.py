"""Why a candidate may refuse requests: it reads other columns than the champion."""

from pathlib import Path

import pytest

from components.core.artifacts import MODEL_CARD, ModelColumn
from components.core.plan import Champion
from components.core.verdict import Severity
from components.ops.deploy.deployment import Deployment
from components.ops.rollout.column_changes import find_column_changes
from tests.unit.ops.targets.serving_factories import AS_OF, MODEL, card_of


def deployment(folder: Path, ours: tuple[str, ...], theirs: tuple[str, ...] | None) -> Deployment:
    for version, names in (("v1", theirs), ("v2", ours)):
        if names is not None:
            columns = tuple(ModelColumn(name=n, source=n, kind="number") for n in names)
            card = card_of(version).model_copy(update={"columns": columns})
            card.write(folder / version / MODEL_CARD)
    champion = Champion(version="v1", uri=f"{folder}/v1", digest="d", run="r", as_of=AS_OF)
    return Deployment(
        target="local://x", model=MODEL, version="v2", uri=f"{folder}/v2", digest="d",
        champion=champion, address=None,
    )  # fmt: skip


def test_new_and_gone_columns_are_named(tmp_path: Path) -> None:
    found = find_column_changes(deployment(tmp_path, ("a", "c"), ("a", "b")))
    assert found is not None
    assert (found.code, found.severity) == ("other_columns", Severity.WARN)
    assert "requires c, which the champion does not read" in found.sentence
    assert "refuses b, which the champion reads" in found.sentence


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (("a", "b"), ("b", "a")),
        (("a",), ("a", "id", "seen_at")),  # keys and times are logged, and so accepted
        (("a",), None),  # its folder is gone
    ],
)
def test_nothing_is_said_that_is_not_known(
    tmp_path: Path, ours: tuple[str, ...], theirs: tuple[str, ...] | None
) -> None:
    assert find_column_changes(deployment(tmp_path, ours, theirs)) is None


def test_a_first_model_has_nothing_to_differ_from(tmp_path: Path) -> None:
    first = deployment(tmp_path, ("a",), None).model_copy(update={"champion": None})
    assert find_column_changes(first) is None
