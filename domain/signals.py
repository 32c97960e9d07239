"""What the forecaster says: thirty distributions, and the one signal they fuse into."""

from dataclasses import dataclass
from enum import StrEnum

from domain import units
from domain.units import Nanos, Price


class Direction(StrEnum):
    """Where the price is expected to go."""

    LONG = "LONG"
    SHORT = "SHORT"
    FLAT = "FLAT"


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """One run of the model over all timeframes.

    Attributes:
        at: close time of the newest candle used.
        closes: last closes of each timeframe [quote per base], shape (6, 200), oldest first.
        quantiles: prices at STEPS and LEVELS, shape (6, 5, 13), rising along the last axis.
        volatility: realised volatility of the last 20 days [fraction per day].
    """

    at: Nanos
    closes: "units.Floats"
    quantiles: "units.Floats"
    volatility: float


@dataclass(frozen=True, slots=True)
class Signal:
    """All forecasts of one moment, fused.

    Attributes:
        at: close time of the newest candle used.
        direction: where the fused forecast points.
        confidence: share of the forecasts' weight that points there, 0 to 1.
        probability: fused chance that the price ends up there, by the forecasts' own distributions.
        expected_bps: fused expected return, signed [basis points].
        by_timeframe: expected return of each timeframe over its last step, signed [basis points].
        horizon: how long the plan is given [ns].
        stop: price at which the plan has failed.
        target: price at which the plan has come true.
        volatility: realised volatility of the last 20 days [fraction per day].
        gain: chance that the price is farther in the direction at the horizon than all costs.
        promise_bps: what the direction is worth before costs: how far more likely it is than its
            opposite, times how far the price usually goes in three hours [basis points].
    """

    at: Nanos
    direction: Direction
    confidence: float
    probability: float
    expected_bps: float
    by_timeframe: tuple[float, ...]
    horizon: Nanos
    stop: Price
    target: Price
    volatility: float
    gain: float = 0.0
    promise_bps: float = 0.0
