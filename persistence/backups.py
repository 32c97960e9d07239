"""The state document on disk, and the copies that the last day keeps of it and of the store."""

import logging
from collections.abc import Callable

import lmdb

from domain.errors import StoreBusy
from domain.moments import instant
from domain.units import HOUR, Nanos
from persistence.copies import KEPT, copy
from persistence.document import Document, write
from persistence.home import Home

BACKUP_EVERY = HOUR
"""How often a copy is kept [market time]."""

logger = logging.getLogger(__name__)


class StateFile:
    """`state.json`, `backups/state_backup_YYYYMMDD_HHMMSS.json`, `backups/store_…` beside it."""

    def __init__(
        self, home: Home, environment: lmdb.Environment | None = None, *, durable: bool = True
    ) -> None:
        self._home = home
        self._durable = durable
        self._environment = environment
        self._copied: Nanos | None = None
        self._waiting: Callable[[], Document] | None = None

    def keep(self, at: Nanos, described: Callable[[], Document]) -> str:
        """Save the state of this moment; returns the name of the copy that was kept, else ''.

        A replay can be run again: its document, which grows with every trade, is made once an hour
        and at the end, see `close`.
        """
        if self._durable or self._copied is None or at - self._copied >= BACKUP_EVERY:
            self._waiting = None
            return self.save(described())
        self._waiting = described
        return ""

    def close(self) -> None:
        """Write the state that still waits."""
        if self._waiting is not None:
            self.save(self._waiting())
            self._waiting = None

    def save(self, state: Document) -> str:
        """Replace `state.json`; once an hour keep a copy too, and return its name, else ''.

        With an environment the store is copied along. That a copy fails is no reason to stop; that
        one can be made and does not add up is.

        Raises:
            StoreCorrupt: the store is damaged.
            LedgerUnbalanced: likewise.
        """
        write(self._home.state, state, durable=self._durable)
        at = instant(state["timestamp"])
        if self._copied is not None and at - self._copied < BACKUP_EVERY:
            return ""
        self._copied = at
        digits = state["timestamp"][:19].translate({ord(x): None for x in "-:"})
        stamp = digits.replace("T", "_")
        path = self._home.backups / f"state_backup_{stamp}.json"
        write(path, state, durable=self._durable)
        for old in sorted(self._home.backups.glob("state_backup_*.json"))[:-KEPT]:
            old.unlink()
        self._copy_store(stamp)
        return path.name

    def _copy_store(self, stamp: str) -> None:
        if self._environment is None:
            return
        try:
            copy(self._environment, self._home.backups, stamp)
        except (lmdb.Error, OSError, StoreBusy):
            logger.exception("the store could not be copied")
