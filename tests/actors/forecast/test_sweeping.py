import gc
from collections.abc import Iterator

import pytest

from actors.forecast.sweeping import FULL_EVERY, Sweeper


class Watch:
    """Notes which generations are looked through."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self.seen.append(info["generation"])


@pytest.fixture
def watch() -> Iterator[Watch]:
    """No collection but those that are asked for."""
    watch = Watch()
    gc.disable()
    gc.callbacks.append(watch)
    yield watch
    gc.callbacks.remove(watch)
    gc.unfreeze()
    gc.enable()


def test_what_stands_at_first_is_never_looked_through_again(watch: Watch) -> None:
    standing = [[number] for number in range(1000)]

    Sweeper().sweep()

    assert watch.seen == [2]
    assert gc.get_freeze_count() > len(standing)
    assert not any(one is standing for one in gc.get_objects())


def test_everything_is_looked_through_once_an_hour_and_the_last_minute_in_between(
    watch: Watch,
) -> None:
    sweeper = Sweeper()

    for _ in range(FULL_EVERY + 2):
        sweeper.sweep()

    assert watch.seen == [2, *[1] * (FULL_EVERY - 1), 2, 1]


@pytest.mark.usefixtures("watch")
def test_what_a_forecast_leaves_is_collected() -> None:
    sweeper = Sweeper()
    sweeper.sweep()
    knot: list[object] = []
    knot.append(knot)
    name = id(knot)
    del knot

    sweeper.sweep()

    assert name not in {id(one) for one in gc.get_objects()}
