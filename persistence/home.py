"""HOME: the folder in which everything of one trader lives, and who may use it."""

import fcntl
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Self

from domain.errors import StoreBusy

FOLDERS = ("store", "backups", "log", "models", "reports")
TRADED = ("store", "ledger.redo", "backups", "state.json")
"""What belongs to one market; the rest is shared by all."""

NEW = "store.new"
"""A whole store that is about to become ours."""

PRIVATE = 0o077
"""What a file or folder grants to nobody but its owner is nothing."""


class Home:
    """The paths under HOME, and the lock that makes one trader its only user."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = path / "store"
        self.backups = path / "backups"
        self.log = path / "log"
        self.models = path / "models"
        self.state = path / "state.json"
        self.redo = path / "ledger.redo"
        self._lock: IO[str] | None = None
        self._umask: int | None = None

    def __enter__(self) -> Self:
        self.claim()
        return self

    def __exit__(self, *_error: object) -> None:
        self.release()

    def claim(self) -> None:
        """Make the folders and take the lock, for as long as this process lives.

        Until it is released, all files that the process makes are its owner's alone: libraries
        make some of them (downloads, copies of the store) and ask nobody for the mode.

        Raises:
            StoreBusy: another process holds it (named), or the folder cannot be written.
        """
        self._umask = os.umask(PRIVATE)
        try:
            self._take()
        except StoreBusy:
            self.release()
            raise
        if (self.path / NEW).is_dir():
            self._end_swap()

    def _take(self) -> None:
        try:
            for folder in FOLDERS:
                (self.path / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = (self.path / "lock").open("a+", encoding="utf-8")
        except OSError as error:
            raise StoreBusy(f"{self.path} cannot be written ({error.strerror})") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = _owner(lock)
            lock.close()
            raise StoreBusy(
                f"{self.path} is in use by a running trader (process {owner}); "
                "stop it first or take another --home"
            ) from error
        self._write_owner(lock)
        self._lock = lock

    def enter(self, identity: str) -> str:
        """Make `store` that of this market; returns the market that had to step aside, if any.

        A demo's ledger must never continue a live one. So what another market left here is kept
        under `parked/`, and what this market left there before comes back.
        """
        label = self.path / "market"
        before = label.read_text(encoding="utf-8").strip() if label.is_file() else identity
        if before != identity:
            self._move(self.path, self._parked(before))
            self._move(self._parked(identity), self.path)
        label.write_text(identity + "\n", encoding="utf-8")
        self.store.mkdir(exist_ok=True, mode=0o700)
        self.backups.mkdir(exist_ok=True, mode=0o700)
        return before if before != identity else ""

    def set_aside(self, name: str, what: Sequence[str] = TRADED) -> Path:
        """Move what was traded here to `parked/NAME`, keeping all of it; returns that folder."""
        folder = self._free(name)
        self._move(self.path, folder, what)
        self.store.mkdir(exist_ok=True, mode=0o700)
        self.backups.mkdir(exist_ok=True, mode=0o700)
        return folder

    def building_site(self) -> Path:
        """An empty folder beside the store, to build another one in; see `swap`."""
        site = self.path / "store.tmp"
        shutil.rmtree(site, ignore_errors=True)
        site.mkdir(parents=True, mode=0o700)
        return site

    def swap(self, built: Path, *, anew: bool = False) -> Path:
        """Put a store that was built beside ours in its place; returns where ours is kept.

        A crash in the middle leaves `store.new`, and the next claim ends what was begun. A ledger
        that begins anew has no use for the redo log of the one before, which is kept with it.
        """
        built.replace(self.path / NEW)
        kept = self._end_swap()
        if anew and self.redo.exists():
            self.redo.replace(kept / self.redo.name)
        return kept

    def release(self) -> None:
        """Give the lock back."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None
        if self._umask is not None:
            os.umask(self._umask)
            self._umask = None

    def _end_swap(self) -> Path:
        kept = self.set_aside("replaced", ("store", "state.json"))
        (self.path / NEW).replace(_emptied(self.store))
        return kept

    def _parked(self, identity: str) -> Path:
        return self.path / "parked" / identity

    def _free(self, name: str) -> Path:
        number = 1
        while (folder := self._parked(f"{name}-{number}")).exists():
            number += 1
        return folder

    def _move(self, source: Path, target: Path, what: Sequence[str] = TRADED) -> None:
        if not source.is_dir():
            return
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in what:
            if (source / name).exists():
                (source / name).replace(_emptied(target / name))

    def _write_owner(self, lock: IO[str]) -> None:
        lock.seek(0)
        lock.truncate()
        lock.write(f"{os.getpid()}\n")
        lock.flush()


def _owner(lock: IO[str]) -> str:
    lock.seek(0)
    return lock.read().strip() or "unknown"


def _emptied(path: Path) -> Path:
    """The path, with the empty folder that may stand there removed."""
    if path.is_dir():
        path.rmdir()
    return path
