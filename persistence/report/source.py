"""What a report is made from: a ledger, in a HOME, in a folder of LMDB, or in an exported file."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import lmdb
import msgspec
import numpy as np

from domain.errors import LedgerUnbalanced, SettingsInvalid, StoreBusy, StoreCorrupt
from domain.facts import Mode
from domain.horizons import Timeframe
from domain.ledger import Entry
from domain.orders import Order
from domain.performance import Times
from domain.units import Floats, Nanos
from persistence.candles import CandleStore
from persistence.checkpoints import Checkpoint, CheckpointStore
from persistence.environment import open_to_read
from persistence.home import Home
from persistence.ledger import LedgerStore, replayed
from persistence.records import Packed
from persistence.report.history import History, history
from persistence.report.log import Log, read
from persistence.report.outlook import Outlook, outlooks

SPAN = Timeframe.M1.span
"""Candles of one minute value what is held."""


@dataclass(frozen=True, slots=True, eq=False)
class Prices:
    """The market by the minute, shape (n,) each: when a candle closed [ns], and at what price."""

    at: Times
    close: Floats


NO_PRICES = Prices(np.zeros(0, np.int64), np.zeros(0))


@dataclass(frozen=True, slots=True)
class Kept:
    """A ledger as it is kept.

    Attributes:
        mode: where the market data came from; None where nobody wrote it down.
        until: the last moment that is known of; nothing was booked after it.
        orders: every order that went out.
        entries: every booking, oldest first.
    """

    mode: Mode | None
    until: Nanos
    orders: Sequence[Order]
    entries: Sequence[Entry]


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """All that the report reads. Prices may be empty; `log` is None where there is none.

    The forecasts are judged as they are read: a month of them is more than the rest together.
    """

    name: str
    kept: Kept
    history: History
    prices: Prices
    log: Log | None
    outlooks: tuple[Outlook, ...] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """What a folder of LMDB holds."""

    kept: Kept
    prices: Prices
    outlooks: tuple[Outlook, ...]


class Header(msgspec.Struct, frozen=True):
    """The first line of an exported ledger; one entry a line follows."""

    ledger: Literal[1]
    mode: Mode | None
    until: int
    orders: tuple[Order, ...]


def of_home(path: Path) -> Source:
    """The ledger that trades in HOME, its prices and its log; safe while a trader runs.

    Raises:
        StoreBusy: there is none, it is empty, or it cannot be read.
        StoreCorrupt: it is not one that we wrote, or it does not add up.
    """
    home = Home(path)
    stored = _stored(home.store, _mode(path))
    kept = stored.kept
    log = read(home.log, kept.mode, _first(kept), Nanos(kept.until + SPAN))
    kept = replace(kept, mode=_told(kept.mode, log))
    return _source(str(path), replace(stored, kept=kept), log)


def of_ledger(path: Path) -> Source:
    """A ledger by itself: a folder of LMDB, or a file that a report exported; it has no log.

    Raises:
        SettingsInvalid: there is none.
        StoreBusy: it is empty, or it cannot be read.
        StoreCorrupt: it is not one that we wrote, or it does not add up.
    """
    if path.is_dir():
        return _source(str(path), _stored(path, _mode(path.parent)), None)
    try:
        kept = imported(path.read_bytes(), path)
        return _source(str(path), Stored(kept, NO_PRICES, ()), None)
    except OSError as error:
        raise SettingsInvalid(f"{path} cannot be read ({error.strerror})") from error


def exported(kept: Kept) -> Iterator[bytes]:
    """The ledger as lines of JSON, as `imported` reads them."""
    encoder = msgspec.json.Encoder()
    head = encoder.encode(Header(1, kept.mode, kept.until, ()))
    yield head.removesuffix(b"]}")
    for number, order in enumerate(kept.orders):
        yield b"," * (number > 0) + encoder.encode(order)
    yield b"]}\n"
    for entry in kept.entries:
        yield encoder.encode(entry) + b"\n"


def imported(lines: bytes, path: Path) -> Kept:
    """The ledger that `exported` wrote; raises StoreCorrupt where the lines are none."""
    head, _, rest = lines.partition(b"\n")
    try:
        header = msgspec.json.decode(head, type=Header)
        entries = msgspec.json.Decoder(Entry).decode_lines(rest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StoreCorrupt(f"{path} is no exported ledger ({error})") from error
    orders, booked = Packed.of(header.orders, Order), Packed.of(entries, Entry)
    return Kept(header.mode, Nanos(header.until), orders, booked)


def _stored(path: Path, mode: Mode | None) -> Stored:
    try:
        with closing(open_to_read(path)) as environment:
            kept = _kept(environment, path, mode)
            prices = _prices(CandleStore(environment), kept)
        # What was read of the store counts as ours while it is open, so it is opened once more.
        with closing(open_to_read(path)) as environment:
            return Stored(kept, prices, outlooks(environment, _first(kept), kept.until))
    except LedgerUnbalanced as error:
        raise StoreCorrupt(f"the ledger of {path} does not add up ({error})") from error
    except lmdb.Error as error:
        raise StoreCorrupt(f"{path} cannot be read ({error})") from error


def _kept(environment: lmdb.Environment, path: Path, mode: Mode | None) -> Kept:
    ledger = LedgerStore(environment)
    # First the checkpoint: what a running trader books meanwhile comes after it.
    checkpoint, _ = CheckpointStore(environment).newest()
    entries, orders = ledger.packed(), ledger.packed_orders()
    until = max([entry.at for entry in entries] + [checkpoint.at if checkpoint else 0])
    _compare(entries, checkpoint, path)
    return Kept(mode, Nanos(until), orders, entries)


def _compare(entries: Packed[Entry], checkpoint: Checkpoint | None, path: Path) -> None:
    """Raise StoreCorrupt where the ledger is not what the newest checkpoint saw."""
    if checkpoint is None or not entries:
        return
    seen = entries[: checkpoint.entries]
    if len(seen) < checkpoint.entries or replayed(seen) != checkpoint.account:
        raise StoreCorrupt(f"the ledger in {path} and checkpoint {checkpoint.sequence} differ")


def _prices(store: CandleStore, kept: Kept) -> Prices:
    """Closes within the ledger's time."""
    first, last = max(0, _first(kept) - SPAN), kept.until - SPAN
    found = store.closes(Timeframe.M1, Nanos(first), Nanos(last))
    return Prices(found.opened + SPAN, found.close)


def _source(name: str, stored: Stored, log: Log | None) -> Source:
    kept = stored.kept
    if not kept.entries:
        raise StoreBusy(f"nothing is booked in {name}; a trader's first start opens the ledger")
    try:
        added = history(kept.entries, kept.orders)
    except LedgerUnbalanced as error:
        raise StoreCorrupt(f"the ledger of {name} does not add up ({error})") from error
    return Source(name, kept, added, stored.prices, log, stored.outlooks)


def _told(mode: Mode | None, log: Log | None) -> Mode | None:
    """The market, from the log where nobody else wrote it down and the log knows but one."""
    if mode is not None or log is None:
        return mode
    return Mode(*log.modes) if len(log.modes) == 1 and log.modes <= set(Mode) else None


def _first(kept: Kept) -> Nanos:
    return kept.entries[0].at if kept.entries else Nanos(0)


def _mode(home: Path) -> Mode | None:
    """The market that a HOME, or a folder below its `parked`, belongs to."""
    label = home / "market"
    name = label.read_text(encoding="utf-8") if label.is_file() else home.name
    kind = name.strip().partition("-")[0]
    return Mode(kind.upper()) if kind in {"live", "demo", "replay"} else None
