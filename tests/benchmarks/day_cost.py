"""What a day of trading costs: processor, network, disk.

    python -m tests.benchmarks.day_cost [--minutes 5] [--hours 24]

The program as its user starts it, guardian and all, trades live against the loopback exchange at
the rates that were recorded (ten books, thirty trades a second), and its processor time is read
from /proc. What the streams weigh is counted in the recordings, where this machine has them. What
a day leaves on disk is that of a demo of so many hours at many times real time. The line is not
encrypted on loopback: what TLS takes is not in these figures.
"""

import argparse
import csv
import gzip
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from threading import Event
from time import monotonic
from urllib.error import HTTPError
from urllib.request import urlopen

from actors.clock import wall_clock
from actors.feed.demo import DemoSource
from actors.validation.meter import sample
from domain.market import Book, Candle, Level, MarketEvent, Trade
from domain.units import SECOND, Nanos, Quantity
from tests.exchange.server import Exchange
from tests.program import ROOT, children

DATA = ROOT.parent / "shared" / "data"
"""Recordings that lie beside the repository on some machines."""

BOOKS, TRADES = 10, 30
"""A second of BTCUSDT as it was recorded on 2024-08-08: depth5 every 100 ms, 30.6 trades."""

DEMO_A_SECOND = 2
"""Books and trades that the demo market has by itself."""

LOT = Decimal("0.00001")
HOUR = 3600
MEGA = 1e6

FRAME_HEADER = 4
"""A WebSocket frame of 126 to 65,535 bytes from a server [bytes]."""

PACKET_HEADERS = 29 + 52
"""Around a frame that travels alone: TLS 1.2 with AES-GCM; TCP with timestamps over IPv4."""

QUIET_STREAMS = {"kline_1m": (0.5, 340), "ticker": (1.0, 560), "futures markPrice@1s": (1.0, 230)}
"""Nobody recorded these: frames a second and bytes of each, by Binance's documents and samples."""


