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
from dataclasses import dataclass
from decimal import Decimal
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
    before, peak = resource.getrusage(resource.RUSAGE_SELF), 0
    for word in sys.stdin:
        used = resource.getrusage(resource.RUSAGE_SELF)
        if word.strip() == "begin":
            before, peak = used, used.ru_maxrss
            heard.trades = heard.books = 0
            heard.volume = Decimal(0)
        told = {
            "cpu": used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime,
            "grown": (used.ru_maxrss - peak) / 1024,
            "books": heard.books,
            "trades": heard.trades,
            "volume": str(heard.volume),
            "minutes": heard.minutes,
        }
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
    line.close()
    ref.stop()


def ask(process: subprocess.Popen[str], word: str) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(word + "\n")
    process.stdin.flush()
    found: dict[str, Any] = json.loads(process.stdout.readline())
    return found


def poured(exchange: Exchange, rate: int, seconds: int) -> tuple[int, float]:
    """Send for so long; how many frames went, and how long it took."""
    sent, lot = 0, max(1, rate // 1000)
    made = list(map(framed, frames(rate * seconds)))
    begun = time.perf_counter()
    for start in range(0, len(made), lot):
        exchange.pour(b"".join(made[start : start + lot]))
        sent += min(lot, len(made) - start)
        time.sleep(max(0.0, begun + sent / rate - time.perf_counter()))  # noqa: TID251
    return sent, time.perf_counter() - begun


def delay(exchange: Exchange, process: subprocess.Popen[str]) -> float:
    """How long after the burst a closed candle takes to the last mailbox [s]."""
    minutes = ask(process, "count")["minutes"]
    begun = time.perf_counter()
    exchange.pour(framed(closed_kline(5)))
    while ask(process, "count")["minutes"] == minutes and time.perf_counter() - begun < 30:
        threading.Event().wait(0.002)
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rate", type=int, default=50_000)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--child", nargs=2)
    options = parser.parse_args()
    if options.child:
        child(*options.child)
        return
    with Exchange(HandMade(), speed=1e-9) as exchange:
        exchange.faults.skew_ms = 3_600_000
        command = [sys.executable, "-m", "tests.benchmarks.feed_burst", "--child"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen([*command, exchange.rest, exchange.ws], **pipes) as process:  # type: ignore[call-overload]
            while not exchange.market.sockets:
                threading.Event().wait(0.05)
            threading.Event().wait(1.0)
            ask(process, "begin")
            sent, took = poured(exchange, options.rate, options.seconds)
            drained = time.perf_counter()
            found = ask(process, "count")
            while Decimal(found["volume"]) < sent // 2 * LOT and time.perf_counter() - drained < 30:
                threading.Event().wait(0.02)
                found = ask(process, "count")
            drained = time.perf_counter() - drained
            late = delay(exchange, process)
            process.stdin.close()
    print(f"sent {sent:,} frames in {took:.1f} s: {sent / took:,.0f} a second")
    print(
        f"CPU per frame: {found['cpu'] / sent * 1e6:.1f} µs; memory grew {found['grown']:.0f} MiB"
    )
    print(f"told: {found['books']:,} books, {found['trades']:,} trades, volume {found['volume']}")
    print(f"volume sent: {sent // 2 * LOT}; all told {drained * 1000:.0f} ms after the last frame")
    print(f"a closed candle after the burst took {late * 1000:.0f} ms")


if __name__ == "__main__":
    main()
