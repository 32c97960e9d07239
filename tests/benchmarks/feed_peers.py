"""Our feed beside others', all reading the same frames from the same exchange on loopback.

    python -m venv PEERS && PEERS/bin/pip install -r tests/benchmarks/feed_peers_requirements.txt
    python -m tests.benchmarks.feed_peers PEERS/bin/python

Half of the frames are books, half trades; once as fast as they are read, up to 50,000 a second, and
once at 1,000 a second. CPU is that of the reading process, from the socket to whoever uses the
library, a frame that was sent. A trade counts as lost where nobody was handed it; of books ours
hands over the newest, by design.
"""

import argparse
import platform
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.benchmarks.feed_burst import LOT, PAUSE, Child, framed, frames, listening, ours, side_of
from tests.exchange.handmade import START, HandMade
from tests.exchange.server import Exchange

BOOK, TRADE = "btcusdt@depth5@100ms", "btcusdt@trade"
CHANGES = "btcusdt@depth@100ms"
FIRST_UPDATE = 1001
"""The number after that of the exchange's first book."""

WARM = 2_000
"""Frames that may go by until a reader is awake."""

PEER = Path(__file__).with_name("feed_peer.py")

Pair = tuple[bytes, bytes]
"""A trade and a book, ready to be sent."""


@dataclass(frozen=True)
class Reader:
    """Who reads, and what it is sent.

    Attributes:
        name: for the table.
        command: starts it, for this exchange.
        pairs: makes so many trades and books.
        streams: where the trades and the books go; '' is everywhere.
    """

    name: str
    command: Callable[[Exchange], Sequence[str]]
    pairs: Callable[[int], list[Pair]]
    streams: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class Row:
    """How one reader did."""

    microseconds: float
    grown: float
    lost: Decimal
    books: int
    error: str


def combined(count: int) -> list[Pair]:
    """As the combined stream has them."""
    made = list(map(framed, frames(2 * count)))
    return list(zip(made[::2], made[1::2], strict=True))


def raw(count: int) -> list[Pair]:
    """As the raw streams have them, the book as the changes of its ten levels."""
    change = b'{"e":"depthUpdate","E":%d,"s":"BTCUSDT","U":%d,"u":%d,"b":[%b],"a":[%b]}'
    trade = (
        b'{"e":"trade","E":%d,"s":"BTCUSDT","t":%d,"p":"60000.%02d000000","q":"0.01000000",'
        b'"T":%d,"m":%b,"M":true}'
    )
    made = []
    for n in range(count):
        at, number = START // 10**6 + n // 5_000, FIRST_UPDATE + n
        sides = side_of(59_999, -1, n), side_of(60_001, 1, n)
        one = trade % (at, n + 1, n % 100, at, b"true" if n % 2 else b"false")
        made.append((framed(one), framed(change % (at, number, number, *sides))))
    return made


def readers(python: str) -> tuple[Reader, ...]:
    """All of them; the peers run in this Python."""

    def peer(name: str) -> Callable[[Exchange], Sequence[str]]:
        return lambda exchange: [python, str(PEER), name, f"127.0.0.1:{exchange.server_port}"]

    return (
        Reader("PlasmaTrader", ours, combined),
        Reader("unicorn-binance-websocket-api", peer("unicorn"), combined),
        Reader("the same on picows", peer("unicorn-picows"), combined),
        Reader("python-binance", peer("python-binance"), combined),
        Reader("ccxt.pro", peer("ccxt"), raw, (TRADE, CHANGES)),
    )


def sent(exchange: Exchange, reader: Reader, pairs: Sequence[Pair], rate: int) -> None:
    """Send them at this rate, one by one or a millisecond's at once, while somebody takes them."""
    lot, begun = max(1, rate // 1_000), time.perf_counter()
    every = [frame for pair in pairs for frame in zip(reader.streams, pair, strict=True)]
    with suppress(OSError):
        for start in range(0, len(every), lot):
            chosen = every[start : start + lot]
            for stream in dict.fromkeys(stream for stream, _ in chosen):
                exchange.pour(b"".join(frame for to, frame in chosen if to == stream), stream)
            PAUSE.wait(max(0.0, begun + (start + lot) / rate - time.perf_counter()))


def awake(exchange: Exchange, reader: Reader, child: Child, pairs: Sequence[Pair]) -> int:
    """Send one pair after the other until the reader hands both kinds over; how many it took."""
    for number, pair in enumerate(pairs, FIRST_UPDATE):
        exchange.market.updates = number  # of the book that REST answers with
        sent(exchange, reader, [pair], 10**6)
        found = child.ask()
        if found.get("error"):
            break
        if found["books"] and found["trades"]:
            return number - FIRST_UPDATE + 1
        PAUSE.wait(0.02)
    raise RuntimeError(f"{reader.name} hands nothing over: {child.ask()}")


def settled(child: Child) -> dict[str, Any]:
    """What it has heard, once nothing more comes."""
    found = child.ask()
    while True:
        PAUSE.wait(1.0)
        later = child.ask()
        if (later["books"], later["trades"]) == (found["books"], found["trades"]):
            return later
        found = later


def measured(reader: Reader, rate: int, seconds: int) -> Row:
    """One reader at one rate."""
    count = rate * seconds // 2
    pairs = reader.pairs(WARM + count)
    with Exchange(HandMade(), speed=1e-9) as exchange:
        exchange.faults.skew_ms = 3_600_000
        with listening(reader.command(exchange)) as child:
            gone = awake(exchange, reader, child, pairs[:WARM])
            settled(child)
            child.ask("begin")
            work = (exchange, reader, pairs[gone : gone + count], rate)
            thread = threading.Thread(target=sent, args=work, daemon=True)
            thread.start()
            while thread.is_alive() and not child.ask().get("error"):
                thread.join(0.5)
            found = settled(child)
    told = Decimal(found["volume"]) / LOT if "volume" in found else Decimal(found["trades"])
    cpu = found["cpu"] / (2 * count) * 1e6
    return Row(cpu, found["grown"], count - told, found["books"], found.get("error", ""))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("peers", help="the Python that has the peers")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--only", default="", help="part of one reader's name")
    options = parser.parse_args()
    sys.stdout.write(f"{platform.platform()}, Python {platform.python_version()}\n")
    head = "reader | µs a frame | memory grew MiB | trades lost | books handed over | ended"
    for rate in (50_000, 1_000):
        total = rate * options.seconds // 2
        sys.stdout.write(f"\n{rate:,} frames a second, {total:,} of each kind\n{head}\n")
        for reader in readers(options.peers):
            if options.only in reader.name:
                row = measured(reader, rate, options.seconds)
                sys.stdout.write(
                    f"{reader.name} | {row.microseconds:.1f} | {row.grown:.0f} | {row.lost:,.0f} | "
                    f"{row.books:,} | {row.error[:120]}\n"
                )
                sys.stdout.flush()


if __name__ == "__main__":
    main()
