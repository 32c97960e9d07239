"""`pt-state export`: the tables of a trader, for other programs."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from domain.errors import StateInvalid
from domain.horizons import LEVELS, STEPS, TIMEFRAMES
from domain.moments import moment
from domain.trades import steps, trades
from domain.units import EVER, MILLISECOND, Nanos
from persistence.candles import CandleStore
from persistence.environment import open_to_read
from persistence.forecasts import ForecastStore, realised
from persistence.home import Home
from persistence.ledger import LedgerStore
from persistence.logs import pieces

Row = tuple[Any, ...]

FORMATS = ("csv", "parquet", "json")

COLUMNS = {
    "trades": "opened,closed,side,quantity,entry,exit,gross,fees,funding,pnl,slippage,reason",
    "orders": "id,at,state,side,quantity,reference,stop,target,expires,reason",
    "equity": "at,balance,equity,drawdown,mode",
    "ledger": "sequence,at,cause,order,account,amount",
    "candles": "timeframe,open_time,open,high,low,close,volume,kind",
    "forecasts": ",".join(
        (
            "at,timeframe,step,due,base",
            *(f"q{level * 1000:03.0f}" for level in LEVELS),
            "actual,model",
        )
    ),
    "signals": "at,direction,confidence,expected_bps,probability,mode",
}
"""The columns of each table: part of the contract with whoever reads them.

Of `forecasts`, q025 to q975 are the quantiles at levels .025 to .975, and `actual` is the close
that came; empty as long as it has not.
"""

LOGGED = {"equity": "account", "signals": "signal"}
"""Tables that stand in no store: the log's event that is a row of each."""


def exported(path: Path, what: str, form: str) -> bytes:
    """One table of the state in HOME; safe while a trader runs.

    Raises:
        StoreBusy: there is no state.
        StoreCorrupt: it cannot be read.
    """
    columns = COLUMNS[what].split(",")
    rows = list(_rows(Home(path), what, columns))
    if form == "csv":
        return _as_csv(columns, rows)
    if form == "json":
        return _as_json(columns, rows)
    return _as_parquet(columns, rows)


def _rows(home: Home, what: str, columns: Sequence[str]) -> Iterator[Row]:
    if what in LOGGED:
        yield from _logged(home.log, LOGGED[what], columns)
        return
    with closing(open_to_read(home.store)) as environment:
        if what == "candles":
            yield from _candles(CandleStore(environment))
            return
        if what == "forecasts":
            yield from _forecasts(ForecastStore(environment), CandleStore(environment))
            return
        yield from STORED[what](LedgerStore(environment))


def _trades(store: LedgerStore) -> Iterator[Row]:
    orders = {order.id: order for order in store.orders()}
    for trade in trades(steps(store.since(0)), orders):
        when = (moment(trade.opened), moment(trade.closed))
        yield (
            *(*when, str(trade.side), trade.quantity, trade.entry, trade.exit, trade.gross),
            *(trade.fees, trade.funding, trade.pnl, trade.slippage, trade.reason),
        )


def _orders(store: LedgerStore) -> Iterator[Row]:
    for record in sorted(store.records(), key=lambda x: x.order.at):
        order, plan = record.order, record.order.plan
        until = (None,) * 3 if plan is None else (plan.stop, plan.target, moment(plan.expires))
        begun = (order.id, moment(order.at), str(record.state), str(order.side), order.quantity)
        yield (*begun, order.reference, *until, order.reason)


def _ledger(store: LedgerStore) -> Iterator[Row]:
    for entry in store.since(0):
        begun = (entry.sequence, moment(entry.at), str(entry.cause), entry.order)
        for posting in entry.postings:
            yield (*begun, str(posting.account), posting.amount)


STORED: dict[str, Callable[[LedgerStore], Iterator[Row]]] = {
    "trades": _trades,
    "orders": _orders,
    "ledger": _ledger,
}


def _candles(store: CandleStore) -> Iterator[Row]:
    for timeframe in TIMEFRAMES:
        for x in store.between(timeframe, Nanos(0), EVER):
            at = x.open_time // MILLISECOND
            yield (str(timeframe), at, x.open, x.high, x.low, x.close, x.volume, str(x.kind))


def _forecasts(store: ForecastStore, candles: CandleStore) -> Iterator[Row]:
    for timeframe in TIMEFRAMES:
        said = store.between(timeframe, Nanos(0), EVER)
        for x, came in zip(said, realised(said, candles), strict=True):
            each = zip(STEPS, x.due, x.quantiles, came, strict=True)
            for step, due, quantiles, actual in each:
                begun = (moment(x.at), str(timeframe), step, moment(due), x.base)
                known = None if np.isnan(actual) else float(actual)
                yield (*begun, *(round(float(q), 2) for q in quantiles), known, x.model)


def _logged(folder: Path, event: str, columns: Sequence[str]) -> Iterator[Row]:
    """The log's lines of one event, as they were written; a line that is torn is no line."""
    wanted = f'"event":"{event}"'
    for path in pieces(folder):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if wanted not in line:
                continue
            try:
                found = json.loads(line)
            except ValueError:
                continue
            yield tuple(found.get(column) for column in columns)


def _as_csv(columns: Sequence[str], rows: Sequence[Row]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_text(value) for value in row] for row in rows)
    return out.getvalue().encode()


def _as_json(columns: Sequence[str], rows: Sequence[Row]) -> bytes:
    found = [dict(zip(columns, map(_plain, row), strict=True)) for row in rows]
    return json.dumps(found, indent=1).encode() + b"\n"


def _as_parquet(columns: Sequence[str], rows: Sequence[Row]) -> bytes:
    import pyarrow as pa  # noqa: PLC0415 - half a second that the other formats do not need
    from pyarrow import parquet  # noqa: PLC0415

    values = [list(map(_plain, column)) for column in zip(*rows, strict=True)]
    arrays = [pa.array(value) for value in values] or [pa.array([], pa.string())] * len(columns)
    out = io.BytesIO()
    parquet.write_table(pa.table(dict(zip(columns, arrays, strict=True))), out)
    return out.getvalue()


def _plain(value: Any) -> Any:
    """Decimals as strings: no digit of them is lost on the way."""
    return f"{value:f}" if isinstance(value, Decimal) else value


def _text(value: Any) -> Any:
    return "" if value is None else _plain(value)


def written(data: bytes, out: Path) -> str:
    """Write an export to a file; returns a sentence.

    Raises:
        StateInvalid: the file cannot be written.
    """
    try:
        out.write_bytes(data)
    except OSError as error:
        raise StateInvalid(f"{out} cannot be written ({error.strerror})") from error
    return f"wrote {len(data)} bytes to {out}"
