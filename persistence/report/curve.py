"""What the account was worth over time, recomputed from the ledger."""

from dataclasses import dataclass

import numpy as np

from domain.execution import TAKER_FEE
from domain.performance import Times
from domain.units import Floats
from persistence.report.history import History
from persistence.report.log import Log
from persistence.report.source import Prices, Source

BY_CANDLES = "the ledger, with what was held valued at each one-minute close"
BY_LOG = "the ledger, with what was held valued as the log says it was each minute"
BY_FILLS = "the ledger alone: between two fills nothing is known of what was held"


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Equity over time, shape (n,) each.

    Attributes:
        at: moments [ns], rising, n > 0; the first one is the ledger's first entry.
        wallet: balance [quote currency].
        equity: balance and unrealised gain [quote currency].
        basis: what it was made from.
        doubtful: lines of the log whose balance is not the ledger's.
    """

    at: Times
    wallet: Floats
    equity: Floats
    basis: str
    doubtful: int


def curve(source: Source) -> Curve:
    """The equity curve, by the best of what is there: candles, the log, the fills alone."""
    books = source.history
    logged, doubtful = _logged(source.log, books)
    fills, at_fills = _at_fills(books)
    if len(source.prices.at):
        marks, basis = source.prices.at, BY_CANDLES
        worth = books.worth(books.place(marks), source.prices.close)
    else:
        marks, worth = logged
        basis = BY_LOG if len(marks) else BY_FILLS
    later = marks > fills[0]
    marks, worth = marks[later], worth[later]
    at = np.concatenate((fills, marks))
    order = np.argsort(at, kind="stable")
    at, equity = at[order], np.concatenate((at_fills, worth))[order]
    if at[-1] < source.kept.until:
        last = _last_price(source)
        at = np.append(at, source.kept.until)
        equity = np.append(equity, books.worth(np.array([-1]), np.array([last])))
    return Curve(at, books.wallet[books.place(at)], equity, basis, doubtful)


def held(prices: Prices, begun: float) -> Curve | None:
    """What buying once, for all there was, and waiting would have brought; one fee is paid."""
    if len(prices.at) == 0:
        return None
    fee = float(TAKER_FEE)
    equity = begun * (1 - fee) * prices.close / prices.close[0]
    at = np.concatenate((prices.at[:1], prices.at))
    equity = np.concatenate((np.array([begun]), equity))
    return Curve(at, equity, equity, BY_CANDLES, 0)


def _at_fills(books: History) -> tuple[Times, Floats]:
    """The beginning and each fill, at the fill's own price."""
    prices = {0: _entry_price(books)}
    prices |= dict(zip(books.filled.tolist(), books.price.tolist(), strict=True))
    place = np.array(list(prices), np.int64)
    return books.at[place], books.worth(place, np.array(list(prices.values())))


def _entry_price(books: History) -> float:
    position = books.first.position
    return 0.0 if position is None else float(position.entry)


def _last_price(source: Source) -> float:
    if len(source.prices.close):
        return float(source.prices.close[-1])
    fills = source.history.price
    return float(fills[-1]) if len(fills) else _entry_price(source.history)


def _logged(log: Log | None, books: History) -> tuple[tuple[Times, Floats], int]:
    """The log's equity where its balance is the ledger's, and how often it is not.

    A line may have been written just before or after the entry of the same moment.
    """
    if log is None:
        return (np.zeros(0, np.int64), np.zeros(0)), 0
    at, equity = log.worths.at, log.worths.equity
    place = books.place(at)
    agrees = np.zeros(len(at), bool)
    for near in (-1, 0, 1):
        wallet = books.wallet[np.clip(place + near, 0, len(books.wallet) - 1)]
        agrees |= np.abs(wallet - log.worths.balance) < 1e-6  # noqa: PLR2004 - far below a cent
    return (at[agrees], equity[agrees]), int((~agrees).sum())
