"""Our venue beside hftbacktest and NautilusTrader: the same orders on the same recorded market.

Each peer lives in an environment of its own (`pip install -r
tests/benchmarks/venue_peers_requirements.txt` in any); it is given the visible book as changes of
depth, the trades, the plan of orders, our fees, and the same constant latency. Times of two peers
agree when they do to the nanosecond; the result of an order is what its fills are worth at the mid
price a second after its end, less fees.

    .venv/bin/python -m tests.benchmarks.venue_peers --peer /tmp/peers/bin/python
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from domain.execution import fee, touch
from domain.instrument import BTCUSDT
from domain.market import DEPTH, Book, Level, Side, Trade
from domain.orders import Force, Kind, Order
from domain.rejects import Standing
from domain.units import MILLISECOND, SECOND, Money, Nanos, Price, Quantity
from domain.venue import Outcome, Venue, arrive, attempt, cancelling, heard, next_due, sent, traded
from tests.builders import a_plan

DATA = Path(__file__).parents[2].parent / "shared" / "data"
LATENCY = Nanos(100 * MILLISECOND)
EVERY = Nanos(5 * SECOND)
HOLD = Nanos(4 * SECOND)
"""How long a resting order stands before its cancellation is sent."""

SIZES = ("0.002", "0.016", "0.5", "3")
"""Market orders [BTC]. The mission's are the first two; the others walk the book."""

RESTING = ("0.016", "0.5")
"""Post-only orders at the best price of their own side [BTC]."""

US = Standing(Quantity(Decimal(0)), Money(Decimal(10**9)))


@dataclass(frozen=True, slots=True)
class Planned:
    """One order of the plan; a market order where it has no limit."""

    at: Nanos
    side: Side
    size: str
    limit: Price | None


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one order.

    Attributes:
        quantity: filled [base].
        value: of it [quote currency]; NaN where a peer does not tell.
        fee: paid; likewise.
        at: when the exchange filled it last [ns]; 0 where it did not.
        last: price of the last part.
    """

    quantity: float
    value: float
    fee: float
    at: float
    last: float

    @property
    def price(self) -> float:
        """Average price; that of the last part where the value is not told; NaN without a fill."""
        if not self.quantity:
            return float("nan")
        return self.last if np.isnan(self.value) else self.value / self.quantity


def main() -> int:
    """Print the tables, and every order that differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--peer", help="a Python that has the peers")
    parser.add_argument("--stream", default=DATA / "streams" / "spot_2024-08-08", type=Path)
    parser.add_argument("--orders", action="store_true", help="print every order of every peer")
    options = parser.parse_args()
    if not options.stream.exists():
        print(f"{options.stream} is not on this machine")
        return 0
    books, trades = session(options.stream)
    orders = tuple(plan(books))
    ours = filled(books, trades, orders)
    if options.peer is None:
        print(f"{len(ours)} orders; name a --peer to compare with")
        return 0
    theirs = asked(options.peer, books, trades, orders)
    result = Results(books, trades, orders)
    for name, told in theirs.items():
        result.compare(name, ours, told, every=options.orders)
    return 0


