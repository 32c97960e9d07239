"""Starting is recovering: a store that can be trusted, with all that the redo log has beyond it.

A store that was killed lacks at most the change whose log line was written last. A store that is
ruined or gone gives way to the newest copy of it that is good, or to an empty one, and the log
makes that the newest again. Candles are not in the log; the exchange gives them back.
"""

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import lmdb
import msgspec

from domain.errors import LedgerMoved, LedgerUnbalanced, StoreBusy, StoreCorrupt
from persistence.checkpoints import WATCHED, CheckpointStore, Watched
from persistence.copies import copies, examine, examined
from persistence.environment import open_environment
from persistence.home import Home
from persistence.ledger import KINDS, Change, LedgerStore, replayed
from persistence.redo import TABLE, Line, Position, RedoLog, begun, named, read, stand, standing

Value = TypeVar("Value")

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


def healed(home: Home) -> str:
    """Make the store one that can be trusted and that holds all that was acknowledged.

    Returns:
        A sentence that says what was done; '' where nothing had to be.

    Raises:
        StoreCorrupt: it cannot be, and there is nothing to make another one from. What is there is
            left as it is.
        StoreBusy: the store cannot be opened at all.
    """
    if not (home.store / "data.mdb").is_file() and not home.redo.is_file():
        return ""
    try:
        return _caught_up(home)
    except (StoreCorrupt, LedgerUnbalanced, LedgerMoved) as error:
        made = _rebuilt(home)
        if made is None:
            raise StoreCorrupt(f"{error}; no good backup in {home.backups}") from error
        kept = home.swap(made.folder)
        return f"{error}; {_told(made)}; the store is kept in {kept}"


def logged(home: Home, environment: lmdb.Environment) -> RedoLog:
    """The redo log of an open store, begun anew where there is none that goes on from it."""
    table = environment.open_db(TABLE)
    with environment.begin(write=True) as transaction:
        position = standing(transaction, table)
    if position is None or not _continues(home.redo, position):
        position = begun(home.redo, _all_changes(environment))
        with environment.begin(write=True) as transaction:
            stand(transaction, table, position)
    return RedoLog(home.redo, environment)


def _all_changes(environment: lmdb.Environment) -> Iterator[tuple[str, object]]:
    names = {kind: name for name, kind in KINDS.items()}
    for change in LedgerStore(environment).changes():
        yield names[type(change)], change
    newest, _ = CheckpointStore(environment).newest()
    if newest is not None:
        yield WATCHED, Watched.of(newest)


def _caught_up(home: Home) -> str:
    """Add to the store what the log has beyond it."""
    if not (home.store / "data.mdb").is_file():
        raise StoreCorrupt(f"{home.store} is gone")
    examine(home.store)
    with closing(open_environment(home.store)) as environment:
        tail = catch_up(environment, home.redo)
        if tail.changes:
            examined(environment)
    if tail.damaged:
        return f"the redo log ends in {tail.damaged} bytes that nobody can read"
    return f"the store took {tail.changes} changes from the redo log" if tail.changes else ""


def catch_up(environment: lmdb.Environment, log: Path) -> Tail:
    """Add to an open store what the log has beyond it, all or nothing.

    Raises:
        LedgerMoved, StoreCorrupt: the log is not of this store's ledger.
    """
    table, ledger = environment.open_db(TABLE), LedgerStore(environment)
    empty = not ledger.since(0)
    with environment.begin(write=True) as transaction:
        position = standing(transaction, table) or (named(log) if empty else None)
        if position is None or not _continues(log, position):
            return Tail(continues=False)
        found = read(log, position.end)
        watched = None
        for line in found.lines:
            if line.kind == WATCHED:
                watched = _decoded(line, Watched)
            else:
                ledger.take(transaction, _change(line))
        if found.lines:
            stand(transaction, table, Position(position.name, found.lines[-1].end))
    if watched is not None:
        _watch(environment, watched)
    return Tail(continues=True, changes=len(found.lines), damaged=found.damaged)


def _change(line: Line) -> Change:
    return _decoded(line, KINDS[line.kind])


def _decoded(line: Line, kind: type[Value]) -> Value:
    try:
        return msgspec.json.decode(line.text, type=kind)
    except msgspec.MsgspecError as error:
        raise StoreCorrupt(f"a {kind.__name__} in the redo log: {error}") from error


def _watch(environment: lmdb.Environment, watched: Watched) -> None:
    """Write the newest checkpoint of the log, unless the store has it."""
    store = CheckpointStore(environment)
    if store.next_sequence() <= watched.sequence:
        entries = LedgerStore(environment).since(0)
        store.put(watched.checkpoint(replayed(entries[: watched.entries])))


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
    built = home.path / "store.tmp"
    shutil.rmtree(built, ignore_errors=True)
    built.mkdir(mode=0o700)
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