class Busy(DemoSource):
    """The demo market with as many books and trades a second as the real one has."""

    def events(self) -> Iterator[MarketEvent]:
        """The demo's events, books repeated a little changed, trades in parts that add up."""
        copies: list[Book] = []
        for event in super().events():
            now = event.close_time if isinstance(event, Candle) else event.at
            while copies and copies[0].at <= now:
                yield copies.pop(0)
            match event:
                case Book():
                    yield event
                    copies = [_later(event, number) for number in range(1, BOOKS // DEMO_A_SECOND)]
                case Trade():
                    yield from _parts(event, TRADES // DEMO_A_SECOND)
                case _:
                    yield event


def _later(book: Book, number: int) -> Book:
    at = Nanos(book.at + number * SECOND // BOOKS)
    last = book.bids[-1]
    grown = Level(last.price, Quantity(last.quantity + number * LOT))
    return replace(book, at=at, bids=(*book.bids[:-1], grown))


def _parts(trade: Trade, count: int) -> Iterator[Trade]:
    part = Quantity((trade.quantity / count).quantize(LOT, rounding="ROUND_DOWN"))
    for number in range(count):
        rest = number == count - 1
        quantity = Quantity(trade.quantity - part * number) if rest else part
        if quantity:
            identity = trade.trade_id * count + number
            yield replace(trade, trade_id=identity, quantity=quantity)


@contextmanager
def a_trader(*arguments: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    """The program under its guardian, headless; stopped as by Ctrl+C."""
    command = (sys.executable, "-S", "-P", "-m", "actors.guardian", "--headless")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [*command, *map(str, arguments)], env=environment, stdout=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            assert process.stdout is not None
            for _ in process.stdout:
                pass
            process.wait(60)


def hear(process: subprocess.Popen[bytes], name: str) -> None:
    """Read what it says until it says this."""
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["event"] == name:
            return
    raise SystemExit(f"it ended before {name}: status {process.wait()}")


def size(folder: Path) -> int:
    """What the files of a folder take on disk [bytes]."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return sum(file.stat().st_blocks * 512 for file in files)


def weights(folder: Path) -> int:
    """What its files hold [bytes]."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def live(home: Path, minutes: float) -> None:
    """Processor time at market rates, and what REST brings."""
    with Exchange(Busy(start=wall_clock())) as exchange:
        streams = Counter[str]()
        exchange.market.listeners.add(lambda stream, data: streams.update({stream: len(data)}))
        names = ("--rest", "--futures-rest", "--ws", "--futures-ws")
        bases = (exchange.rest, exchange.rest, exchange.ws, exchange.ws)
        places = [part for pair in zip(names, bases, strict=True) for part in pair]
        with a_trader("--home", home, "--model", "embedded", *places) as process:
            hear(process, "ready")
            asked = list(exchange.requests)
            streams.clear()
            before = weights(home / "log")
            _processor(process, minutes)
            grown = (weights(home / "log") - before) / minutes * 60 * 24
            say(f"log: {grown / MEGA:.1f} MB a day at this rate")
            later = exchange.requests[len(asked) :]
        for stream, count in sorted(streams.items()):
            say(f"  loopback sent {stream:<24}{count / minutes * 60 / MEGA:8.2f} MB/h of payload")
        say(f"REST at the start: {_weight(exchange, asked) / MEGA:.2f} MB, {len(asked)} requests")
        weight = _weight(exchange, later) / minutes * 60 / MEGA
        say(f"REST afterwards: {weight:.3f} MB/h, {len(later) / minutes * 60:.0f} requests an hour")


def _processor(process: subprocess.Popen[bytes], minutes: float) -> None:
    (trader,) = children(process.pid)
    before = sample(monotonic(), process.pid, trader)
    Event().wait(minutes * 60)
    after = sample(monotonic(), process.pid, trader)
    assert before is not None
    assert after is not None
    share = (after.processor - before.processor) / (after.at - before.at)
    say(f"processor, guardian and trader: {share:.2%} of one core, {after.at - before.at:.0f} s")
    say(f"memory: {after.resident / MEGA:.0f} MB resident, {after.private / MEGA:.0f} MB private")


def _weight(exchange: Exchange, paths: Sequence[str]) -> int:
    """Bytes of the answers to these requests, refusals too, each path asked once more."""
    found = 0
    for path, count in Counter(paths).items():
        try:
            with urlopen(exchange.rest + path) as answer:  # noqa: S310 - loopback
                body = answer.read()
        except HTTPError as refused:
            body = refused.read()
        found += count * len(body)
    return found


def recorded() -> None:
    """What the streams weigh that we listen to."""
    streams = DATA / "streams"
    if not streams.is_dir():
        say("no recordings on this machine: the streams are not weighed")
        return
    rates = {"trade": _trades(streams), "depth5@100ms": _books(streams), **QUIET_STREAMS}
    total = 0.0
    for stream, (rate, weight) in rates.items():
        payload = rate * (weight + FRAME_HEADER) * HOUR / MEGA
        wire = payload + rate * PACKET_HEADERS * HOUR / MEGA
        total += wire
        say(
            f"{stream:<22}{rate:6.1f} frames/s of {weight:4.0f} bytes: "
            f"{payload:6.2f} MB/h framed, {wire:6.2f} with TLS, TCP and IP"
        )
    say(f"all streams: {total:.1f} MB/h, where each frame travels in a packet of its own")


def _trades(streams: Path) -> tuple[float, float]:
    """Frames a second, and bytes of each, in the session of 2024-08-08."""
    times, weights = [], []
    for file in sorted((streams / "spot_2024-08-08").glob("*.gz")):
        with gzip.open(file, "rb") as lines:
            for line in lines:
                at, _, frame = line.rstrip().partition(b" ")
                times.append(int(at))
                if b"@trade" in frame[:40]:
                    weights.append(len(frame))
    return len(weights) / ((max(times) - min(times)) / SECOND), sum(weights) / len(weights)


def _books(streams: Path) -> tuple[float, float]:
    """The same of depth5 in the minute of 2026-06-07, in a combined stream's envelope."""
    envelope = len('{"stream":"btcusdt@depth5@100ms","data":}')
    csv.field_size_limit(1 << 24)
    with gzip.open(streams / "spot_2026-06-07" / "raw.csv.gz", "rt", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    times = [int(row["recv_tsec"]) + int(row["recv_tnsec"]) / SECOND for row in rows]
    weights = [len(row["payload_json"]) for row in rows if row["stream_kind"] == "depth5"]
    rate = len(weights) / (max(times) - min(times))
    return rate, sum(weights) / len(weights) + envelope


def disk(home: Path, hours: float, speed: float) -> None:
    """What a day leaves in HOME, by folder."""
    arguments = ("--demo", "--speed", f"{speed:g}", "--for", f"{hours:g}h", "--home", home)
    with a_trader(*arguments) as process:
        hear(process, "stopped")
    say(f"HOME after {hours:g} h of the demo at {speed:g} times real time:")
    for place in sorted(home.iterdir()):
        taken = size(place) if place.is_dir() else place.stat().st_blocks * 512
        say(f"  {place.name:<16}{taken / MEGA:8.2f} MB")
    say(f"  {'all':<16}{size(home) / MEGA:8.2f} MB")


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    """Print all figures, and where they were measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="of live trading")
    parser.add_argument("--hours", type=float, default=24.0, help="of the demo, for the disk")
    parser.add_argument("--speed", type=float, default=400.0, help="of the demo")
    options = parser.parse_args()
    say(f"{platform.platform()}, Python {platform.python_version()}")
    say(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    recorded()
    with tempfile.TemporaryDirectory() as folder:
        if options.minutes:
            live(Path(folder, "live"), options.minutes)
        if options.hours:
            disk(Path(folder, "demo"), options.hours, options.speed)
    say(f"load at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