@dataclass(frozen=True, slots=True)
class Results:
    """Compares what became of the plan here and there."""

    books: list[Book]
    trades: list[Trade]
    orders: tuple[Planned, ...]

    def compare(self, name: str, ours: list[Told], theirs: list[Told], *, every: bool) -> None:
        """One row a kind and size, then every order that differs."""
        print(f"\n{name}\n")
        print("| order | number | same quantity | same price | same time | our PnL | its PnL |")
        print("|---|---|---|---|---|---|---|")
        for kind, size in sorted({(x.limit is None, x.size) for x in self.orders}):
            chosen = [
                n for n, x in enumerate(self.orders) if (x.limit is None, x.size) == (kind, size)
            ]
            print(self.row(f"{'market' if kind else 'resting'} {size}", chosen, (ours, theirs)))
        for number, (x, y) in enumerate(zip(ours, theirs, strict=True)):
            if every or not _alike(x, y):
                print(f"{self.line(number, x, y)}: {self.why(number, x, y)}")

    def row(self, name: str, chosen: list[int], told: tuple[list[Told], list[Told]]) -> str:
        """How many orders of one kind agree, and what those gained whose value both tell."""
        pairs = [(told[0][n], told[1][n]) for n in chosen]
        alike = (
            sum(_same_quantity(*x) for x in pairs),
            sum(_same_price(*x) for x in pairs),
            sum(x.at == y.at or not x.quantity for x, y in pairs),
        )
        known = [n for n in chosen if not np.isnan(told[1][n].value)]
        gains = [f"{sum(self.pnl(n, side[n]) for n in known):.2f}" for side in told]
        if len(known) < len(chosen):
            gains[1] += f" ({len(known)} orders)"
        cells = [name, str(len(pairs)), *(str(x) for x in alike), *gains]
        return "| " + " | ".join(cells) + " |"

    def line(self, number: int, ours: Told, theirs: Told) -> str:
        """One order: quantity, price, time after sending, PnL, here and there."""
        planned = self.orders[number]
        kind = "market" if planned.limit is None else f"resting at {planned.limit}"
        told = (
            f"{x.quantity:g} @ {x.price:.4f} after {max(0.0, x.at - planned.at) / 1e6:.0f} ms, "
            f"PnL {self.pnl(number, x):+.4f}"
            for x in (ours, theirs)
        )
        return f"order {number} {planned.side} {planned.size} {kind}: ours {' | its '.join(told)}"

    def why(self, number: int, ours: Told, theirs: Told) -> str:
        """What makes the difference, of the few things that do."""
        planned = self.orders[number]
        if _alike(ours, theirs):
            return "alike"
        if planned.limit is None:
            return self.why_taken(planned, theirs)
        if abs(ours.quantity - theirs.quantity) < 1.5 * float(BTCUSDT.lot):
            return "rounded to the other lot"
        if not theirs.quantity and self.closed_in(planned):
            return "it arrives with the next book, and that is through the price"
        beyond = self.traded_through(planned)
        return "UNEXPLAINED" if beyond else "only touched: the queue is an estimate, or none"

    def why_taken(self, planned: Planned, theirs: Told) -> str:
        """Why a market order took something else there."""
        arrives = planned.at + LATENCY
        for book, which in (
            (next(x for x in reversed(self.books) if x.at <= arrives), ""),
            (next(x for x in self.books if x.at > arrives), " in the next book, where it looks"),
        ):
            levels = book.asks if planned.side is Side.BUY else book.bids
            visible = float(sum(x.quantity for x in levels))
            if visible < float(planned.size):
                return f"only {visible:g} are visible{which}; ours goes on into the model"
        return "it tells the last part's price alone" if np.isnan(theirs.value) else "UNEXPLAINED"

    def closed_in(self, planned: Planned) -> bool:
        """Whether the book after an order's arrival would take it at once."""
        assert planned.limit is not None
        book = next(x for x in self.books if x.at > planned.at + LATENCY)
        return (planned.limit - touch(book, planned.side)) * planned.side.sign >= 0

    def traded_through(self, planned: Planned) -> bool:
        """Whether there was a trade beyond a resting order's price while it stood."""
        assert planned.limit is not None
        begins, ends = planned.at + LATENCY, planned.at + HOLD + LATENCY
        return any(
            (planned.limit - x.price) * planned.side.sign > 0
            for x in self.trades
            if begins <= x.at <= ends
        )

    def pnl(self, number: int, told: Told) -> float:
        """Worth of the fills at the mid a second after the order's end, less fees."""
        planned = self.orders[number]
        end = planned.at + HOLD + 2 * LATENCY + SECOND
        mid = next((x.mid for x in reversed(self.books) if x.at <= end), self.books[-1].mid)
        return planned.side.sign * (told.quantity * float(mid) - told.value) - told.fee


def _alike(ours: Told, theirs: Told) -> bool:
    return _same_quantity(ours, theirs) and _same_price(ours, theirs)


def _same_quantity(ours: Told, theirs: Told) -> bool:
    return abs(ours.quantity - theirs.quantity) < float(BTCUSDT.lot) / 2


def _same_price(ours: Told, theirs: Told) -> bool:
    """To the tick; of the last part where the average is not told."""
    if not ours.quantity or not theirs.quantity:
        return ours.quantity == theirs.quantity
    price = ours.last if np.isnan(theirs.value) else ours.price
    return abs(price - theirs.price) < float(BTCUSDT.tick) / 2


def session(folder: Path) -> tuple[list[Book], list[Trade]]:
    """The recorded books and trades, by the time they came."""
    rows = import_module("pyarrow.parquet").read_table(folder / "spot_BTCUSDT_trades.parquet")
    trades = [
        Trade(
            Nanos(row["local_ts_ns"]),
            row["trade_id"],
            Price(Decimal(str(row["price"]))),
            Quantity(Decimal(str(row["qty"]))),
            row["is_buyer_maker"],
        )
        for row in rows.to_pylist()
    ]
    return recorded(folder / "spot_BTCUSDT_depth5.parquet"), sorted(trades, key=lambda x: x.at)


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


