"""What may go wrong at an exchange, switched on and off while it runs."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from domain.horizons import Timeframe


@dataclass
class Faults:
    """Each is off at first.

    Attributes:
        silent: no data on any stream; pings are still answered.
        muted: streams that say nothing.
        twice: each frame comes two times.
        swapped: each two frames of a stream come in the wrong order.
        lost_trades: so many of the next trades do not come.
        false_candles: so many of the next closed candles have a close that never was.
        hidden: open times of candles that REST does not show for the next `hidden_times` answers.
        skew_ms: what the exchange's clock is ahead.
        lifetime: after so many seconds a connection is ended, as after 24 hours.
        weight: what `X-MBX-USED-WEIGHT-1M` says.
    """

    silent: bool = False
    muted: set[str] = field(default_factory=set)
    twice: bool = False
    swapped: bool = False
    lost_trades: int = 0
    false_candles: int = 0
    hidden: set[int] = field(default_factory=set)
    hidden_times: int = 0
    skew_ms: int = 0
    lifetime: float = 0.0
    weight: int = 10

    def __post_init__(self) -> None:
        self._kept: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def altered(self, stream: str, data: dict[str, Any]) -> dict[str, Any] | None:
        """What is said instead; None where nothing is."""
        if self.silent or stream in self.muted:
            return None
        if stream == "trade" and self.lost_trades:
            self.lost_trades -= 1
            return None
        if stream == "kline_1m" and data["k"]["x"] and self.false_candles:
            self.false_candles -= 1
            high = f"{Decimal(data['k']['h']) + 7:.8f}"
            return {**data, "k": {**data["k"], "c": high, "h": high}}
        return data

    def delivered(self, stream: str, text: bytes) -> Iterator[bytes]:
        """The frames that are sent where one was meant to be."""
        if self.swapped:
            kept = self._kept.pop(stream, None)
            if kept is None:
                self._kept[stream] = text
                return
            yield text
            text = kept
        yield text
        if self.twice:
            yield text

    def shown(self, timeframe: Timeframe, rows: list[list[Any]]) -> list[list[Any]]:
        """The rows of a klines answer that are shown."""
        with self._lock:
            if timeframe is not Timeframe.M1 or self.hidden_times < 1:
                return rows
            self.hidden_times -= 1
        return [row for row in rows if row[0] not in self.hidden]
