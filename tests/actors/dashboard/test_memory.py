from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from actors.dashboard.memory import (
    ROOMS_MAX,
    WAITED_LOOKS,
    Calibration,
    Candles,
    Course,
    Paces,
    Rate,
    Recent,
    Tickets,
)
from actors.messages import RoomVitals
from domain.facts import Filled, Liquidity, Ordered, OrderRefused
from domain.horizons import CONTEXT, LEVELS, STEPS, TIMEFRAMES, Timeframe
from domain.market import Candle, Origin, Side
from domain.signals import Forecast
from domain.units import HOUR, MINUTE, SECOND, Money, Nanos, Price, Quantity
from tests.actors.dashboard.scenes import NOON, after

ONE = Quantity(Decimal(1))


def minute(number: int, close: str = "100", kind: Origin = Origin.REAL) -> Candle:
    """A minute after noon that stays at one price."""
    price = Price(Decimal(close))
    return Candle(Timeframe.M1, after(60 * number), price, price, price, price, ONE, kind)


def forecast(at: Nanos, half: float = 10.0) -> Forecast:
    """Bands around 100, the 95 % one this far away on each side."""
    shape = (len(TIMEFRAMES), len(STEPS), len(LEVELS))
    levels = np.broadcast_to(100 + half * np.linspace(-1, 1, len(LEVELS)), shape)
    return Forecast(at, np.full((len(TIMEFRAMES), CONTEXT), 100.0), levels, 0.02)


def test_forecast_is_judged_by_the_close_it_was_made_for() -> None:
    calibration = Calibration()
    calibration.expect(forecast(after(0)))

    calibration.judge(minute(0, close="109"))

    assert (calibration.scores[0].total, calibration.scores[0].inside) == (1, (0, 0, 1))
    assert all(score.total == 0 for score in calibration.scores[1:])


def test_steps_and_longer_timeframes_are_judged_when_their_candle_closes() -> None:
    calibration = Calibration()
    calibration.expect(forecast(NOON))

    for number in range(15):
        calibration.judge(minute(number))

    totals = {x: score.total for x, score in zip(TIMEFRAMES, calibration.scores, strict=True)}
    assert totals[Timeframe.M1] == len(STEPS)
    assert totals[Timeframe.M3] == 3
    assert totals[Timeframe.M15] == 1
    assert totals[Timeframe.H1] == 0


def test_timeframe_whose_candle_has_not_closed_is_not_expected_again() -> None:
    calibration = Calibration()
    calibration.expect(forecast(after(60)))

    for number in range(1, 70):
        calibration.judge(minute(number))

    assert [score.total for score in calibration.scores] == [5, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    "candle", [minute(1), minute(0, kind=Origin.INTERPOLATED)], ids=["missed", "interpolated"]
)
def test_what_nobody_saw_close_is_not_judged(candle: Candle) -> None:
    calibration = Calibration()
    calibration.expect(forecast(NOON))

    calibration.judge(candle)

    assert calibration.scores[0].total == 0


def test_forecast_that_is_no_number_is_not_expected() -> None:
    calibration = Calibration()
    calibration.expect(forecast(NOON, half=float("nan")))

    calibration.judge(minute(0))

    assert calibration.scores[0].total == 0


def test_longer_candles_are_made_when_all_their_minutes_are_there() -> None:
    candles = Candles()

    for number in (0, 1, 2, 3, 4, 6, 7, 8):
        candles.take(minute(number, close=str(100 + number)))

    held = dict(zip(TIMEFRAMES, candles.held(), strict=True))
    assert [x.open_time for x in held[Timeframe.M3]] == [NOON, after(360)]
    assert [x.close for x in held[Timeframe.M3]] == [102, 108]
    assert [x.close for x in held[Timeframe.M5]] == [104]


def test_candle_that_is_known_is_not_taken_again() -> None:
    candles = Candles()
    candles.take_history([minute(0), minute(1)])

    candles.take(minute(1, close="999"))

    assert [x.close for x in candles.held()[0]] == [100, 100]


def an_order(number: str = "E1") -> Ordered:
    return Ordered(NOON, number, Side.SELL, Quantity(Decimal(2)), "MARKET", Price(Decimal(100)))


