"""Our venue beside hftbacktest: the same orders on the same recorded book.

hftbacktest lives in an environment of its own (`pip install hftbacktest` in any venv); it is given
the visible book as depth events, the same constant latency, and no fees. Orders within the visible
book agree to the tick. One that wants more than is visible takes all five levels here and then
expires; there it stops a level or two before the end of what it was shown.

    .venv/bin/python tests/benchmarks/venue_peers.py --peer /tmp/peers/bin/python
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from domain.instrument import BTCUSDT
from domain.market import DEPTH, Book, Level, Side
from domain.orders import Order
from domain.rejects import Standing
from domain.units import MILLISECOND, SECOND, Money, Nanos, Price, Quantity
from domain.venue import Venue, arrive, attempt, heard, sent
from tests.builders import a_plan

LATENCY = Nanos(100 * MILLISECOND)
EVERY = Nanos(10 * SECOND)
SIZES = ("0.002", "0.016", "0.5", "3")
"""The mission's orders are the first two; the others walk the book."""

Row = tuple[str, str, float, float]
"""Side, quantity asked for, quantity filled, price of its last bite: hftbacktest tells no other."""


def main() -> int:
    """Print the table, and how many orders agree to the tick."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--peer", help="a Python that has hftbacktest")
    parser.add_argument("--events", type=Path, help="run hftbacktest here, on these events")
    parser.add_argument("--stream", default="/work/shared/data/streams/spot_2024-08-08", type=Path)
    options = parser.parse_args()
    if options.events:
        print(json.dumps(hftbacktest(np.load(options.events))))
        return 0
    books = recorded(options.stream / "spot_BTCUSDT_depth5.parquet")
    ours = filled(books)
    if options.peer:
        compare(ours, asked(options.peer, books))
    else:
        print(f"{len(ours)} orders; name a --peer to compare with")
    return 0


def compare(ours: list[Row], theirs: list[Row]) -> None:
    """The table, one row a size, and every order that differs by a tick or more."""
    print("| size [BTC] | orders | same quantity | same last price to the tick |")
    print("|---|---|---|---|")
    for size in SIZES:
        pairs = [(x, y) for x, y in zip(ours, theirs, strict=True) if x[1] == size]
        alike = sum(abs(x[2] - y[2]) < 1e-9 for x, y in pairs)
        ticks = sum(abs(x[3] - y[3]) < float(BTCUSDT.tick) / 2 for x, y in pairs)
        print(f"| {size} | {len(pairs)} | {alike} | {ticks} |")
    for number, (x, y) in enumerate(zip(ours, theirs, strict=True)):
        if abs(x[3] - y[3]) >= float(BTCUSDT.tick) / 2 or abs(x[2] - y[2]) >= 1e-9:
            print(
                f"order {number} {x[0]} {x[1]}: ours {x[2]} @ {x[3]:.4f}, peer {y[2]} @ {y[3]:.4f}"
            )


def recorded(path: Path) -> list[Book]:
    """The recorded books, by the time they came."""
    table = import_module("pyarrow.parquet").read_table(path).to_pylist()
    return [
        Book(Nanos(row["local_ts_ns"]), _levels(row, "bid"), _levels(row, "ask"))
        for row in sorted(table, key=lambda row: row["local_ts_ns"])
    ]


def _levels(row: dict[str, Any], side: str) -> tuple[Level, ...]:
    return tuple(
        Level(
            Price(Decimal(str(row[f"{side}_px{n}"]))), Quantity(Decimal(str(row[f"{side}_qty{n}"])))
        )
        for n in range(1, DEPTH + 1)
    )


def plan(first: Nanos, last: Nanos) -> Iterator[tuple[Nanos, Side, str]]:
    """When which order goes out: all sizes in turn, both sides in turn."""
    for number, at in enumerate(range(first + EVERY, last - EVERY, EVERY)):
        yield Nanos(at), (Side.BUY, Side.SELL)[number % 2], SIZES[number // 2 % len(SIZES)]


def filled(books: list[Book]) -> list[Row]:
    """What our venue makes of the plan."""
    venue, coming, rows = Venue(), iter(books), []
    book = next(coming, None)
    us = Standing(Quantity(Decimal(0)), Money(Decimal(10**9)))
    for at, side, size in plan(books[0].at, books[-1].at):
        arrives = Nanos(at + LATENCY)
        while book is not None and book.at <= arrives:
            venue, book = heard(venue, book), next(coming, None)
        quantity = Quantity(Decimal(size))
        order = Order(f"{at}", at, side, quantity, Price(Decimal(1)), a_plan(), "compared")
        venue = sent(venue, order, arrives)
        outcome = arrive(venue, venue.working[-1], us)
        done = attempt(outcome.venue, outcome.working, us.room, arrives)
        assert done is not None, "every recorded book is fresh"
        venue = done.venue
        got = sum((x.quantity for x in done.executions), Decimal(0))
        rows.append((str(side), size, float(got), float(done.executions[-1].price)))
    return rows


def asked(peer: str, books: list[Book]) -> list[Row]:
    """What hftbacktest makes of it, in its own environment."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "events.npy"
        np.save(path, events_of(books))
        command = [peer, __file__, "--events", str(path)]
        told = subprocess.run(command, check=True, capture_output=True, text=True)
    return [(str(x[0]), str(x[1]), float(x[2]), float(x[3])) for x in json.loads(told.stdout)]


