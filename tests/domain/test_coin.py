import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.coin import tossed

amounts = st.lists(st.floats(-100, 100).map(lambda x: round(x, 2)), min_size=1, max_size=40)


def test_without_a_trade_there_is_nothing_to_toss_for() -> None:
    assert tossed(np.empty(0), np.empty(0)) is None


@given(gross=amounts, cost=st.floats(0, 2))
def test_coin_gains_nothing_on_average_but_the_costs(gross: list[float], cost: float) -> None:
    moves = np.array(gross)

    coin = tossed(moves, moves - cost)

    assert coin is not None
    spread = float(np.sqrt((moves**2).sum()))
    assert coin.mean == pytest.approx(-cost * len(moves), abs=0.06 * spread + 1e-6)
    assert coin.interval[0] <= coin.mean + 1e-6
    assert coin.interval[1] >= coin.mean - 1e-6


def test_nobody_tosses_better_than_who_is_always_right() -> None:
    coin = tossed(np.full(30, 5.0), np.full(30, 4.0))

    assert coin is not None
    assert coin.as_good == 0.0
    assert coin.interval == pytest.approx((-90, 30), abs=15)


def test_who_tosses_himself_is_as_good_as_half_of_the_coins() -> None:
    moves = np.where(np.arange(100) % 2, 1.0, -1.0)

    coin = tossed(moves, moves)

    assert coin is not None
    assert coin.as_good == pytest.approx(0.54, abs=0.02)  # a tie counts
