"""What `bin/pt-state` does to the state: show it, go back to an earlier one, let trading go on."""

from collections.abc import Callable
from contextlib import ExitStack, closing
from decimal import Decimal
from pathlib import Path

from domain.account import Account, RoundTrip
from domain.candles import wrong
from domain.drawdown import HighWater, drawdown, resumed, watched
from domain.errors import LedgerUnbalanced, PlasmaError, StateInvalid, StoreCorrupt
from domain.execution import CENT
from domain.horizons import TIMEFRAMES
from domain.ledger import restored
from domain.moments import instant, moment
from domain.trades import steps
from domain.units import EVER, Money, Nanos
from persistence.candles import CandleStore
from persistence.checkpoints import SCHEMA, Checkpoint, CheckpointStore
from persistence.copies import copies, examine, examined, put_back
from persistence.document import (
    DRAWDOWN_DIGITS,
    Document,
    described,
    document,
    read,
    text,
    write,
)
from persistence.environment import open_environment, open_to_read
from persistence.home import Home
from persistence.ledger import LedgerStore, replayed
from persistence.recovery import logged
from persistence.redo import read as read_log


def dumped(path: Path, number: int | None = None) -> str:
    """The state in HOME as a document, now or at a checkpoint; safe while a trader runs.

    The account is added up anew from the whole ledger and compared with the checkpoint.

    Raises:
        StoreBusy: there is no state.
        StoreCorrupt: it cannot be read.
        StateInvalid: there is no checkpoint of this number.
        LedgerUnbalanced: the ledger and the checkpoint disagree.
    """
    return text(_state(path, number))


def _state(path: Path, number: int | None = None) -> Document:
    with closing(open_to_read(Home(path).store)) as environment:
        ledger, checkpoints = LedgerStore(environment), CheckpointStore(environment)
        checkpoint = checkpoints.newest()[0] if number is None else checkpoints.at(number)
        entries, trips = ledger.since(0), ledger.trips()
    if checkpoint is None:
        at = entries[-1].at if entries else Nanos(0)
        return document(at, replayed(entries), trips, 0.0)
    if replayed(entries[: checkpoint.entries]) != checkpoint.account:
        raise LedgerUnbalanced(f"the ledger in {path} and checkpoint {checkpoint.sequence} differ")
    if number is not None:
        later = sum(step.trip is not None for step in steps(entries)[checkpoint.entries :])
        entries, trips = entries[: checkpoint.entries], trips[: len(trips) - later]
    account = replayed(entries)
    at = max(checkpoint.at, entries[-1].at)
    mark = watched(checkpoint.high_water, account.wallet)
    return document(at, account, trips, drawdown(mark, account.wallet))


def listed(path: Path) -> str:
    """The checkpoints and backups in HOME, newest first, a line each; safe while a trader runs."""
    home = Home(path)
    with closing(open_to_read(home.store)) as environment:
        found = CheckpointStore(environment).all()
    lines = [_checkpoint_line(number, checkpoint) for number, checkpoint in found]
    documents = sorted(home.backups.glob("state_backup_*.json"), reverse=True)
    lines += [f"backup      {backup.name}" for backup in (*copies(home.backups), *documents)]
    return "".join(f"{line}\n" for line in lines)


def restore(path: Path, source: Path) -> str:
    """Go on from a document or from a backup; returns a sentence that says what was done.

    Raises:
        StateInvalid: there is no such thing, or the document breaks the schema; nothing changed.
        StoreCorrupt: the backup cannot be trusted; nothing was changed.
        StoreBusy: a trader runs on this HOME; nothing was changed.
    """
    beside = Home(path).backups / source.name
    found = source if source.exists() or not beside.exists() else beside
    if found.is_dir():
        return _restore_copy(path, found)
    state = read(found)
    account, trips = described(state)
    with Home(path) as home:
        kept = home.swap(_built(home, state, account, trips), anew=True)
        _begin_log(home)
        write(home.state, state)
    return f"restored the state of {state['timestamp']}; what was there is kept in {kept}"


def _restore_copy(path: Path, folder: Path) -> str:
    if not (folder / "data.mdb").is_file():
        raise StateInvalid(f"{folder} is no backup: it has no data.mdb")
    with Home(path) as home:
        kept = put_back(home, folder)
        _begin_log(home)
        write(home.state, _state(path))
    return f"restored backup {folder.name}; what was there is kept in {kept}"


def _begin_log(home: Home) -> None:
    """From now on the redo log holds the restored ledger too."""
    with closing(open_environment(home.store)) as environment:
        logged(home, environment).close()


def _built(home: Home, state: Document, account: Account, trips: tuple[RoundTrip, ...]) -> Path:
    """A store that begins with this document, beside ours."""
    built = home.building_site()
    at = instant(state["timestamp"])
    with closing(open_environment(built)) as environment:
        ledger = LedgerStore(environment)
        ledger.add_trips(trips)
        ledger.append(restored(account, at))
        CheckpointStore(environment).begin(at, account, _high_water(state, account))
        environment.sync(True)  # noqa: FBT003 - a positional parameter of LMDB's
    return built


