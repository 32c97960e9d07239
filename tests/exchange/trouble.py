"""Random faults of an exchange, one after the other, the same ones for the same seed."""

import threading
from collections.abc import Callable

from numpy.random import default_rng

from domain.units import MILLISECOND, MINUTE
from tests.exchange.server import Answer, Exchange

SHUTDOWN = b'{"e":"serverShutdown","E":1770123456789}'
CROSSED = b'{"lastUpdateId":9,"bids":[["4","1"]],"asks":[["3","1"]]}'


class Trouble:
    """Strikes an exchange with a fault, and heals it again. `struck` lists all faults."""

    def __init__(self, exchange: Exchange, seed: int) -> None:
        self._exchange = exchange
        self._dice = default_rng(seed)
        self.struck: list[str] = []
        self._faults: dict[str, Callable[[], None]] = {
            "drop": exchange.drop_all,
            "refuse": self._refuse,
            "silence": lambda: exchange.silence(silent=True),
            "mute": self._mute,
            "bad frames": lambda: self._say("depth5@100ms", b"{", CROSSED, b"[]", b"\xff"),
            "flood": lambda: self._say("trade", *[b"{"] * 80),
            "twice": lambda: setattr(exchange.faults, "twice", True),
            "swapped": lambda: setattr(exchange.faults, "swapped", True),
            "lost trades": lambda: setattr(exchange.faults, "lost_trades", 7),
            "false candle": lambda: setattr(exchange.faults, "false_candles", 1),
            "hidden candles": self._hide,
            "429": lambda: self._order(429, (("Retry-After", "2"),)),
            "500": lambda: self._order(500),
            "403": lambda: self._order(403),
            "shutdown": lambda: self._say("trade", SHUTDOWN),
        }

    def strike(self) -> str:
        """The next fault; its name."""
        name = str(self._dice.choice(list(self._faults)))
        self.struck.append(name)
        self._faults[name]()
        return name

    def heal(self) -> None:
        """Everything is well again."""
        faults = self._exchange.faults
        self._exchange.refuse(refusing=False)
        self._exchange.silence(silent=False)
        faults.muted, faults.twice, faults.swapped = set(), False, False
        faults.hidden_times = 0

    def keep_on(self, every: float, lasting: float, end: threading.Event) -> None:
        """A fault every so many seconds, each lasting a part of them, until the end."""
        while not end.wait(every - lasting):
            self.strike()
            ended = end.wait(lasting * self._dice.random())
            self.heal()
            if ended:
                return

    def _refuse(self) -> None:
        self._exchange.refuse(refusing=True)
        self._exchange.drop_all()

    def _mute(self) -> None:
        streams = ["depth5@100ms", "ticker", "trade", "kline_1m"]
        self._exchange.faults.muted = {str(self._dice.choice(streams))}

    def _hide(self) -> None:
        faults, now = self._exchange.faults, self._exchange.market.now
        minute = now - now % MINUTE
        faults.hidden = {(minute - back * MINUTE) // MILLISECOND for back in (1, 2)}
        faults.hidden_times = 2
        self._exchange.drop_all()

    def _order(self, status: int, headers: tuple[tuple[str, str], ...] = ()) -> None:
        self._exchange.order(Answer("/api/v3/klines", status, b"{}", headers), times=2)
        self._exchange.drop_all()

    def _say(self, stream: str, *frames: bytes) -> None:
        for frame in frames:
            self._exchange.say(stream, frame)
