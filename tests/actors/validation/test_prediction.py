from dataclasses import replace

import numpy as np

from actors.validation.prediction import judged
from actors.validation.record import Record
from domain.horizons import Timeframe
from domain.units import Nanos
from persistence.forecasts import SHAPE, ForecastRecord
from tests.actors.validation.made import a_record, failed, said
from tests.builders import NOON

PACE = "a forecast every 60 ± 5 s"


def a_run(*times: float, clock: float = 1.0) -> Record:
    """Forecasts at these market times; our own clock goes so many times slower."""
    told = (said(at, "forecast", heard_at=at / clock + 1) for at in times)
    return a_record(said(0, "ready"), *told)


def said_of(spread: float = 0.01) -> ForecastRecord:
    """A forecast that rises by this share of the price from its lowest level to its highest."""
    levels = np.linspace(-spread, spread, SHAPE[1])
    quantiles = 100 * (1 + np.tile(levels, (SHAPE[0], 1)))
    return ForecastRecord(Timeframe.M1, Nanos(NOON), 100.0, "9c4c", quantiles)


def altered(row: int, level: int, value: float) -> dict[Timeframe, list[ForecastRecord]]:
    forecast = said_of()
    quantiles = forecast.quantiles.copy()
    quantiles[row, level] = value
    return {Timeframe.M1: [said_of(), replace(forecast, quantiles=quantiles)]}


GOOD = {Timeframe.M1: [said_of()], Timeframe.H1: [said_of(0.1)]}
STEADY = a_run(60, 120, 180, 240)


def test_forecasts_on_the_minute_with_nested_intervals_pass() -> None:
    assert failed(judged(STEADY, GOOD, live=True)) == []


def test_minute_that_is_missed_or_six_seconds_late_fails() -> None:
    assert failed(judged(a_run(60, 120, 240, 300), GOOD, live=True)) == [PACE]
    assert failed(judged(a_run(60, 120, 186, 240), GOOD, live=True)) == [PACE]
    assert failed(judged(a_run(60, 120, 184, 240), GOOD, live=True)) == []


def test_two_forecasts_are_too_few_to_say() -> None:
    assert failed(judged(a_run(60, 120), GOOD, live=True)) == [PACE]


def test_demo_is_judged_by_market_time_and_says_so() -> None:
    fast = a_run(60, 120, 180, 240, clock=60)

    assert failed(judged(fast, GOOD, live=True)) == [PACE]
    criteria = judged(fast, GOOD, live=False)
    assert failed(criteria) == []
    assert "in market time" in criteria[0].found


def test_forecast_before_ready_is_not_counted() -> None:
    early = a_record(said(17, "forecast"), said(40, "ready"), *STEADY.of_name("forecast"))

    assert failed(judged(early, GOOD, live=True)) == []


def test_number_that_is_none_crossed_quantiles_and_a_wild_one_are_found() -> None:
    crossed = failed(judged(STEADY, altered(2, 0, 99.9), live=True))
    wild = failed(judged(STEADY, altered(4, 12, 121), live=True))
    nothing = failed(judged(STEADY, altered(0, 6, np.nan), live=True))

    assert crossed == ["intervals nested: 80 % within 90 % within 95 %"]
    assert wild == ["within ± 20 % of the price"]
    assert "every value finite" in nothing


def test_no_forecast_at_all_fails_every_criterion() -> None:
    criteria = judged(a_record(), {}, live=True)

    assert len(failed(criteria)) == len(criteria) == 4