def a_fill(price: str, number: str = "E1") -> Filled:
    fee = Money(Decimal("0.04"))
    taken = Liquidity.TAKER
    return Filled(after(1), number, Side.SELL, Price(Decimal(price)), ONE, fee, taken, 90.0, 0.0)


def test_order_is_followed_through_its_fills() -> None:
    tickets = Tickets()
    tickets.order(an_order())
    assert tickets.newest()[0].slippage_bps is None

    tickets.fill(a_fill("100"))
    tickets.fill(a_fill("99"))

    ticket = tickets.newest()[0]
    assert [ticket.filled, ticket.paid, ticket.fee] == [2, 199, Decimal("0.08")]
    assert ticket.slippage_bps == 50


def test_refusal_stays_with_its_order() -> None:
    tickets = Tickets()
    tickets.order(an_order())

    tickets.refuse(OrderRefused(after(9), "E1", "EXPIRED", "no fresh book"))
    tickets.refuse(OrderRefused(after(9), "E2", "HALTED", "never went out"))
    tickets.fill(a_fill("100", "E3"))

    assert [ticket.refusal for ticket in tickets.newest()] == ["no fresh book"]


def test_rate_is_taken_over_the_last_seconds() -> None:
    rate = Rate()
    assert rate.per_second is None

    for second in range(60):
        rate.count += 20 if second > 30 else 1
        rate.tick(after(second))

    assert rate.per_second == 20
    rate.tick(after(-100))
    assert rate.per_second is None


def test_recent_values_are_one_a_second_and_the_newest() -> None:
    recent = Recent[int](limit=3)

    for tenth in range(50):
        recent.add(Nanos(NOON + tenth * SECOND // 10), tenth)

    assert list(recent.points) == [20, 30, 40]


def test_eight_hours_do_not_make_the_memory_grow() -> None:
    calibration, candles, tickets = Calibration(), Candles(), Tickets()
    course, expected = Course[float](), []
    for number in range(8 * HOUR // MINUTE):
        candles.take(minute(number))
        calibration.judge(minute(number))
        calibration.expect(forecast(after(60 * number + 60)))
        tickets.order(an_order(str(number)))
        course.add(after(60 * number), 1.0)
        expected.append(len(calibration._expected))

    assert max(expected) == max(expected[: HOUR * 4 // MINUTE * 2]) < 250
    assert [len(held) for held in candles.held()] == [240, 160, 96, 32, 16, 8]
    assert len(tickets.held) == 100
    assert len(course.points) <= 512


def a_room(handled: int, waited_ms: float | None = None) -> RoomVitals:
    return RoomVitals("RiskActor", 0, 0, 0, 0, handled, waited_ms)


def test_pace_is_taken_over_the_last_looks_and_begins_anew_with_the_actor() -> None:
    paces = Paces()
    for second in range(20):
        paces.take(after(second), a_room(30 * second, 0.5))
    assert paces.held()["RiskActor"].per_second == 30
    assert paces.held()["RiskActor"].waited_ms == (0.5,) * 20

    paces.take(after(20), a_room(4))

    assert paces.held()["RiskActor"].per_second is None
    assert len(paces.held()["RiskActor"].waited_ms) == 20


def test_pace_forgets_old_waits_and_takes_no_more_names_than_there_can_be() -> None:
    paces = Paces()
    for second in range(500):
        paces.take(after(second), a_room(second, 1.0))
        paces.take(after(second), replace(a_room(second), name=f"Actor{second}"))

    assert len(paces.held()) == ROOMS_MAX
    assert len(paces.held()["RiskActor"].waited_ms) == WAITED_LOOKS


@pytest.mark.parametrize(("code", "canceled"), [("CANCELED", True), ("STALE_BOOK", False)])
def test_order_that_was_called_back_is_told_from_one_that_was_refused(
    code: str,
    canceled: bool,  # noqa: FBT001
) -> None:
    tickets = Tickets()
    tickets.order(Ordered(NOON, "S1", Side.SELL, ONE, "STOP_MARKET", Price(Decimal(100))))

    tickets.refuse(OrderRefused(after(1), "S1", code, "the position is closed"))

    assert tickets.newest()[0].canceled is canceled
