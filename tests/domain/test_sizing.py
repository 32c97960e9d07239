from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.account import KELLY_WINDOW, RoundTrip
from domain.execution import TAKER_FEE
from domain.instrument import BTCUSDT
from domain.orders import NOTIONAL_MAX, NOTIONAL_MIN, Refusal
from domain.sizing import (
    PROBES_A_DAY,
    Odds,
    Size,
    believed,
    fraction,
    promised,
    record,
    size,
    volatility_factor,
)
from tests.builders import NOON, a_signal, a_trip, an_account, marked, price

WINNING = (a_trip(pnl="2"),) * 8 + (a_trip(pnl="-1"),) * 4
WEAK = a_signal(stop="99.95", target="100.05")
LOSING = (a_trip(pnl="1"),) * 4 + (a_trip(pnl="-1"),) * 8


def kelly(trips: tuple[RoundTrip, ...]) -> float:
    """f* of these round trips alone."""
    return fraction(record(trips, Odds(0.0, 0.0, 0.0)))


def test_kelly_is_the_textbook_fraction() -> None:
    # given two thirds winners at odds of two to one: (2 * 2/3 - 1/3) / 2
    assert kelly(WINNING) == pytest.approx(0.5)


def test_kelly_of_nothing_but_losers_and_of_nothing_but_winners() -> None:
    assert kelly((a_trip(pnl="-1"),) * 20) == -1
    assert kelly((a_trip(pnl="1"),) * 20) == 1
    assert kelly((a_trip(pnl="1"),) * 20 + (a_trip(pnl="0"),)) == pytest.approx(20 / 21)


def test_without_a_record_the_forecasts_own_odds_stand_in() -> None:
    # given p = .55, a target 1 % away and a stop 1 % away, each .08 % worse after both fees
    odds = promised(a_signal(probability=0.55), price(100))

    assert (odds.chance, odds.gain, odds.loss) == pytest.approx((0.55, 0.0092, 0.0108))
    assert fraction(believed((), odds)) == pytest.approx(0.55 - 0.45 * 108 / 92)
    found = size(a_signal(probability=0.55), marked(), price(100), BTCUSDT)
    assert isinstance(found, Size)
    assert "Kelly 2.2%" in found.reason


@given(n=st.integers(0, KELLY_WINDOW))
def test_forecasts_odds_fade_out_as_trades_come(n: int) -> None:
    odds = believed((a_trip(pnl="1"),) * n, promised(a_signal(probability=0.55), price(100)))

    assert odds.chance == pytest.approx(0.55 + 0.45 * n / KELLY_WINDOW)


def test_full_window_leaves_nothing_of_the_forecasts_odds() -> None:
    trips = (a_trip(pnl="2"),) * 30 + (a_trip(pnl="-1"),) * 20

    assert fraction(believed(trips, Odds(0.0, 9.0, 9.0))) == pytest.approx(0.6 - 0.4 / 2)


def test_forecast_without_an_edge_after_costs_probes_with_the_smallest_order() -> None:
    found = size(WEAK, marked(), price(100), BTCUSDT)

    assert isinstance(found, Size)
    assert NOTIONAL_MIN <= found.quantity * 100 < NOTIONAL_MIN * 2
    assert "probe 1" in found.reason


def test_probes_of_a_day_are_limited() -> None:
    spent = an_account(recent=(a_trip(pnl="-0.01", notional="10.5"),) * PROBES_A_DAY)

    assert size(WEAK, marked(spent), price(100), BTCUSDT) is Refusal.NO_EDGE


def test_probes_of_yesterday_do_not_count() -> None:
    old = (a_trip(pnl="-0.01", notional="10.5", at=NOON - 25 * 3600 * 10**9),) * PROBES_A_DAY

    found = size(WEAK, marked(an_account(recent=old)), price(100), BTCUSDT)

    assert isinstance(found, Size)


@given(stop=st.integers(9000, 9999).map(lambda n: str(Decimal(n) / 100)))
def test_loss_at_the_stop_with_costs_is_never_above_the_risk_limit(stop: str) -> None:
    account = marked(an_account(recent=WINNING))

    found = size(a_signal(stop=stop), account, price(100), BTCUSDT)

    assert isinstance(found, Size)
    lost = found.quantity * (100 - Decimal(stop) + 2 * 100 * TAKER_FEE)
    assert lost <= account.equity * Decimal("0.0150001")
    assert found.quantity * 100 <= NOTIONAL_MAX


def test_losing_record_sizes_as_a_probe() -> None:
    found = size(a_signal(probability=0.55), marked(an_account(recent=LOSING)), price(100), BTCUSDT)

    assert isinstance(found, Size)
    assert "probe" in found.reason


def test_drawdown_reduces_the_size_and_then_stops() -> None:
    account = an_account(recent=WINNING * 5)
    signal = a_signal(stop="70")

    full = size(signal, marked(account), price(100), BTCUSDT)
    reduced = size(signal, marked(account, equity="9450"), price(100), BTCUSDT)
    stopped = size(signal, marked(account, equity="9100", stopped=True), price(100), BTCUSDT)

    assert isinstance(full, Size)
    assert isinstance(reduced, Size)
    assert reduced.quantity < full.quantity / 3
    assert stopped is Refusal.DRAWDOWN


def test_edge_too_small_for_the_smallest_order_probes() -> None:
    # Refused, nothing would ever change the record again.
    record = (a_trip(pnl="9.0005"),) * 5 + (a_trip(pnl="-1"),) * 45
    odds = believed(record, promised(a_signal(), price(100)))
    seen = marked(an_account(recent=record))

    found = size(a_signal(), seen, price(100), BTCUSDT)

    assert 0 < fraction(odds) < 1e-5
    assert isinstance(found, Size)
    assert "probe" in found.reason


def test_size_too_small_to_trade_is_refused() -> None:
    narrow = a_signal(stop="1")
    poor = marked(an_account(recent=WINNING * 5), equity="500", high_water="500")

    assert size(narrow, poor, price(100), BTCUSDT) is Refusal.TOO_SMALL


def test_wild_market_halves_the_risk() -> None:
    assert volatility_factor(0.04) == 0.5
    assert volatility_factor(0.0) == 1.0
