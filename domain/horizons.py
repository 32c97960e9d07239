"""What is forecast: timeframes, steps, levels and their weights, as the user fixed them.

Mission, "Chronos-Bolt Canónico": six timeframes with fusion weights, 200 points each, five steps,
a decay per step, three intervals, a confidence threshold, a volatility window.
"""

from enum import StrEnum

from domain.units import MINUTE, Nanos


class Timeframe(StrEnum):
    """The span of one candle, by Binance's name for it."""

    M1 = "1m"
    M3 = "3m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"

    @property
    def minutes(self) -> int:
        """Length of one candle [minutes]."""
        return _MINUTES[self]

    @property
    def span(self) -> Nanos:
        """Length of one candle [ns]."""
        return Nanos(_MINUTES[self] * MINUTE)


_MINUTES = {
    Timeframe.M1: 1,
    Timeframe.M3: 3,
    Timeframe.M5: 5,
    Timeframe.M15: 15,
    Timeframe.M30: 30,
    Timeframe.H1: 60,
}

TIMEFRAMES = tuple(Timeframe)
"""All six, shortest first; every array over timeframes is in this order."""

WEIGHTS = (0.10, 0.15, 0.20, 0.25, 0.15, 0.15)
"""Share of each timeframe in the fused signal."""

CONTEXT = 200
"""Closes that the model sees of each timeframe."""

STEPS = (1, 3, 5, 10, 15)
"""Candles ahead that we read from each forecast."""

DECAY = 0.95
"""Weight that one more step ahead leaves."""

LEVELS = (0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975)
"""Quantile levels of each forecast; the outer pairs bound the 95, 90 and 80 % intervals."""

MEDIAN = LEVELS.index(0.5)

INTERVALS = ((0.80, 2, 10), (0.90, 1, 11), (0.95, 0, 12))
"""Coverage of each interval, with the indices of its two bounds in LEVELS."""

CONFIDENCE_MIN = 0.7
"""A signal below this confidence does not trade."""

VOLATILITY_WINDOW = 20
"""Returns over which a timeframe's volatility is measured [candles]."""

INGESTION = 1000
"""Candles of each timeframe that must stand before trading [candles]."""
