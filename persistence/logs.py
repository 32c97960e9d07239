"""The folder of logs: what its files are called, and how it stays small.

Event lines are in `events-YYYYMMDD.jsonl`, by the UTC date of what happened, and once that is full
in `events-YYYYMMDD_002.jsonl` and so on: sorted by name they are in the order in which they were
begun. Where all of them together would take more than they may, those written longest ago are
thinned: what is told each minute goes, what happened stays (`events-YYYYMMDD.thin.jsonl`). Only
where that is not enough they go. What libraries complain of is in `plasmatrader.log`, what a
process died of in `crashes.log`; they have bounds of their own, and the folder never holds more
than LOGS_MAX.
"""

import logging
import os
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

MINUTELY = frozenset(
    (b"account", b"bad_message", b"checkpoint", b"decision", b"forecast", b"progress", b"signal")
)
"""Events that come each minute or in floods: nine tenths of a log."""

THIN = ".thin.jsonl"
"""How the name of a file ends from which those were taken."""

_PIECE = re.compile(r"events-\d{8}(?:_(\d+))?(?:\.thin)?\.jsonl")
_NAME = re.compile(rb'"event":"(\w+)"')


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
    if found[-1].stat().st_size < PIECE_MAX and not found[-1].name.endswith(THIN):
        return found[-1]
    named = _PIECE.fullmatch(found[-1].name)
    number = int(named[1] or 1) + 1 if named else len(found) + 1
    return folder / f"events-{day}_{number:03d}.jsonl"


def make_room(folder: Path, coming: int, most: int = EVENTS_MAX) -> None:
    """Thin, then remove the event files written longest ago until `coming` more bytes have room.

    Raises:
        OSError: the disk does not allow it.
    """
    for shrink in (_thin, _remove):
        found = [(path.stat(), path) for path in pieces(folder)]
        found.sort(key=lambda one: (one[0].st_mtime_ns, one[1].name))
        total = sum(about.st_size for about, _ in found) + coming
        for about, path in found:
            if total <= most:
                return
            total -= about.st_size - shrink(path, about)


def thinned(folder: Path) -> str:
    """The last day of which only a part is left, YYYYMMDD; '' where all is there."""
    return max((day_of(path) for path in pieces(folder) if path.name.endswith(THIN)), default="")


def _thin(path: Path, about: os.stat_result) -> int:
    """Take what is told each minute from a file; returns its new size.

    At each moment the name leads to a whole file: the old one, or the thin one.
    """
    if path.name.endswith(THIN):
        return about.st_size
    fresh = path.with_name(path.name + ".new")
    with path.open("rb") as old, fresh.open("wb") as new:
        fresh.chmod(0o600)
        new.writelines(line for line in old if _told(line) not in MINUTELY)
    os.utime(fresh, ns=(about.st_atime_ns, about.st_mtime_ns))
    fresh.replace(path)
    return path.replace(path.with_name(path.name.removesuffix(".jsonl") + THIN)).stat().st_size


def _told(line: bytes) -> bytes:
    name = _NAME.search(line)
    return name.group(1) if name else b""


def _remove(path: Path, _about: os.stat_result) -> int:
    path.unlink(missing_ok=True)
    return 0


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
