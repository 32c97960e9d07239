"""The feed under load, from the socket to the last mailbox, as a process of its own.

    python -m tests.benchmarks.feed_burst                flooded: 50,000 frames/s for 20 s
    python -m tests.benchmarks.feed_burst --rate 1000    paced

Half of the frames are books, half trades; a minute closes once a second. Prints CPU per frame,
memory, what was lost (nothing may be), and how late the candle after the burst came.
"""

import argparse
import json
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from actors.actor import Actor, Address, launch
from actors.feed.endpoints import Endpoints
from actors.feed.live import LiveLine, Venue
from actors.feed.timing import Timing
from actors.messages import FeedInbox, Fetched
from domain.market import Book, Candle, Trade
from domain.units import HOUR, Nanos
from tests.exchange.handmade import START, HandMade
from tests.exchange.server import Exchange

ROOT = Path(__file__).parents[2]
PAUSE = threading.Event()
"""Never set: to wait on."""

MINUTE_MS = 60_000
LOT = Decimal("0.01")


@dataclass
class Count:
    """What has reached the last mailbox."""

    books: int = 0
    trades: int = 0
    volume: Decimal = Decimal(0)
    minutes: int = 0


class LastMailbox(Actor[FeedInbox]):
    """An actor that only counts what it is told."""

    def __init__(self, count: Count) -> None:
        super().__init__(Address())
        self._count = count

    def receive(self, message: FeedInbox) -> None:
        count = self._count
        match message:
            case Book():
                count.books += 1
            case Trade():
                count.trades += 1
                count.volume += message.quantity
            case Candle():
                count.minutes += 1
            case Fetched():
                count.minutes += len(message.candles)
            case _:
                pass


