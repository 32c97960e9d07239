"""Runs of the program as validation sees them, made up line by line."""

import json
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from actors.validation.meter import Sample
from actors.validation.program import Heard
from actors.validation.record import Kept, Record
from actors.validation.verdict import Criterion, Result
from domain.account import Account
from domain.execution import latency, slippage_bps
from domain.facts import Closed, Fact, Filled, Liquidity, Ordered
from domain.horizons import TIMEFRAMES, Timeframe
from domain.ledger import NOTHING, Entry, Title, booked
from domain.market import Candle
from domain.orders import Order
from domain.units import MILLISECOND, SECOND, Money
from persistence.candles import CandleStore
from persistence.environment import open_environment
from persistence.journal import encode
from persistence.ledger import LedgerStore
from tests.builders import NOON, candles
from tests.persistence.report.runs import books

MIB = 2**20


def said(at: float, name: str, *, heard_at: float | None = None, **fields: Any) -> Heard:
    """An event so many seconds after noon, heard at the same time by our own clock."""
    when = datetime.fromtimestamp(NOON / SECOND + at, UTC).isoformat()
    event = {"at": when, "event": name, **fields}
    return Heard(at if heard_at is None else heard_at, event)


def a_record(
    *heard: Heard, samples: Sequence[Sample] = (), status: int = 0, words: str = ""
) -> Record:
    """A run that was started at noon and said this."""
    return Record(0.0, tuple(heard), tuple(samples), tuple(filter(None, [words])), status)


def a_sample(at: float, *, processor: float = 0.0, mib: int = 100) -> Sample:
    return Sample(at, processor, mib * MIB, mib * MIB, mib * MIB)


def a_day() -> dict[Timeframe, list[Candle]]:
    """A thousand candles of each timeframe."""
    return {timeframe: candles(1000, timeframe=timeframe, first=0) for timeframe in TIMEFRAMES}


def traded(*exits: str, funded: str = "0") -> tuple[list[dict[str, Any]], Kept]:
    """What such a run of the program tells, and what it keeps, see `books`."""
    entries, orders = books(*exits, funded=funded)
    facts = _told(entries, {order.id: order for order in orders})
    keys = frozenset(order.id for order in orders)
    return [json.loads(encode(fact)) for fact in facts], Kept({}, {}, entries, keys, -1)


def _told(entries: Sequence[Entry], orders: dict[str, Order]) -> list[Fact]:
    told: list[Fact] = []
    account: Account = NOTHING
    for entry in entries:
        account, trip = booked(account, entry)
        if entry.movement is None:
            continue
        order, move = orders[entry.order], entry.movement
        told.append(
            Ordered(order.at, order.id, order.side, order.quantity, order.kind, order.reference)
        )
        paid = sum((x.amount for x in entry.postings if x.account is Title.FEES), Decimal(0))
        told.append(
            Filled(
                at=entry.at,
                order=order.id,
                side=move.side,
                price=move.price,
                quantity=move.quantity,
                fee=Money(paid),
                liquidity=Liquidity.TAKER,
                latency_ms=latency(order.id, 1) / MILLISECOND,
                slippage_bps=slippage_bps(order, move.price),
            )
        )
        if trip is not None:
            told.append(Closed(entry.at, trip.pnl, "time limit"))
    return told


def a_store(home: Path, *exits: str, without: int | None = None) -> list[Heard]:
    """Such a run's store in a HOME, with all candles but one; returns what was told of it."""
    events, _ = traded(*exits)
    entries, orders = books(*exits)
    with closing(open_environment(home / "store")) as environment:
        ledger, account = LedgerStore(environment), NOTHING
        for order in orders:
            ledger.send(order)
        for entry in entries:
            account, trip = booked(account, entry)
            ledger.append(entry, trip, done=entry.order)
        day = a_day()
        if without is not None:
            del day[Timeframe.M1][without]
        for series in day.values():
            CandleStore(environment).put(series)
    return [Heard(0.0, event) for event in events]


def failed(criteria: Sequence[Criterion]) -> list[str]:
    """What does not hold."""
    return [x.demanded for x in criteria if x.result is Result.FAIL]


def results(criteria: Sequence[Criterion]) -> set[Result]:
    """All that became of these criteria."""
    return {criterion.result for criterion in criteria}
