from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.fusion import fuse, summed
from domain.horizons import TIMEFRAMES, VOLATILITY_WINDOW
from domain.instrument import BTCUSDT
from domain.signals import Direction, Forecast
from tests.builders import a_forecast, some_closes

shifts = st.floats(-0.02, 0.02).filter(lambda x: abs(x) > 1e-6)


def reflected(forecast: Forecast) -> Forecast:
    """All log prices turned round the last closes."""
    last = forecast.closes[:, -1]
    return replace(
        forecast,
        closes=last[:, None] ** 2 / forecast.closes,
        quantiles=np.flip(last[:, None, None] ** 2 / forecast.quantiles, axis=2),
    )


def test_symmetric_forecast_points_nowhere() -> None:
    signal = fuse(a_forecast(shift=0.0), BTCUSDT)

    assert signal.direction is Direction.FLAT
    assert signal.confidence == pytest.approx(0.5)
    assert signal.probability == pytest.approx(0.5)
    assert signal.expected_bps == pytest.approx(0.0)


def test_unanimous_rise_is_long_with_full_confidence() -> None:
    signal = fuse(a_forecast(shift=0.001), BTCUSDT)

    assert signal.direction is Direction.LONG
    assert signal.confidence == pytest.approx(1.0)
    assert signal.probability > 0.5
    assert signal.expected_bps > 0
    assert signal.stop < signal.target


@given(shift=shifts)
def test_reflection_turns_the_direction_and_keeps_the_confidence(shift: float) -> None:
    forecast = a_forecast(shift=shift)

    signal, mirrored = fuse(forecast, BTCUSDT), fuse(reflected(forecast), BTCUSDT)

    assert {signal.direction, mirrored.direction} == {Direction.LONG, Direction.SHORT}
    assert mirrored.confidence == pytest.approx(signal.confidence)
    assert mirrored.probability == pytest.approx(signal.probability, abs=1e-9)
    assert mirrored.expected_bps == pytest.approx(-signal.expected_bps)


@given(shift=shifts, scale=st.floats(1.0, 1e4))
def test_signal_does_not_depend_on_the_unit_of_price(shift: float, scale: float) -> None:
    forecast = a_forecast(shift=shift)
    scaled = replace(forecast, closes=forecast.closes * scale, quantiles=forecast.quantiles * scale)

    signal, other = fuse(forecast, BTCUSDT), fuse(scaled, BTCUSDT)

    assert other.direction is signal.direction
    assert other.confidence == pytest.approx(signal.confidence)
    assert other.expected_bps == pytest.approx(signal.expected_bps)


@given(low=shifts, rise=st.floats(0, 0.02))
def test_higher_forecast_never_lowers_the_expected_return(low: float, rise: float) -> None:
    before, after = (
        fuse(a_forecast(shift=low), BTCUSDT),
        fuse(a_forecast(shift=low + rise), BTCUSDT),
    )

    assert after.expected_bps >= before.expected_bps - 1e-9


def test_timeframes_that_disagree_lower_the_confidence() -> None:
    forecast = a_forecast(shift=0.001)
    quantiles = forecast.quantiles.copy()
    quantiles[0] = a_forecast(shift=-0.001).quantiles[0]

    signal = fuse(replace(forecast, quantiles=quantiles), BTCUSDT)

    assert signal.direction is Direction.LONG
    assert signal.confidence == pytest.approx(0.9)


def test_plan_of_a_short_has_its_stop_above_its_target() -> None:
    signal = fuse(a_forecast(shift=-0.001), BTCUSDT)

    assert signal.stop > signal.target


def test_still_market_divides_by_no_zero() -> None:
    closes = np.full_like(some_closes(), 100.0)

    signal = fuse(a_forecast(shift=0.001, closes=closes), BTCUSDT)

    assert np.isfinite(signal.expected_bps)


@given(shift=st.floats(-0.2, 0.2))
def test_last_close_lies_between_stop_and_target_whatever_the_forecast(shift: float) -> None:
    forecast = a_forecast(shift=shift, width=0.001)
    last = float(forecast.closes[0, -1])

    signal = fuse(
        replace(forecast, closes=forecast.closes * last / forecast.closes[:, -1:]), BTCUSDT
    )

    low, high = sorted((signal.stop, signal.target))
    assert low < last < high


@given(shift=shifts)
def test_promise_is_the_net_chance_times_how_far_the_price_goes(shift: float) -> None:
    forecast = a_forecast(shift=shift)

    signal, mirrored = fuse(forecast, BTCUSDT), fuse(reflected(forecast), BTCUSDT)

    low, high = forecast.quantiles[5, 1, 2], forecast.quantiles[5, 1, 10]
    reach = float(np.log(high / low)) / 2 * 10_000
    assert signal.promise_bps == pytest.approx((2 * signal.probability - 1) * reach)
    assert mirrored.promise_bps == pytest.approx(signal.promise_bps, abs=1e-6)


@given(st.lists(st.tuples(shifts, st.floats(1e-4, 0.05)), min_size=1, max_size=4))
def test_what_timeframes_add_up_to_is_the_signal(markets: list[tuple[float, float]]) -> None:
    forecasts = [a_forecast(shift=shift, width=width) for shift, width in markets]
    recent = np.array([x.closes[:, -VOLATILITY_WINDOW - 1 :] for x in forecasts])
    quantiles = np.array([x.quantiles for x in forecasts])

    places = range(len(TIMEFRAMES))
    added = np.sum([summed(n, quantiles[:, n], recent[:, n]) for n in places], axis=0)

    for forecast, (score, up, agreement, reach) in zip(forecasts, added, strict=True):
        signal = fuse(forecast, BTCUSDT)
        rises = score >= 0
        assert rises is not (signal.direction is Direction.SHORT)
        assert (up if rises else 1 - up) == pytest.approx(signal.probability, abs=1e-9)
        assert (agreement if rises else 1 - agreement) == pytest.approx(signal.confidence)
        assert 2 * abs(up - 0.5) * reach * 10_000 == pytest.approx(signal.promise_bps, abs=1e-6)


def test_gain_after_costs_is_less_likely_than_the_direction() -> None:
    signal = fuse(a_forecast(shift=0.001), BTCUSDT)

    assert 0 < signal.gain < signal.probability


@given(shift=shifts)
def test_reflection_keeps_the_chance_of_gain(shift: float) -> None:
    forecast = a_forecast(shift=shift)

    signal, mirrored = fuse(forecast, BTCUSDT), fuse(reflected(forecast), BTCUSDT)

    assert mirrored.gain == pytest.approx(signal.gain, abs=1e-9)


def test_a_move_far_beyond_the_costs_is_as_likely_as_its_outermost_quantile() -> None:
    assert fuse(a_forecast(shift=0.2), BTCUSDT).gain == pytest.approx(0.975)
