"""Opens the one LMDB environment of the process."""

import errno
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import lmdb

from domain.errors import StoreBusy, StoreCorrupt

GIB = 2**30

MAP_SIZES = (64 * GIB, 16 * GIB, 4 * GIB, GIB)
"""Address space we reserve, the first that the system grants [bytes]; disk is used as written."""

TABLES = (
    *(b"ledger", b"trips", b"orders", b"redo", b"checkpoints"),
    *(b"candles", b"forecasts", b"calibration"),
)
"""What every store has."""

TABLES_MAX = 16

NO_DATABASE = (lmdb.InvalidError, lmdb.CorruptedError, lmdb.VersionMismatchError)
RUINED = (*NO_DATABASE, lmdb.PageNotFoundError, lmdb.PanicError, lmdb.MapFullError)
NO_PLACE = (lmdb.DiskError, lmdb.ReadonlyError)
NO_PLACE_NUMBERS = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)
)


def open_environment(path: Path, *, durable: bool = True) -> lmdb.Environment:
    """Open, or create, the database folder. Call once a process and share the result.

    Threads may share an environment; each store call runs its own transaction within it.

    A commit is relaxed: its pages are synced, the word that they count is not, so a disk that loses
    its power may undo the last one and is whole all the same. For candles, forecasts and what was
    learnt that will do; changes of the ledger are in the redo log by then, see there.

    Args:
        path: the folder.
        durable: sync commits at all. A replay that can be run again does without.

    Raises:
        StoreCorrupt: what is there is not a database of ours, or not all of it.
        StoreBusy: the folder cannot be read or written.
    """
    _make(path)
    environment = _opened_well(path, partial(_mapped, durable=durable))
    environment.reader_check()  # slots of readers that were killed keep old pages alive
    try:
        for name in TABLES:
            environment.open_db(name)
    except lmdb.Error as error:
        environment.close()
        if unwritable(error):
            raise StoreBusy(f"{path} cannot be written ({error})") from error
        raise StoreCorrupt(f"{path} cannot be read ({error})") from error
    return environment


def _make(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StoreBusy(f"{path} cannot be opened ({error.strerror})") from error


def _opened_well(path: Path, opened: Callable[[Path], lmdb.Environment]) -> lmdb.Environment:
    """The database there, whole; raises as `open_environment` does."""
    try:
        environment = opened(path)
    except NO_DATABASE as error:
        raise StoreCorrupt(f"{path} is no database of ours ({error})") from error
    except (lmdb.Error, OSError) as error:
        raise StoreBusy(f"{path} cannot be opened ({error})") from error
    try:
        _check_length(environment, path / "data.mdb")
    except StoreCorrupt:
        environment.close()
        raise
    return environment


def open_to_read(path: Path) -> lmdb.Environment:
    """Open an existing database to read it, also while a trader writes it, and on any disk.

    Nothing is written, and no writer waits for us: a reader sees the store as it was when its
    transaction began. Only a store that an earlier version made gets the tables it lacks first.

    Raises:
        StoreBusy: there is none, or it cannot be read.
        StoreCorrupt: what is there is not a database of ours.
    """
    if not (path / "data.mdb").is_file():
        raise StoreBusy(f"there is no state in {path.parent}; a first run makes one")
    environment = _opened_well(path, partial(_mapped, readonly=True))
    try:
        for name in TABLES:
            environment.open_db(name)
    except lmdb.ReadonlyError:
        environment.close()
        return open_environment(path)
    except lmdb.Error as error:
        environment.close()
        raise StoreCorrupt(f"{path} cannot be read ({error})") from error
    return environment


def unwritable(error: BaseException | None) -> bool:
    """Whether it is the disk that refuses: full, read-only, or no longer ours to write."""
    if isinstance(error, NO_PLACE):
        return True
    return isinstance(error, OSError) and error.errno in NO_PLACE_NUMBERS


def ruined(error: BaseException | None) -> bool:
    """Whether only a new process mends it: the database is damaged, or its map is full."""
    return isinstance(error, RUINED)


def tried(environment: lmdb.Environment) -> str:
    """Write a little, durably; returns why that was not possible, '' where it was."""
    try:
        with environment.begin(write=True) as transaction:
            table = environment.open_db(b"trial", txn=transaction)
            transaction.put(b"trial", bytes(TRIAL_SIZE), db=table)
        with environment.begin(write=True) as transaction:
            transaction.delete(b"trial", db=table)
    except (lmdb.Error, OSError) as error:
        return str(error)
    return ""


TRIAL_SIZE = 1 << 16
"""Bytes that must find room before we trust a disk again that was full."""


def _mapped(path: Path, *, durable: bool = True, readonly: bool = False) -> lmdb.Environment:
    """Reserve as much as we get: a map that never fills up never has to grow under a trader.

    Where the system grants little, a map that is full ends the process, and the next one has twice
    of what is used.
    """
    opened = partial(_opened, path, durable=durable, readonly=readonly)
    used = 0
    with suppress(OSError):
        used = (path / "data.mdb").stat().st_size
    for size in MAP_SIZES:
        try:
            return opened(max(size, 2 * used))
        except lmdb.MemoryError:
            continue
    return opened(2 * used)


def _opened(path: Path, size: int, *, durable: bool, readonly: bool) -> lmdb.Environment:
    return lmdb.open(
        str(path),
        map_size=size,
        max_dbs=TABLES_MAX,
        mode=0o600,
        sync=durable,
        metasync=False,
        readonly=readonly,
    )


def _check_length(environment: lmdb.Environment, file: Path) -> None:
    """A file that was cut short would kill the process where it is first read beyond its end."""
    page = environment.stat()["psize"]
    wanted = (environment.info()["last_pgno"] + 1) * page
    length = file.stat().st_size
    if length < wanted and length > 0 and environment.stat()["entries"]:
        raise StoreCorrupt(f"{file} was cut short: {length} of {wanted} bytes")