def changes(books: list[Book]) -> Iterator[tuple[int, int, float, float]]:
    """Each change of the visible book: time, side (1 bid, -1 ask), price, quantity there now."""
    empty = Book(books[0].at, (), ())
    for before, after in pairwise([empty, *books]):
        for sign, old, new in ((1, before.bids, after.bids), (-1, before.asks, after.asks)):
            kept = {level.price for level in new}
            gone = [Level(x.price, Quantity(Decimal(0))) for x in old if x.price not in kept]
            for level in (*gone, *new):
                yield after.at, sign, float(level.price), float(level.quantity)


def events_of(books: list[Book]) -> Any:
    """All changes; times in whole nanoseconds, so a record each and not one float array."""
    kinds = [("at", "i8"), ("sign", "i8"), ("price", "f8"), ("quantity", "f8")]
    return np.array(list(changes(books)), dtype=kinds)


def hftbacktest(events: Any) -> list[Row]:
    """Run the plan there. Its market orders sweep the book that it was given."""
    peer = import_module("hftbacktest")
    data = np.zeros(len(events), peer.event_dtype)
    both = peer.EXCH_EVENT | peer.LOCAL_EVENT | peer.DEPTH_EVENT
    data["ev"] = np.where(events["sign"] > 0, both | peer.BUY_EVENT, both | peer.SELL_EVENT)
    data["exch_ts"] = data["local_ts"] = events["at"]
    data["px"], data["qty"] = events["price"], events["quantity"]
    asset = (
        peer.BacktestAsset()
        .data(data)
        .linear_asset(1.0)
        .constant_order_latency(LATENCY, LATENCY)
        .risk_adverse_queue_model()
        .partial_fill_exchange()
        .trading_value_fee_model(0.0, 0.0)
        .tick_size(float(BTCUSDT.tick))
        .lot_size(float(BTCUSDT.lot))
    )
    market = peer.HashMapMarketDepthBacktest([asset])
    first, last = Nanos(int(data["exch_ts"][0])), Nanos(int(data["exch_ts"][-1]))
    market.elapse(1)  # before it has begun, it does not know what time it is
    rows = [_swept(peer, market, *x) for x in enumerate(plan(first, last), 1)]
    market.close()
    return rows


def _swept(peer: Any, market: Any, number: int, planned: tuple[Nanos, Side, str]) -> Row:
    at, side, size = planned
    market.elapse(at - market.current_timestamp)
    send = market.submit_buy_order if side is Side.BUY else market.submit_sell_order
    send(0, number, 1.0, float(size), peer.GTC, peer.MARKET, False)  # noqa: FBT003 - its signature
    market.elapse(EVERY // 2)
    order = market.orders(0).get(number)
    return str(side), size, round(float(size) - order.leaves_qty, 8), order.exec_price


if __name__ == "__main__":
    sys.exit(main())
