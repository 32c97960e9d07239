"""Whether a closed candle is what its trades add up to. We see both, so neither need be trusted."""

from dataclasses import dataclass

from actors.feed.minutes import minute_of
from domain.market import Candle, Trade
from domain.units import MINUTE, Nanos, Price, Quantity

MINUTES_KEPT = 4
"""Minutes whose trades are remembered; a candle comes within seconds of its end."""


@dataclass(slots=True)
class _Sum:
    low: Price
    high: Price
    volume: Quantity


class Audit:
    """Adds trades up to minutes; knows in which of them trades may be missing."""

    def __init__(self) -> None:
        self._sums: dict[Nanos, _Sum] = {}
        self._whole_from: Nanos | None = None

    def lose(self, at: Nanos) -> None:
        """Something may have happened up to now that we did not see."""
        whole = Nanos(minute_of(at) + MINUTE)
        self._whole_from = max(self._whole_from or whole, whole)

    def trade(self, trade: Trade) -> None:
        """Count this trade in."""
        minute = minute_of(trade.at)
        found = self._sums.get(minute)
        if found is None:
            self._sums[minute] = _Sum(trade.price, trade.price, trade.quantity)
            for old in sorted(self._sums)[:-MINUTES_KEPT]:
                del self._sums[old]
            return
        if trade.price < found.low:
            found.low = trade.price
        elif trade.price > found.high:
            found.high = trade.price
        found.volume = Quantity(found.volume + trade.quantity)

    def agrees(self, candle: Candle) -> bool:
        """Whether we saw the whole minute, and this is what it was."""
        if self._whole_from is None or candle.open_time < self._whole_from:
            return False
        found = self._sums.get(candle.open_time)
        if found is None:
            return not candle.volume
        seen = (found.low, found.high, found.volume)
        return seen == (candle.low, candle.high, candle.volume)
