"""Opens the one LMDB environment of the process."""

from pathlib import Path

import lmdb

from domain.errors import StoreBusy, StoreCorrupt

MAP_SIZE = 64 * 2**30
"""Address space we reserve [bytes]; disk is used only as it is written."""

TABLES_MAX = 16


def open_environment(path: Path, *, durable: bool = True) -> lmdb.Environment:
    """Open, or create, the database folder. Call once a process and share the result.

    Threads may share an environment; each store call runs its own transaction within it.

    Args:
        path: the folder.
        durable: sync every commit to disk. A replay that can be run again does without.

    Raises:
        StoreCorrupt: what is there is not a database of ours.
        StoreBusy: the folder cannot be read or written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        return lmdb.open(str(path), map_size=MAP_SIZE, max_dbs=TABLES_MAX, mode=0o600, sync=durable)
    except (lmdb.InvalidError, lmdb.CorruptedError, lmdb.VersionMismatchError) as error:
        raise StoreCorrupt(f"{path} is no database of ours ({error})") from error
    except (lmdb.Error, OSError) as error:
        raise StoreBusy(f"{path} cannot be opened ({error})") from error


def open_to_read(path: Path) -> lmdb.Environment:
    """Open an existing database to read it, also while a trader writes it.

    Raises:
        StoreBusy: there is none, or it cannot be read.
        StoreCorrupt: what is there is not a database of ours.
    """
    if not (path / "data.mdb").is_file():
        raise StoreBusy(f"there is no state in {path.parent}; a first run makes one")
    return open_environment(path)
