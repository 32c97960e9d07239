"""The state document on disk, and the copies of it that the last day keeps."""

from domain.units import HOUR, Nanos
from persistence.document import Document, instant, write
from persistence.home import Home

BACKUP_EVERY = HOUR
"""How often a copy is kept [market time]."""

KEPT = 24
"""Copies that stay: one an hour, a day long."""


class StateFile:
    """`state.json`, and `backups/state_backup_YYYYMMDD_HHMMSS.json`."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._copied: Nanos | None = None

    def save(self, state: Document) -> str:
        """Replace `state.json`; once an hour keep a copy too, and return its name, else ''."""
        write(self._home.state, state)
        at = instant(state["timestamp"])
        if self._copied is not None and at - self._copied < BACKUP_EVERY:
            return ""
        self._copied = at
        digits = state["timestamp"][:19].translate({ord(x): None for x in "-:"})
        path = self._home.backups / f"state_backup_{digits.replace('T', '_')}.json"
        write(path, state)
        for old in sorted(self._home.backups.glob("state_backup_*.json"))[:-KEPT]:
            old.unlink()
        return path.name
