"""Starting is recovering: a store that can be trusted, with all that the redo log has beyond it.

A store that was killed lacks at most the change whose log line was written last. A store that is
ruined or gone gives way to the newest copy of it that is good, or to an empty one, and the log
makes that the newest again. Candles are not in the log; the exchange gives them back.
"""

import faulthandler
import os
import resource
import shutil
import signal
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import lmdb
import msgspec

from domain.errors import LedgerMoved, LedgerUnbalanced, StoreBusy, StoreCorrupt
from persistence import candles, forecasts
from persistence.checkpoints import WATCHED, CheckpointStore, Watched
from persistence.copies import copies, examine, examined
from persistence.environment import GIB, open_environment, unwritable
from persistence.home import Home
from persistence.ledger import KINDS, NAMES, Booked, Change, LedgerStore, replayed
from persistence.redo import (
    COUNTED,
    TABLE,
    Counts,
    Line,
    Position,
    RedoLog,
    begun,
    counted,
    named,
    read,
    stand,
    standing,
    sync_folder,
)

READ_SECONDS_MAX = 120
READ_BYTES_MAX = 4 * GIB
"""A store that takes longer, or more memory, to read goes round in a circle [s, bytes]."""

UNUSABLE = (StoreCorrupt, LedgerUnbalanced, LedgerMoved, StoreBusy, lmdb.Error)
"""What a store can be refused for when we look for one to go on from."""


