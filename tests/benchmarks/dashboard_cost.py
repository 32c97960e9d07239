"""What the dashboard costs against a busy market: CPU and bytes to the terminal.

    python -m tests.benchmarks.dashboard_cost [SECONDS]

A minute of market time is folded and drawn as fast as it goes, each view at four sizes, on a pseudo
terminal that is read all the time. Goals (issue 7): below 3 % of a core, below 20 KB/s at 80x24.
"""

import fcntl
import os
import pty
import struct
import sys
import termios
from contextlib import suppress
from decimal import Decimal
from threading import Thread
from time import process_time, thread_time

import numpy as np
from blessed import Terminal

from actors.dashboard.desk import Desk, Page
from actors.dashboard.screen import Canvas
from domain.market import Book, Level, Trade
from domain.units import Price, Quantity
from persistence.journal import encode
from tests.actors.dashboard.scenes import (
    a_forecast,
    a_marked,
    a_position,
    a_quality,
    a_signal,
    a_ticker,
    a_trader,
    after,
    trading,
)

BOOKS, TRADES, TICKS = 10, 190, 4
"""A busy market: so many books and trades a second; the clock ticks as in live trading."""

PER_MICRO = 1e6


class Reader:
    """The other end of the pseudo terminal: counts what arrives."""

    def __init__(self, descriptor: int) -> None:
        self.size = 0
        self._descriptor = descriptor
        Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with suppress(OSError):  # the terminal is closed
            while data := os.read(self._descriptor, 1 << 16):
                self.size += len(data)


def a_random_book(generator: np.random.Generator, at: float, mid: Decimal) -> Book:
    cent = Decimal("0.01")
    drawn = generator.exponential(60_000, 10)
    sizes = [Quantity(Decimal(1 + int(size)) / 100_000) for size in drawn]
    bids = [Level(Price(mid - cent * (1 + 3 * i)), sizes[i]) for i in range(5)]
    asks = [Level(Price(mid + cent * (1 + 3 * i)), sizes[5 + i]) for i in range(5)]
    return Book(after(at), tuple(bids), tuple(asks))


def market(seconds: int) -> list[list[object]]:
    """What arrives between two ticks, for so many seconds."""
    generator = np.random.default_rng(7)
    mid, ticks = Decimal("43247.82"), []
    for tick in range(seconds * TICKS):
        heard: list[object] = []
        for part in range(BOOKS // TICKS + 1):
            at = tick / TICKS + part / BOOKS
            mid += Decimal(int(generator.integers(-300, 301))) / 100
            heard.append(a_random_book(generator, at, mid))
            heard.append(a_quality(after(at)))
            heard += [
                Trade(after(at), n, Price(mid), Quantity(Decimal("0.01")), buyer_is_maker=False)
                for n in range(TRADES // BOOKS)
            ]
        heard.append(a_ticker(after(tick / TICKS), f"{mid:.2f}"))
        heard.append(a_marked(after(tick / TICKS), position=a_position()))
        ticks.append(heard)
    return ticks


def measure(page: Page, size: tuple[int, int], seconds: int) -> None:
    (columns, rows), desk = size, Desk(page=page)
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    with os.fdopen(slave, "w", encoding="utf-8") as stream:
        reader = Reader(master)
        canvas = Canvas(Terminal(kind="xterm-256color", stream=stream))
        fold = a_trader()
        heard = market(seconds)
        folding = drawing = 0.0
        count = 0
        for tick, messages in enumerate(heard):
            begun = thread_time()
            for message in messages:
                fold.market(message)  # type: ignore[arg-type]
            fold.tick(after(tick / TICKS))
            if tick % (60 * TICKS) == 0:
                fold.market(a_forecast(after(tick / TICKS)))
                fold.market(a_signal(after(tick / TICKS)))
            folded = thread_time()
            canvas.draw(fold.view(), desk, tick / TICKS)
            drawn = thread_time()
            folding, drawing = folding + folded - begun, drawing + drawn - folded
            count += len(messages)
        canvas.close()
    frames = len(heard)
    print(
        f"{page:<8} {columns}x{rows}: {drawing / frames * PER_MICRO:.0f} us a frame, "
        f"{folding / count * PER_MICRO:.2f} us a message ({count // seconds}/s), "
        f"{(folding + drawing) / seconds:.2%} of a core, "
        f"{reader.size / seconds / 1000:.1f} KB/s to the terminal"
    )


def main() -> None:
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    os.environ.setdefault("COLORTERM", "truecolor")
    for size in ((60, 20), (80, 24), (120, 40), (200, 60)):
        for page in Page:
            measure(page, size, seconds)
    facts = trading() * 1000
    begun = process_time()
    for fact in facts:
        encode(fact)
    print(f"{(process_time() - begun) / len(facts) * PER_MICRO:.1f} us to encode a fact")


if __name__ == "__main__":
    main()
