"""The folder of logs: what its files are called, and how it stays small.

Event lines are in `events-YYYYMMDD.jsonl`, by the UTC date of what happened, and once that is full
in `events-YYYYMMDD_002.jsonl` and so on: sorted by name they are in the order in which they were
begun. Where all of them together would take more than they may, those go that were written longest
ago. What libraries complain of is in `plasmatrader.log`, what a process died of in `crashes.log`;
they have bounds of their own, and the folder never holds more than LOGS_MAX.
"""

import logging
import re
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from time import gmtime

from domain.errors import printable

LOGS_MAX = 100_000_000
"""All files of the folder together [bytes]."""

EVENTS_MAX = 90_000_000
"""All event lines [bytes]."""

PIECE_MAX = 8_000_000
"""A file of event lines that is longer gets no more; the last batch of lines may go beyond it."""

COMPLAINTS_MAX = 2_000_000
"""`plasmatrader.log`, and once more as much in `plasmatrader.log.1` [bytes]."""

CRASHES_MAX = 1_000_000
"""`crashes.log` when a process begins; what it dies of adds some kilobytes [bytes]."""

_PIECE = re.compile(r"events-\d{8}(?:_(\d+))?\.jsonl")


def pieces(folder: Path, day: str = "") -> list[Path]:
    """The files of event lines, of one day (YYYYMMDD) or of all, oldest market time first."""
    return sorted(folder.glob(f"events-{day}*.jsonl"))


def day_of(path: Path) -> str:
    """The day of a file of event lines, YYYYMMDD."""
    return path.name.removeprefix("events-")[:8]


def piece(folder: Path, day: str) -> Path:
    """The file that takes the next lines of a day: the newest, or the one after it."""
    found = pieces(folder, day)
    if not found:
        return folder / f"events-{day}.jsonl"
    if found[-1].stat().st_size < PIECE_MAX:
        return found[-1]
    named = _PIECE.fullmatch(found[-1].name)
    number = int(named[1] or 1) + 1 if named else len(found) + 1
    return folder / f"events-{day}_{number:03d}.jsonl"


def make_room(folder: Path, coming: int, most: int = EVENTS_MAX) -> None:
    """Remove the event files written longest ago until `coming` more bytes have room.

    Raises:
        OSError: one cannot be removed.
    """
    found = [(path.stat(), path) for path in pieces(folder)]
    found.sort(key=lambda one: (one[0].st_mtime_ns, one[1].name))
    total = sum(about.st_size for about, _ in found) + coming
    for about, path in found:
        if total <= most:
            break
        path.unlink(missing_ok=True)
        total -= about.st_size


class Complaints(RotatingFileHandler):
    """`plasmatrader.log`, in UTC, bounded; nothing quoted in a record can look like another."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            folder / "plasmatrader.log",
            maxBytes=COMPLAINTS_MAX,
            backupCount=1,
            encoding="utf-8",
            delay=True,
        )
        form = logging.Formatter("%(asctime)sZ %(levelname)s %(name)s: %(message)s")
        form.converter, form.default_msec_format = gmtime, "%s.%03d"
        self.setFormatter(form)

    def format(self, record: logging.LogRecord) -> str:
        """The record; all its lines but the first begin with a blank."""
        first, *rest = super().format(record).splitlines() or [""]
        return "\n".join((printable(first), *(f"    {printable(line)}" for line in rest)))


def shortened(path: Path, most: int = CRASHES_MAX) -> None:
    """Keep the last half of what a file may hold, where it holds more."""
    with suppress(FileNotFoundError):
        if path.stat().st_size > most:
            kept = path.read_bytes()[-most // 2 :]
            path.write_bytes(kept.partition(b"\n")[2])
