"""Runs our backtest on a table of signals, for `backtest_peers`.

    python -m tests.benchmarks.backtest_ours TABLE.npz ARCHIVE OUT

Prints the number of trades and the profit as JSON. Broker, Risk and Microstructure are those that
trade live, with the whole fill model: latency, partial fills, protective orders, funding.
"""

import io
import json
import sys
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path

import numpy as np

from actors.backtest.abridged import Playbill, perform
from actors.backtest.ahead import Prompts
from actors.backtest.stage import Cue
from actors.feed.archive import Archive
from domain.signals import Direction, Signal
from domain.terms import Terms
from domain.units import DAY, MINUTE, Floats, Ints, Nanos, Price
from persistence.environment import open_environment
from persistence.home import Home
from persistence.ledger import LedgerStore, replayed

TERMS = Terms(entry=0.5, promise=0.0, leave=0.5)
"""Every signal is followed."""

AWAY = Decimal("0.1")
"""How far a plan's stop and target are [fraction]: out of the way."""

HORIZON = Nanos(7 * DAY)


@dataclass(frozen=True, slots=True)
class Unasked:
    """A model of which nobody wants a forecast."""

    name: str = "table"
    sha: str = ""
    verified: bool = False

    def forecast(self, closes: Floats) -> Floats:
        """Nobody asks."""
        raise AssertionError(closes)


class Table:
    """The hour's signal, said again at each minute's end until it changes."""

    def __init__(self, opened: Ints, closes: Floats, signs: Ints) -> None:
        """Take the table.

        Args:
            opened: when each minute opens [ns], rising, shape (n,).
            closes: its close [quote per base], shape (n,).
            signs: +1 for long and -1 for short from each minute's end on, shape (n,).
        """
        self._ends, self._closes, self._signs = opened + MINUTE, closes, signs
        self._next = 0

    def first(self, at: Nanos) -> Signal:
        """What stands when the market begins, so that everybody is ready: the first hour's."""
        return said(at, float(self._closes[0]), int(self._signs[0]))

    def at(self, close: Nanos) -> Cue | None:
        """It may open either way, and closes what is held the other way."""
        while self._ends[self._next] < close:
            self._next += 1
        assert self._ends[self._next] == close
        price, sign = float(self._closes[self._next]), int(self._signs[self._next])
        return Cue(
            opens=True, closes=(sign > 0, sign < 0), signal=partial(said, close, price, sign)
        )

    def ahead(self, ends: Ints) -> Prompts:
        """The same for many minutes."""
        signs = self._signs[np.searchsorted(self._ends, ends)]
        return Prompts(np.full(len(ends), fill_value=True), signs > 0, signs < 0)


def said(at: Nanos, price: float, sign: int) -> Signal:
    """The signal of one minute."""
    close = Decimal(repr(price))
    return Signal(
        at=at,
        direction=Direction.LONG if sign > 0 else Direction.SHORT,
        confidence=0.9,
        probability=0.7,
        expected_bps=1000.0 * sign,
        by_timeframe=(),
        horizon=HORIZON,
        stop=Price((close * (1 - sign * AWAY)).quantize(Decimal("0.01"))),
        target=Price((close * (1 + sign * AWAY)).quantize(Decimal("0.01"))),
        volatility=0.02,
        promise_bps=1000.0,
    )


def main() -> int:
    """Run and print."""
    table, data, out = np.load(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
    opened = table["opened"]
    begin, end = Nanos(int(opened[0])), Nanos(int(opened[-1]) + MINUTE)
    bill = Playbill(
        Archive((data,), None, begin, end, seed=1), (data,), begin, end, 1, ((begin, TERMS),)
    )
    cues = Table(opened, table["close"], table["sign"])
    with Home(out) as home:
        perform(bill, cues, home, Unasked(), io.StringIO())
    print(json.dumps(result(out)))
    return 0


def result(out: Path) -> dict[str, float]:
    """What the ledger adds up to."""
    with closing(open_environment(Home(out).store, durable=False)) as environment:
        account = replayed(LedgerStore(environment).since(0))
    return {"trades": account.trades, "pnl": float(account.pnl), "fees": float(account.fees)}


if __name__ == "__main__":
    sys.exit(main())
