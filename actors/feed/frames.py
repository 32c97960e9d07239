"""Files of raw frames: what `--record` writes and `--replay` reads.

A recording is a file, or a folder of files that are read in the order of their first frame's time.
Other files in the folder are left alone.

`*.gz`
    Text, compressed by gzip, one frame a line: the time at which it arrived [ns since 1970, UTC], a
    blank, and the frame as it came: a combined stream's `{"stream":"btcusdt@trade","data":{...}}`,
    or the body of a REST depth request, which has `lastUpdateId` and no stream. A line break within
    a frame is written as a blank. A file may end anywhere (a killed process): the line it ends in
    is dropped, and said so.

`*.csv.gz`
    Comma-separated, with a header; of its columns `recv_tsec` and `recv_tnsec` are the arrival,
    `stream_kind` is depth5, depth_diff or trade, and `payload_json` is the frame, without stream.

`Recorder` writes the first form, one file an hour, named after the time of its first frame:
`frames_20240808_235415.gz`. It hands everything to the operating system at least once a second, so
a killed process loses at most the last second.
"""

import csv
import gzip
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

from actors.feed.wire import Frame
from domain.errors import SettingsInvalid
from domain.moments import LATEST
from domain.units import HOUR, SECOND, Nanos

FLUSHED_EVERY = SECOND
"""Frames older than this are safe from a killed process."""

LINE_MAX = 1 << 21
"""Longer lines are none of ours; the exchange's longest frame is a hundredth of it [bytes]."""

_DAMAGE = (OSError, EOFError, zlib.error, UnicodeError, csv.Error)
_CSV_STREAMS = {"depth5": "depth5@100ms", "depth_diff": "depth@100ms", "trade": "trade"}


class Taken(NamedTuple):
    """One frame of a recording; its stream is "" where the frame itself names it."""

    arrived: Nanos
    stream: str
    data: Frame


class Damage(NamedTuple):
    """A place in a file where there is no frame to be had."""

    file: str
    reason: str


def frames(files: list[Path]) -> Generator[Taken | Damage]:
    """All frames of these files, one file after the other."""
    for file in files:
        reader = _reader(file)
        try:
            yield from reader(file)
        except _DAMAGE as error:
            yield Damage(file.name, f"the file ends early: {error}")


def recording_files(path: Path) -> list[Path]:
    """The files of a recording, in order of time, each known to begin with a frame.

    Raises:
        SettingsInvalid: there is no such file or folder, or there are no frames in it.
    """
    if not path.exists():
        raise SettingsInvalid(f"cannot replay {path}: there is no such file or folder")
    candidates = sorted(path.glob("*.gz")) if path.is_dir() else [path]
    begins = {file: first for file in candidates if (first := _first(file)) is not None}
    if not begins:
        raise SettingsInvalid(f"cannot replay {path}: no recorded frames in it")
    return sorted(begins, key=lambda file: (begins[file], file.name))


def _first(file: Path) -> Nanos | None:
    """When the first frame arrived; None where the file ends before it has one."""
    try:
        with closing(_reader(file)(file)) as reader:
            first = next(reader, None)
    except EOFError:
        return None
    except _DAMAGE as error:
        raise SettingsInvalid(f"cannot replay {file}: {error}") from error
    if isinstance(first, Damage):
        raise SettingsInvalid(f"cannot replay {file}: {first.reason}")
    return None if first is None else first.arrived


Reader = Callable[[Path], Generator[Taken | Damage]]


def _reader(file: Path) -> Reader:
    return _rows if file.name.endswith(".csv.gz") else _lines


def _lines(file: Path) -> Generator[Taken | Damage]:
    with gzip.open(file) as lines:
        for number, line in enumerate(_bounded(lines.readline), start=1):
            try:
                yield _line(line)
            except ValueError:
                yield Damage(file.name, f"line {number} is not an arrival time and a frame")


Text = TypeVar("Text", bytes, str)


def _bounded(readline: Callable[[int], Text]) -> Iterator[Text]:
    """The lines of a file that may unpack to anything: never more of it than LINE_MAX in memory."""
    while line := readline(LINE_MAX):
        if len(line) == LINE_MAX:
            raise gzip.BadGzipFile(f"a line of more than {LINE_MAX} bytes")
        yield line


def _line(line: bytes) -> Taken:
    arrived, blank, frame = line.partition(b" ")
    if not blank or not arrived.isdigit():
        raise ValueError("no arrival time")
    return Taken(_arrival(int(arrived)), "", frame)


def _arrival(nanos: int) -> Nanos:
    if not 0 <= nanos <= LATEST:
        raise ValueError("no time at which anything can have arrived")
    return Nanos(nanos)


def _rows(file: Path) -> Generator[Taken | Damage]:
    with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
        for number, row in enumerate(csv.DictReader(_bounded(lines.readline)), start=1):
            try:
                yield _row(row)
            except (KeyError, TypeError, ValueError):
                yield Damage(file.name, f"row {number} is not an arrival time and a frame")


def _row(row: dict[str, str]) -> Taken:
    if None in row.values():
        raise ValueError("the row is too short")
    arrived = _arrival(int(row["recv_tsec"]) * SECOND + int(row["recv_tnsec"]))
    stream = f"{row['symbol'].lower()}@{_CSV_STREAMS[row['stream_kind']]}"
    return Taken(arrived, stream, row["payload_json"])


class Recorder:
    """Writes frames as they arrive. Used by one thread."""

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsInvalid(f"cannot record to {folder}: {error}") from error
        self._folder = folder
        self._file: gzip.GzipFile | None = None
        self._hour = -1
        self._flushed = Nanos(0)
        self._waiting = False

    def write(self, arrived: Nanos, frame: bytes) -> None:
        """Add one frame."""
        if arrived // HOUR != self._hour:
            self.close()
            self._hour = arrived // HOUR
        if self._file is None:
            self._file = gzip.open(_unused(self._folder, arrived), "xb")  # noqa: SIM115 - kept open
            self._flushed = arrived
        line = frame.replace(b"\n", b" ").replace(b"\r", b" ")
        self._file.write(b"%d %b\n" % (arrived, line))
        self._waiting = True
        if arrived - self._flushed >= FLUSHED_EVERY:
            self.flush()
            self._flushed = arrived

    def flush(self) -> None:
        """Hand all there is to the operating system."""
        if self._file is not None and self._waiting:
            self._file.flush(zlib.Z_SYNC_FLUSH)
            self._waiting = False

    def close(self) -> None:
        """End the file. The next frame begins another one."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _unused(folder: Path, arrived: Nanos) -> Path:
    """A file name that nothing has yet."""
    begun = datetime.fromtimestamp(arrived // SECOND, UTC)
    stem = f"frames_{begun:%Y%m%d_%H%M%S}"
    names = (f"{stem}{suffix}.gz" for suffix in ("", *(f"_{n}" for n in range(2, 1000))))
    return next(folder / name for name in names if not (folder / name).exists())
