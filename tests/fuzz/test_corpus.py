"""What fuzzing has found stays mended, and what it starts from stays accepted."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from tests.fuzz.__main__ import NAMES
from tests.fuzz.hunt import broken, known
from tests.fuzz.mutations import mutated
from tests.fuzz.targets import TARGETS

SHORT = 60
"""Inputs that are made anew for each target, always the same ones."""


def test_every_target_can_be_asked_for() -> None:
    assert set(NAMES) == set(TARGETS)


@pytest.mark.parametrize("name", NAMES)
def test_no_input_that_was_found_breaks_it_again(name: str, tmp_path: Path) -> None:
    target = TARGETS[name]

    errors = {
        found: broken(target.check, data, tmp_path / "x") for found, data in known(name).items()
    }

    assert {found: error for found, error in errors.items() if error is not None} == {}


@pytest.mark.parametrize("name", NAMES)
def test_a_short_hunt_finds_nothing(name: str, tmp_path: Path) -> None:
    target = TARGETS[name]
    pool = [*target.seeds(), *known(name).values()]
    numbers = np.random.default_rng(1).integers(2**31, size=SHORT)
    inputs = (
        mutated(pool[place % len(pool)], pool, target.head, int(seed))
        for place, seed in enumerate(numbers)
    )

    for data in islice(inputs, SHORT):
        error = broken(target.check, data, tmp_path / "x")
        assert error is None, f"{data!r}: {error!r}"


@pytest.mark.parametrize("name", NAMES)
def test_examples_pass_and_are_no_refusals(name: str, tmp_path: Path) -> None:
    target = TARGETS[name]

    for seed in target.seeds():
        assert broken(target.check, seed, tmp_path / "x") is None