def side_of(price: int, step: int, turn: int) -> bytes:
    rows = ((price * 100 + step * level, turn % 9 + level + 1) for level in range(5))
    return b",".join(b'["%d.%02d000000","%d.50000000"]' % (p // 100, p % 100, q) for p, q in rows)


def frames(count: int) -> list[bytes]:
    """Books and trades in turn, as the exchange sends them."""
    book = b'{"stream":"btcusdt@depth5@100ms","data":{"lastUpdateId":%d,"bids":[%b],"asks":[%b]}}'
    trade = (
        b'{"stream":"btcusdt@trade","data":{"e":"trade","E":%d,"s":"BTCUSDT","t":%d,'
        b'"p":"60000.%02d000000","q":"0.01000000","T":%d,"m":%b,"M":true}}'
    )
    made = []
    for n in range(count):
        if n % 2:
            made.append(book % (10**9 + n, side_of(59_999, -1, n), side_of(60_001, 1, n)))
        else:
            at = START // 10**6 + n // 10_000
            side = b"true" if n % 4 else b"false"
            made.append(trade % (at, n // 2 + 1, n % 100, at, side))
    return made


def framed(payload: bytes) -> bytes:
    return b"\x81\x7e" + len(payload).to_bytes(2, "big") + payload


def closed_kline(number: int) -> bytes:
    """The minute of this number, from 1 on: the exchange has minute 0 already."""
    begins = START // 10**6 + number * MINUTE_MS
    return (
        b'{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":1,"s":"BTCUSDT","k":{"t":%d,"T":%d,'
        b'"s":"BTCUSDT","i":"1m","o":"1","c":"1","h":"1","l":"1","v":"0","x":true}}}'
    ) % (begins, begins + MINUTE_MS - 1)


def child(rest: str, ws: str) -> None:
    """Listens until it is told to report."""
    at = Address[FeedInbox]()
    heard = Count()
    ref = launch(LastMailbox, heard)
    at.move_to(ref)
    timing = Timing(silence=600.0, settle=0.0, ping_every=600.0)
    line = LiveLine(Venue(Endpoints((rest,), (ws,)), lambda: Nanos(START + HOUR), timing=timing))
    line.open(at, {})
    before = resource.getrusage(resource.RUSAGE_SELF)
    for word in sys.stdin:
        used = resource.getrusage(resource.RUSAGE_SELF)
        if word.strip() == "begin":
            before = used
            heard.trades = heard.books = heard.minutes = 0
            heard.volume = Decimal(0)
        told = {
            "cpu": used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime,
            "grown": (used.ru_maxrss - before.ru_maxrss) / 1024,
            "books": heard.books,
            "trades": heard.trades,
            "volume": str(heard.volume),
            "minutes": heard.minutes,
        }
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
    line.close()
    ref.stop()


class Child:
    """A process that listens, and says what it has heard."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, word: str = "count") -> dict[str, Any]:
        """What it has heard since `begin` was asked last."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found

    def wait(self, done: Callable[[dict[str, Any]], bool], limit: float = 30.0) -> dict[str, Any]:
        """What it has heard when this holds, or after so many seconds."""
        until = time.perf_counter() + limit
        found = self.ask()
        while not done(found) and time.perf_counter() < until:
            PAUSE.wait(0.002)
            found = self.ask()
        return found


@contextmanager
def listening(command: Sequence[str]) -> Iterator[Child]:
    """This command as a process of its own; it ends when its standard input does."""
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        yield Child(process)
        assert process.stdin is not None
        process.stdin.close()


def ours(exchange: Exchange) -> list[str]:
    """The command that listens with this program's feed."""
    module = ["-m", "tests.benchmarks.feed_burst", "--child"]
    return [sys.executable, *module, exchange.rest, exchange.ws]


def poured(exchange: Exchange, made: Sequence[bytes], rate: int) -> float:
    """Send all of it at this rate, and a closed candle each second; how long it took [s]."""
    lot = max(1, rate // 1000)
    begun = time.perf_counter()
    for sent in range(0, len(made), lot):
        exchange.pour(b"".join(made[sent : sent + lot]))
        if sent // rate < (sent + lot) // rate:
            exchange.pour(framed(closed_kline(sent // rate + 1)))
        PAUSE.wait(max(0.0, begun + (sent + lot) / rate - time.perf_counter()))
    return time.perf_counter() - begun


def listens(exchange: Exchange, book: bytes, found: dict[str, Any]) -> bool:
    """Whether a book comes through; else another one is sent."""
    if not found["books"]:
        exchange.pour(book)
    return bool(found["books"])


@dataclass(frozen=True)
class Measured:
    """What became of a burst.

    Attributes:
        sent: frames, the candles apart.
        candles: closed candles among them.
        seconds: how long sending took [s].
        heard: what the last mailbox has counted, when it had all.
        drained: until it had, after the last frame [s].
        late: how long a candle that closes right after it took [s].
    """

    sent: int
    candles: int
    seconds: float
    heard: dict[str, Any]
    drained: float
    late: float

    @property
    def volume_lost(self) -> Decimal:
        """What was sent and not told [BTC]."""
        return self.sent // 2 * LOT - Decimal(self.heard["volume"])

    @property
    def microseconds(self) -> float:
        """CPU a frame [µs]."""
        return float(self.heard["cpu"]) / self.sent * 1e6


def measure(rate: int, seconds: int) -> Measured:
    """A burst of so many frames a second, from a process of the exchange to one of the feed."""
    made = list(map(framed, frames(rate * seconds)))
    with Exchange(HandMade(), speed=1e-9) as exchange, listening(ours(exchange)) as feed:
        exchange.faults.skew_ms = 3_600_000
        feed.wait(lambda found: listens(exchange, made[1], found))
        feed.ask("begin")
        took = poured(exchange, made, rate)
        sent_at = time.perf_counter()
        volume = len(made) // 2 * LOT
        heard = feed.wait(
            lambda found: Decimal(found["volume"]) >= volume and found["minutes"] >= seconds
        )
        drained = time.perf_counter() - sent_at
        closed_at = time.perf_counter()
        exchange.pour(framed(closed_kline(seconds + 1)))
        feed.wait(lambda found: found["minutes"] > heard["minutes"])
        late = time.perf_counter() - closed_at
    return Measured(len(made), seconds, took, heard, drained, late)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rate", type=int, default=50_000)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--child", nargs=2)
    options = parser.parse_args()
    if options.child:
        child(*options.child)
        return
    found = measure(options.rate, options.seconds)
    heard, rate = found.heard, found.sent / found.seconds
    print(f"sent {found.sent:,} frames in {found.seconds:.1f} s: {rate:,.0f} a second")
    print(f"CPU per frame: {found.microseconds:.1f} µs; memory grew {heard['grown']:.0f} MiB")
    print(f"told: {heard['books']:,} books, {heard['trades']:,} trades, {heard['minutes']} candles")
    print(f"volume lost: {found.volume_lost}; candles sent: {found.candles}")
    print(f"all told {found.drained * 1000:.0f} ms after the last frame")
    print(f"a closed candle after the burst took {found.late * 1000:.0f} ms")


if __name__ == "__main__":
    main()
