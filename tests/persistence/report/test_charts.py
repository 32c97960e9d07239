import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from domain.trades import Trade, steps, trades
from domain.units import Floats
from persistence.report.charts import (
    MARKED_MAX,
    POINTS_MAX,
    _edges,
    _thinned,
    chart,
    first_marked,
    half,
    marks,
)
from persistence.report.source import NO_PRICES
from tests.persistence.report.runs import books


def some_trades(*exits: str) -> tuple[Trade, ...]:
    return trades(steps(books(*exits)[0]), {})


@settings(max_examples=50)
@given(st.integers(POINTS_MAX + 1, 20_000), st.integers(0, 9))
def test_long_line_is_thinned_out_and_keeps_its_extremes(count: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(0, 1, count)

    at, kept = _thinned(np.arange(count), values)

    assert len(at) <= POINTS_MAX + 2
    assert (np.diff(at) > 0).all()
    assert (kept.min(), kept.max()) == (values.min(), values.max())
    assert (at[0], at[-1]) == (0, count - 1)


def test_short_line_stays_as_it_is() -> None:
    values = np.arange(5.0)

    assert _thinned(np.arange(5), values)[1] is values


@settings(max_examples=50)
@given(arrays(np.float64, st.integers(1, 80), elements=st.floats(-1e4, 1e4, width=32)))
def test_no_bar_of_the_distribution_mixes_gains_with_losses(pnl: Floats) -> None:
    edges = _edges(pnl)

    assert np.abs(edges).min() == 0
    assert edges[0] <= pnl.min()
    assert edges[-1] >= pnl.max()
    assert len(edges) < 60


def test_marks_of_too_many_trades_are_those_of_the_newest() -> None:
    (trade,) = some_trades("101")

    assert first_marked([trade] * MARKED_MAX) is None
    assert first_marked([trade] * (MARKED_MAX + 1)) == trade.opened


def test_same_trades_are_drawn_in_the_same_bytes_under_names_of_their_own() -> None:
    draw = marks(NO_PRICES, some_trades("101", "99", "98.5"))

    first, again, other = half("a", "", draw), half("a", "", draw), half("b", "", draw)

    assert first == again
    assert first.narrow != other.narrow
    assert 'id="a-' in first.narrow
    assert 'id="b-' in other.narrow


def test_chart_has_a_shape_for_each_screen() -> None:
    drawn = chart("x", "what it says", 3.0, marks(NO_PRICES, some_trades("101")))

    assert drawn.says == "what it says"
    assert 'viewBox="0 0 748.8 216"' in drawn.wide
    assert 'viewBox="0 0 324 216"' in drawn.narrow
