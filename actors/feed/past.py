"""The candles behind a market's first moment, made of its minutes."""

from collections.abc import Sequence

from domain.candles import aggregate
from domain.horizons import INGESTION, TIMEFRAMES
from domain.market import Candle
from domain.units import HOUR, Nanos

HISTORY = Nanos(INGESTION * HOUR)
"""Minutes that make INGESTION candles of the longest timeframe [ns]."""


def recent(minutes: Sequence[Candle], at: Nanos) -> list[Candle]:
    """The last INGESTION candles of each timeframe complete at a time, made of one-minute candles.

    Args:
        minutes: one-minute candles, oldest first; HISTORY and the running hour are enough.
        at: the time.

    Returns:
        Shortest timeframe first, each oldest first.
    """
    complete = [candle for candle in minutes if candle.close_time <= at]
    history: list[Candle] = []
    for timeframe in TIMEFRAMES:
        enough = Nanos(at // timeframe.span * timeframe.span - INGESTION * timeframe.span)
        window = [candle for candle in complete if candle.open_time >= enough]
        history.extend(aggregate(window, timeframe)[-INGESTION:])
    return history