@dataclass(frozen=True, slots=True)
class Tail:
    """What a redo log has beyond a store.

    Attributes:
        continues: the log goes on where the store stands.
        changes: how many it has beyond it.
        damaged: bytes of it that cannot be read.
    """

    continues: bool
    changes: int = 0
    damaged: int = 0


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A store that was made beside ours: from what, and what the log had beyond that."""

    folder: Path
    source: str
    tail: Tail


def healed(home: Home, *, crashed: bool = False) -> str:
    """Make the store one that can be trusted and that holds all that was acknowledged.

    Args:
        home: whose store it is; nobody else uses it.
        crashed: the last trader was killed by a signal; where the store is why, looking at it may
            kill us too.

    Returns:
        A sentence that says what was done; '' where nothing had to be.

    Raises:
        StoreCorrupt: it cannot be, and there is nothing to make another one from. What is there is
            left as it is.
        StoreBusy: the store cannot be opened at all.
    """
    if not (home.store / "data.mdb").is_file() and not home.redo.is_file():
        _found_store(home)
        return ""
    try:
        if crashed:
            _survive(home)
        return _caught_up(home)
    except (StoreCorrupt, LedgerUnbalanced, LedgerMoved) as error:
        made = _rebuilt(home)
        if made is None:
            raise StoreCorrupt(f"{error}; no good backup in {home.backups}") from error
        kept = home.swap(made.folder)
        return f"{error}; {_told(made)}; the store is kept in {kept}"


def logged(home: Home, environment: lmdb.Environment) -> RedoLog:
    """The redo log of an open store, begun anew where there is none that goes on from it.

    Raises:
        StoreBusy: the disk does not take it.
    """
    try:
        return _logged(home, environment)
    except (lmdb.Error, OSError) as error:
        raise StoreBusy(f"{home.redo} cannot be written ({error})") from error


def _logged(home: Home, environment: lmdb.Environment) -> RedoLog:
    table = environment.open_db(TABLE)
    with environment.begin(write=True) as transaction:
        position = standing(transaction, table)
    if position is None or not _continues(home.redo, position):
        position, tables = begun(home.redo, _all_changes(environment)), _counted(environment)
        with environment.begin(write=True) as transaction:
            counts = counted(transaction, tables)
            stand(transaction, table, replace(position, counts=counts))
    return RedoLog(home.redo, environment)


def _all_changes(environment: lmdb.Environment) -> Iterator[tuple[str, object]]:
    for change in LedgerStore(environment).changes():
        yield NAMES[type(change)], change
    newest, _ = CheckpointStore(environment).newest()
    if newest is not None:
        yield WATCHED, Watched.of(newest)


def _found_store(home: Home) -> None:
    """Make an empty store that is whole from the moment it has its name, also without power."""
    built = home.building_site()
    with closing(open_environment(built)) as environment:
        LedgerStore(environment)
        CheckpointStore(environment)
        environment.sync(True)  # noqa: FBT003 - a positional parameter of LMDB's
    home.store.mkdir(exist_ok=True, mode=0o700)
    (built / "data.mdb").replace(home.store / "data.mdb")
    sync_folder(home.store)
    shutil.rmtree(built)


def _survive(home: Home) -> None:
    """Raise StoreCorrupt where a process that reads the whole store does not live."""
    process = os.fork()
    if process == 0:
        try:
            faulthandler.disable()  # that it dies is all we want to know
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(READ_SECONDS_MAX)
            resource.setrlimit(resource.RLIMIT_DATA, (READ_BYTES_MAX, READ_BYTES_MAX))
            with suppress(*UNUSABLE):
                _caught_up(home)
            os._exit(0)
        finally:
            os._exit(1)
    if os.waitpid(process, 0)[1] != 0:
        raise StoreCorrupt(f"{home.store} cannot be read without a crash")


def _caught_up(home: Home) -> str:
    """Add to the store what the log has beyond it, and empty what can be had again."""
    if not (home.store / "data.mdb").is_file():
        raise StoreCorrupt(f"{home.store} is gone")
    examine(home.store)
    try:
        with closing(open_environment(home.store)) as environment:
            return "; ".join(_mended(environment, home.redo))
    except lmdb.Error as error:
        kind = StoreBusy if unwritable(error) else StoreCorrupt
        raise kind(f"{home.store} cannot be used ({error})") from error


def _mended(environment: lmdb.Environment, log: Path) -> list[str]:
    """What was done to an open store, a sentence each."""
    tail = catch_up(environment, log)
    if tail.changes:
        examined(environment)
    notes = [f"the {name} were damaged and begin anew" for name in _emptied(environment)]
    if tail.damaged:
        notes.append(f"the redo log ends in {tail.damaged} bytes that nobody can read")
    if tail.changes:
        notes.append(f"the store took {tail.changes} changes from the redo log")
    return notes


def _emptied(environment: lmdb.Environment) -> tuple[str, ...]:
    """Empty each table that holds what is none of ours and that we can do without; their names."""
    found = []
    for name, is_sound in CACHES.items():
        table = environment.open_db(name.encode())
        with environment.begin(table, write=True) as transaction:
            if not all(is_sound(key, value) for key, value in transaction.cursor()):
                transaction.drop(table, delete=False)
                found.append(name)
    return tuple(found)


def _is_record(_key: bytes, value: bytes) -> bool:
    try:
        msgspec.msgpack.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False
    return True


CACHES = {
    "candles": candles.sound,
    "forecasts": forecasts.sound,
    "calibration": _is_record,
}
"""Tables that a run can do without, and whether what is in them can be ours."""


def catch_up(environment: lmdb.Environment, log: Path) -> Tail:
    """Add to an open store what the log has beyond it, all or nothing.

    Raises:
        LedgerMoved, StoreCorrupt: the log is not of this store's ledger, or the store has lost
            what it had.
    """
    table, ledger = environment.open_db(TABLE), LedgerStore(environment)
    checkpoints, tables = CheckpointStore(environment), _counted(environment)
    entries, newest = ledger.since(0), checkpoints.next_sequence()
    with environment.begin(write=True) as transaction:
        position = standing(transaction, table)
        if position is None and not entries:
            position = named(log)
        elif position is not None and position.counts != _found(transaction, tables):
            raise StoreCorrupt(f"the store lacks some of {position.counts} records")
        if position is None or not _continues(log, position):
            return Tail(continues=False)
        found = read(log, position.end)
        changes = [_change(line) for line in found.lines]
        for change in changes:
            if not isinstance(change, Watched):
                ledger.take(transaction, change)
        watched = _last_watched(changes)
        if watched is not None and watched.sequence >= newest:
            whole = (*entries, *(x.entry for x in changes if isinstance(x, Booked)))
            checkpoints.take(transaction, watched.checkpoint(replayed(whole[: watched.entries])))
        if found.lines:
            end, counts = found.lines[-1].end, counted(transaction, tables)
            stand(transaction, table, Position(position.name, end, counts))
    return Tail(continues=True, changes=len(found.lines), damaged=found.damaged)


def _counted(environment: lmdb.Environment) -> list[Any]:
    return [environment.open_db(name) for name in COUNTED]


def _found(transaction: lmdb.Transaction, tables: Sequence[Any]) -> Counts:
    """How many records can really be reached; a damaged table may believe that it has more."""
    return tuple(sum(1 for _ in transaction.cursor(table)) for table in tables)


def _last_watched(changes: Sequence[Change | Watched]) -> Watched | None:
    return next((x for x in reversed(changes) if isinstance(x, Watched)), None)


def _change(line: Line) -> Change | Watched:
    """What a line of the log says; raises StoreCorrupt where that is nothing of ours."""
    kind = Watched if line.kind == WATCHED else KINDS.get(line.kind)
    if kind is None:
        raise StoreCorrupt(f"a change of kind {line.kind} in the redo log")
    try:
        change: Any = msgspec.json.decode(line.text, type=kind)
    except msgspec.MsgspecError as error:
        raise StoreCorrupt(f"a {kind.__name__} in the redo log: {error}") from error
    return cast("Change | Watched", change)


def _continues(log: Path, position: Position) -> bool:
    """Whether this is the log that the store stands in, and is as long as that."""
    name = named(log)
    return name is not None and name.name == position.name and log.stat().st_size >= position.end


def _rebuilt(home: Home) -> Rebuilt | None:
    """A store made from the best there is; one that the log continues is better than any other."""
    fallback: Path | None = None
    for source in (*copies(home.backups), None):
        found = _tried(home, source)
        if found is not None and found.tail.continues:
            return found
        if found is not None and fallback is None:
            fallback = source
    return None if fallback is None else _tried(home, fallback)


def _tried(home: Home, source: Path | None) -> Rebuilt | None:
    """A store made from this copy, or from nothing, and the log; None where that is none."""
    built = home.building_site()
    try:
        if source is not None:
            examine(source)
            shutil.copyfile(source / "data.mdb", built / "data.mdb")
        with closing(open_environment(built)) as environment:
            tail = catch_up(environment, home.redo)
            examined(environment)
            environment.sync(True)  # noqa: FBT003 - a positional parameter of LMDB's
    except UNUSABLE:
        return None
    if source is None and not tail.continues:
        return None
    return Rebuilt(built, "nothing" if source is None else f"backup {source.name}", tail)


def _told(made: Rebuilt) -> str:
    tail = made.tail
    if not tail.continues:
        return f"went back to {made.source}; what came after it is lost, for the redo log is gone"
    lost = f"all but the {tail.damaged} bytes of it that are damaged" if tail.damaged else "nothing"
    return f"went on from {made.source} and {tail.changes} changes in the redo log, {lost} is lost"
