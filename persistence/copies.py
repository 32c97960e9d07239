"""Copies of the store: made while it is written, opened before they count, kept for a day."""

import shutil
from contextlib import closing
from pathlib import Path

import lmdb

from domain.account import Account
from domain.audit import audit
from domain.errors import LedgerUnbalanced, StoreCorrupt
from persistence.checkpoints import CheckpointStore
from persistence.environment import open_environment, open_to_read
from persistence.home import Home
from persistence.ledger import LedgerStore, replayed
from persistence.redo import TABLE, stand

KEPT = 24
"""Copies that stay: one an hour, a day long."""

PREFIX = "store_"

UNFINISHED = ".new"
"""How the name of a copy ends that is not whole yet."""


def copy(environment: lmdb.Environment, folder: Path, stamp: str) -> Path:
    """A compacted copy of the store as it is now, found good; older ones beyond KEPT go.

    Raises:
        StoreCorrupt: the copy cannot be read, or does not add up.
        LedgerUnbalanced: likewise.
    """
    made = folder / f"{PREFIX}{stamp}{UNFINISHED}"
    for unfinished in folder.glob(f"{PREFIX}*{UNFINISHED}"):
        shutil.rmtree(unfinished)
    made.mkdir(parents=True, mode=0o700)
    environment.reader_check()
    environment.copy(str(made), compact=True)
    examine(made)
    whole = folder / f"{PREFIX}{stamp}"
    shutil.rmtree(whole, ignore_errors=True)
    made.replace(whole)
    for old in copies(folder)[KEPT:]:
        shutil.rmtree(old)
    return whole


def copies(folder: Path) -> tuple[Path, ...]:
    """All whole copies in a folder, newest first."""
    found = (x for x in folder.glob(f"{PREFIX}*") if x.suffix != UNFINISHED and x.is_dir())
    return tuple(sorted(found, reverse=True))


def examine(store: Path) -> Account:
    """Open a store and add up its ledger; returns what it holds.

    Raises:
        StoreCorrupt: it cannot be read, or its newest checkpoint is another ledger's.
        LedgerUnbalanced: its entries do not add up.
        StoreBusy: there is none.
    """
    with closing(open_to_read(store)) as environment:
        return examined(environment)


def examined(environment: lmdb.Environment) -> Account:
    """The account of an open store; raises as `examine` does."""
    try:
        ledger = LedgerStore(environment)
        entries = ledger.since(0)
        checkpoint, _ = CheckpointStore(environment).newest()
        ledger.trips(), ledger.records()  # that each can be read
    except lmdb.Error as error:
        raise StoreCorrupt(f"the store cannot be read ({error})") from error
    if [entry.sequence for entry in entries] != list(range(len(entries))):
        raise StoreCorrupt("the ledger has a hole")
    if checkpoint is not None and len(entries) < checkpoint.entries:
        raise StoreCorrupt(f"the ledger ends before checkpoint {checkpoint.sequence}")
    if checkpoint is not None and replayed(entries[: checkpoint.entries]) != checkpoint.account:
        raise LedgerUnbalanced(f"the ledger and checkpoint {checkpoint.sequence} differ")
    account = replayed(entries)
    audit(entries, account)
    return account


def put_back(home: Home, source: Path) -> Path:
    """Make a copy the store of this home; returns where the store before it is kept.

    Raises:
        StoreCorrupt: the copy is not good; nothing was changed.
    """
    built = home.building_site()
    shutil.copyfile(source / "data.mdb", built / "data.mdb")
    examine(built)
    with closing(open_environment(built)) as environment:
        table = environment.open_db(TABLE)
        with environment.begin(write=True) as transaction:
            stand(transaction, table, None)  # the log would undo what is wanted here
        environment.sync(True)  # noqa: FBT003 - a positional parameter of LMDB's
    return home.swap(built, anew=True)


def inode(store: Path) -> int:
    """Which file the store is; 0 where there is none."""
    try:
        return (store / "data.mdb").stat().st_ino
    except OSError:
        return 0


def rescue(environment: lmdb.Environment, home: Home) -> Path:
    """Write a store that was deleted while it was open to its place again.

    What was deleted is there as long as somebody has it open. Returns where that is kept which
    stood in its place.
    """
    built = home.building_site()
    environment.copy(str(built), compact=True)
    examine(built)
    return home.swap(built)
