"""Behaviour tests that cannot be used; what they judge is proved with the evaluation."""

import pytest

from components.core.behaviour import RETIRED, load_behaviour
from components.core.errors import InputError

TESTS = {
    "invariance": "column: a, values: [x, y], tolerance: 0.1",
    "direction": "column: a, add: 1, effect: raises",
    "minimum": "where: {a: 1}, at_least: 10%",
}


@pytest.mark.parametrize("place", RETIRED)
def test_a_retired_word_is_refused_with_the_new_one(place: str) -> None:
    (kind, word), new = place.split("."), RETIRED[place]
    said = rf"{kind}\[0\]\.{word}: given '{word}', a word that is retired; accepted: {new}\."
    with pytest.raises(InputError, match=said):
        load_behaviour(f"{kind}: [{{name: it, {TESTS[kind]}, {word}: 1}}]", "behaviour.yaml")

    found = load_behaviour(f"{kind}: [{{name: it, {TESTS[kind]}, {new}: 1}}]", "behaviour.yaml")
    (test,) = getattr(found, kind)
    assert getattr(test, new) == 1