def resume(path: Path) -> str:
    """Lift the drawdown guard's stop; returns a sentence that says what was done.

    Raises:
        StoreBusy: a trader runs on this HOME, or there is no state; nothing was changed.
    """
    with Home(path) as home, ExitStack() as held:
        open_to_read(home.store).close()
        environment = held.enter_context(closing(open_environment(home.store)))
        redo = held.enter_context(closing(logged(home, environment)))
        account, store = examined(environment), CheckpointStore(environment, redo)
        last, _ = store.newest()
        if last is None or not last.high_water.stopped:
            return "trading was not stopped; nothing was changed"
        mark = resumed(last.high_water, account.equity(None))
        number = store.next_sequence()
        store.put(Checkpoint(number, last.at, SCHEMA, last.entries, last.account, mark))
    return f"trading may go on; the high-water mark is now {mark.equity:f} (checkpoint {number})"


def verified(path: Path) -> tuple[str, int]:
    """All checks of the state in HOME, a line each, and the exit status; safe at any time.

    Raises:
        StoreBusy: there is no state.
    """
    home = Home(path)
    checks: tuple[tuple[str, Callable[[], str]], ...] = (
        ("ledger", lambda: f"balances, wallet {examine(home.store).wallet:f}"),
        ("checkpoints", lambda: _checked_checkpoints(home)),
        ("orders", lambda: _checked_orders(home)),
        ("redo", lambda: _checked_log(home)),
        ("candles", lambda: _checked_candles(home)),
        ("document", lambda: _checked_document(home)),
    )
    lines, status = [], 0
    open_to_read(home.store).close()
    for name, check in checks:
        try:
            lines.append(f"{name:<12}ok      {check()}\n")
        except PlasmaError as error:
            lines.append(f"{name:<12}FAILED  {error}\n")
            status = StoreCorrupt.status
    return "".join(lines), status


def _checked_checkpoints(home: Home) -> str:
    with closing(open_to_read(home.store)) as environment:
        found = CheckpointStore(environment).all()
        entries = LedgerStore(environment).since(0)
    broken = [number for number, checkpoint in found if checkpoint is None]
    if broken:
        raise StoreCorrupt(f"checkpoint {broken[0]} and {len(broken) - 1} more cannot be read")
    accounts = [replayed(()), *(step.account for step in steps(entries))]
    for number, checkpoint in ((n, x) for n, x in found if x is not None):
        if checkpoint.entries >= len(accounts):
            raise StoreCorrupt(f"the ledger ends before checkpoint {number}")
        if accounts[checkpoint.entries] != checkpoint.account:
            raise StoreCorrupt(f"checkpoint {number} is not what the ledger adds up to")
    return f"{len(found)} match their checksums and the ledger"


def _checked_orders(home: Home) -> str:
    with closing(open_to_read(home.store)) as environment:
        ledger = LedgerStore(environment)
        known = {order.id for order in ledger.orders()}
        filled = {entry.order for entry in ledger.since(0) if entry.order}
    if lost := sorted(filled - known):
        raise StoreCorrupt(f"order {lost[0]} was filled and never sent")
    return f"{len(known)} sent, {len(filled)} of them filled"


def _checked_log(home: Home) -> str:
    if not home.redo.exists():
        return "none yet"
    found = read_log(home.redo, 0)
    if found.damaged:
        raise StoreCorrupt(f"{found.damaged} bytes after line {len(found.lines)} cannot be read")
    return f"{len(found.lines)} lines match their checksums"


def _checked_candles(home: Home) -> str:
    """On the grid, in order, each a possible candle; holes are counted, not blamed."""
    counts = []
    with closing(open_to_read(home.store)) as environment:
        store = CandleStore(environment)
        for timeframe in TIMEFRAMES:
            times = []
            for candle in store.between(timeframe, Nanos(0), EVER):
                times.append(candle.open_time)
                if fault := wrong(candle):
                    at = moment(candle.open_time)
                    raise StoreCorrupt(f"the {timeframe} candle of {at} is impossible: {fault}")
            spans = (times[-1] - times[0]) // timeframe.span + 1 if times else 0
            counts.append(f"{timeframe} {len(times)} ({spans - len(times)} missing)")
    return ", ".join(counts)


def _checked_document(home: Home) -> str:
    if not home.state.exists():
        return "none yet"
    return f"of {read(home.state)['timestamp']} keeps the schema"


def _checkpoint_line(number: int, checkpoint: Checkpoint | None) -> str:
    if checkpoint is None:
        return f"checkpoint  {number:<6} cannot be read"
    held = "flat" if checkpoint.account.position is None else "in a position"
    return (
        f"checkpoint  {number:<6} {moment(checkpoint.at)}  wallet {checkpoint.account.wallet:f}  "
        f"{checkpoint.entries} entries  {held}"
    )


def _high_water(state: Document, account: Account) -> HighWater:
    """The best the account was, as far as the document's drawdown tells."""
    depth = Decimal(str(round(state["risk_metrics"]["current_drawdown"], DRAWDOWN_DIGITS)))
    best = (account.wallet / (1 - depth)).quantize(CENT) if depth < 1 else account.wallet
    return watched(HighWater(Money(best)), account.wallet)