def plan(books: list[Book]) -> Iterator[Planned]:
    """Market orders and resting ones in turn; of each all sizes, and both sides, in turn."""
    coming, book = iter(books), books[0]
    later = next(coming, None)
    for number, at in enumerate(range(books[0].at + EVERY, books[-1].at - 2 * EVERY, EVERY)):
        while later is not None and later.at <= at:
            book, later = later, next(coming, None)
        side, turn = (Side.BUY, Side.SELL)[number // 2 % 2], number // 4
        if number % 2 == 0:
            yield Planned(Nanos(at), side, SIZES[turn % len(SIZES)], None)
        else:
            best = book.best_bid if side is Side.BUY else book.best_ask
            yield Planned(Nanos(at), side, RESTING[turn % len(RESTING)], best)


def filled(books: list[Book], trades: list[Trade], orders: tuple[Planned, ...]) -> list[Told]:
    """What our venue makes of the plan."""
    market, found = _Market(), []
    both: list[Book | Trade] = [*books, *trades]
    events = iter(sorted(both, key=lambda event: event.at))
    event = next(events, None)
    for order in orders:
        end = Nanos(order.at + HOLD + LATENCY)
        market.send(order)
        while event is not None and event.at <= end:
            market.hear(event)
            event = next(events, None)
        market.pass_time(end)
        found.append(market.told())
    return found


class _Market:
    """Our venue with one order at a time."""

    def __init__(self) -> None:
        self._venue = Venue()
        self._outcomes: list[Outcome] = []

    def send(self, planned: Planned) -> None:
        """The order goes out, and the wish to cancel it."""
        rests = planned.limit is not None
        order = Order(
            id=f"{planned.at}",
            at=planned.at,
            side=planned.side,
            quantity=Quantity(Decimal(planned.size)),
            reference=Price(Decimal(1)),
            plan=a_plan(),
            reason="compared",
            kind=Kind.LIMIT if rests else Kind.MARKET,
            force=Force.GTX if rests else Force.GTC,
            level=planned.limit,
        )
        self._outcomes = []
        self._venue = sent(self._venue, order, Nanos(planned.at + LATENCY))
        ends = Nanos(planned.at + HOLD + LATENCY)
        self._venue = cancelling(self._venue, order.id, ends, "the end")

    def hear(self, event: Book | Trade) -> None:
        """The market goes on; what arrives before this event meets the book as it was."""
        self.pass_time(Nanos(event.at - 1))
        if isinstance(event, Book):
            self._venue = heard(self._venue, event)
        for working in self._venue.working:
            if isinstance(event, Trade):
                self._take(traded(self._venue, working, event, US.room))
            else:
                self._take(attempt(self._venue, working, US.room, event.at))

    def pass_time(self, now: Nanos) -> None:
        """Let arrive what is due."""
        while (due := next_due(self._venue)) is not None and due[0] <= now:
            self._take(arrive(self._venue, due[1], US))
            for working in self._venue.working:
                self._take(attempt(self._venue, working, US.room, due[0]))

    def told(self) -> Told:
        """What became of the order."""
        fills = [x for outcome in self._outcomes for x in outcome.executions]
        paid = sum(float(fee(x.price, x.quantity, x.liquidity)) for x in fills)
        value = sum(float(x.price * x.quantity) for x in fills)
        at = float(max((x.at for x in fills), default=0))
        last = float(fills[-1].price) if fills else float("nan")
        return Told(float(sum(x.quantity for x in fills)), value, paid, at, last)

    def _take(self, outcome: Outcome | None) -> None:
        if outcome is not None:
            self._venue = outcome.venue
            self._outcomes.append(outcome)


def asked(
    peer: str, books: list[Book], trades: list[Trade], orders: tuple[Planned, ...]
) -> dict[str, list[Told]]:
    """What the peers make of it, each in its own process."""
    here = Path(__file__).parent
    programs = {
        "hftbacktest, cancellations spread over the queue": ("venue_hftbacktest", "proportional"),
        "hftbacktest, all cancellations behind us": ("venue_hftbacktest", "last"),
        "NautilusTrader": ("venue_nautilus",),
    }
    with TemporaryDirectory() as folder:
        path = Path(folder) / "session.npz"
        np.savez(path, **arrays(books, trades, orders))
        return {
            name: _told([peer, str(here / f"{program}.py"), str(path), *queue])
            for name, (program, *queue) in programs.items()
        }


def _told(command: list[str]) -> list[Told]:
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    return [Told(*row) for row in json.loads(run.stdout)]


def arrays(books: list[Book], trades: list[Trade], orders: tuple[Planned, ...]) -> dict[str, Any]:
    """The session for a peer; times in whole nanoseconds, so a record each and not one array."""
    kinds = [("at", "i8"), ("sign", "i8"), ("price", "f8"), ("quantity", "f8")]
    done = [
        (x.at, -1 if x.buyer_is_maker else 1, float(x.price), float(x.quantity)) for x in trades
    ]
    sent_ = [
        (x.at, x.side.sign, float(x.size), np.nan if x.limit is None else float(x.limit))
        for x in orders
    ]
    terms = [("at", "i8"), ("sign", "i8"), ("size", "f8"), ("limit", "f8")]
    return {
        "changes": np.array(list(changes(books)), dtype=kinds),
        "trades": np.array(done, dtype=kinds),
        "plan": np.array(sent_, dtype=terms),
        "timing": np.array([LATENCY, HOLD]),
    }


def changes(books: list[Book]) -> Iterator[tuple[int, int, float, float]]:
    """Each change of the visible book: time, side (1 bid, -1 ask), price, quantity there now."""
    empty = Book(books[0].at, (), ())
    for before, after in pairwise([empty, *books]):
        for sign, old, new in ((1, before.bids, after.bids), (-1, before.asks, after.asks)):
            kept = {level.price for level in new}
            gone = [Level(x.price, Quantity(Decimal(0))) for x in old if x.price not in kept]
            for level in (*gone, *new):
                yield after.at, sign, float(level.price), float(level.quantity)


if __name__ == "__main__":
    sys.exit(main())
