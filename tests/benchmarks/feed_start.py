"""How long the line to the exchange takes, on loopback: `python -m tests.benchmarks.feed_start`.

The history of a first and of a second start, the way back to data after a cut, addresses that
swallow everything, and closing while nothing answers; with the timing that the program has.
"""

import sys
from collections.abc import Callable
from time import perf_counter

from actors.feed.endpoints import Endpoints
from actors.feed.live import LiveLine, Venue
from actors.feed.timing import Timing
from actors.messages import Connected, Disconnected, Fetched, Unreachable
from domain.horizons import TIMEFRAMES, Timeframe
from domain.market import Book
from domain.units import Nanos
from tests.actors.feed.listening import Ear, a_line, black_hole
from tests.exchange.handmade import START, HandMade
from tests.exchange.server import Exchange

PATIENCE = 60.0
ADDRESSES = 6


def told(what: str, seconds: float, limit: str) -> None:
    sys.stdout.write(f"{what:<60}{seconds:8.2f} s   {limit}\n")


def history(have: dict[Timeframe, Nanos]) -> float:
    """How long fetching what is missing took [s]."""
    ear = Ear()
    with Exchange(HandMade(), speed=1e-6) as exchange:
        line = a_line(exchange, timing=Timing())
        line.open(ear, have)
        fetched = ear.wait(Fetched, seconds=PATIENCE)
        line.close()
    return fetched.seconds


def back_to_data(cut: Callable[[Exchange], None]) -> float:
    """From the loss of a connection to the first data of the next [s]."""
    ear = Ear()
    with Exchange(HandMade(), speed=60.0) as exchange:
        line = a_line(exchange, timing=Timing())
        line.open(ear, {})
        ear.wait(Book, seconds=PATIENCE)
        cut(exchange)
        ear.wait(Disconnected, seconds=PATIENCE)
        lost = perf_counter()
        exchange.silence(silent=False)
        ear.wait(Connected, 2, seconds=PATIENCE)
        took = perf_counter() - lost
        line.close()
    return took


def swallowed() -> tuple[float, float]:
    """Until nobody's answer is given up, and until a line closes that waits for one [s]."""
    ear = Ear()
    with black_hole() as port:
        rest = tuple(f"http://127.0.0.1:{port}/{number}" for number in range(ADDRESSES))
        line = LiveLine(Venue(Endpoints(rest, ("ws://127.0.0.1:1",)), lambda: START))
        begun = perf_counter()
        line.open(ear, {})
        ear.wait(Unreachable, seconds=PATIENCE)
        gave_up = perf_counter() - begun
        line.open(ear, {})
        begun = perf_counter()
        line.close()
        return gave_up, perf_counter() - begun


def main() -> None:
    newest = {one: Nanos(START - START % one.span - 4 * one.span) for one in TIMEFRAMES}
    told("history of a first start, 6 x 1000 candles", history({}), "mission: 180, goal: 5")
    told("of a second start, three candles of each", history(newest), "")
    told("cut off, back to data", back_to_data(Exchange.drop_all), "mission: 30, goal: 5")
    gave_up, closed = swallowed()
    told(f"{ADDRESSES} addresses that swallow everything, given up after", gave_up, "")
    told("closing while nothing answers", closed, "shutdown: 30")


if __name__ == "__main__":
    main()
