"""Seeds whose lives broke something once, and what the simulation itself must be able to do."""

import logging
from collections.abc import Iterator

import pytest

from tests.simulation.life import lived

ONCE_BROKEN = {
    31: "a model's NaN was fused",
    38: "a model's missing step was fused",
    348: "a feed that died while the line was down never said that it was back",
    139: "an order left before it was decided on",
}
"""Each seed, and what its life finds in a program without the mending.

Whoever changes what is left to chance gives every seed another life, and has to look for new ones.
"""


@pytest.fixture(autouse=True)
def _no_log() -> Iterator[None]:
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("seed", ONCE_BROKEN, ids=ONCE_BROKEN.values())
def test_life_that_once_broke_an_invariant_keeps_all_of_them(seed: int) -> None:
    lived(seed)


def test_life_is_the_same_whenever_its_seed_is_lived_again() -> None:
    first, again = lived(14), lived(14)

    assert first == again
    assert first.events["fill"]
