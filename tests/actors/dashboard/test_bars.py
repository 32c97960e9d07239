from decimal import Decimal

from actors.dashboard.bars import Bar, bars
from actors.dashboard.fold import Fold
from actors.messages import Fetched
from domain.horizons import CONTEXT, Timeframe
from domain.market import Candle
from domain.units import HOUR, MINUTE, Nanos, Price, Quantity
from tests.actors.dashboard.scenes import NOON, a_fold, a_forecast, a_trade, after

ONE = Quantity(Decimal(1))


def a_bar_of(at: Nanos, timeframe: Timeframe = Timeframe.M1) -> Candle:
    """A candle with wicks that closes at this time."""
    first, high, low, last = (Price(Decimal(x)) for x in (43_000, 43_090, 42_990, 43_050))
    return Candle(timeframe, Nanos(at - timeframe.span), first, high, low, last, ONE)


def test_nothing_known_is_no_bar() -> None:
    assert bars(Fold().view(), Timeframe.M1, 50) == ()


def test_closes_alone_make_bars_without_wicks() -> None:
    fold = a_fold()
    fold.market(a_forecast(NOON))

    known = bars(fold.view(), Timeframe.M5, 500)

    closes = a_forecast(NOON).closes[2]
    assert len(known) == CONTEXT - 1
    assert known[-1] == Bar(NOON, closes[-2], max(closes[-2:]), min(closes[-2:]), closes[-1])
    assert known[0].at == NOON - 198 * 5 * MINUTE


def test_candles_we_were_told_take_the_place_of_mere_closes() -> None:
    fold = a_fold()
    fold.market(a_forecast(NOON))
    fold.market(Fetched(NOON, (a_bar_of(NOON), a_bar_of(after(60))), 2, 0.1))

    known = bars(fold.view(), Timeframe.M1, 500)

    assert known[-2] == Bar(NOON, 43_000, 43_090, 42_990, 43_050)
    assert known[-1].at == after(60)
    assert len(known) == CONTEXT


def test_newest_price_is_a_bar_that_has_not_closed() -> None:
    fold = a_fold()
    fold.market(Fetched(NOON, (a_bar_of(NOON, Timeframe.H1),), 1, 0.1))
    fold.market(a_trade(after(90), "43100"))

    known = bars(fold.view(), Timeframe.H1, 10)

    assert known[-1] == Bar(Nanos(NOON + HOUR), 43_050, 43_100, 43_050, 43_100)


def test_only_the_newest_wanted_bars_come() -> None:
    fold = a_fold()
    fold.market(a_forecast(NOON))
    fold.market(a_trade(after(1)))

    assert [bar.at for bar in bars(fold.view(), Timeframe.M1, 2)] == [NOON, after(60)]


def test_close_that_is_no_number_is_no_bar() -> None:
    fold = a_fold()
    fold.market(a_forecast(NOON, last=float("nan")))

    assert bars(fold.view(), Timeframe.M1, 10) == ()
