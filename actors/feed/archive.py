"""Candle archives: parquet files and Binance's public kline dumps, and the market made of them.

Three kinds are read. A `.parquet` file has the columns `open_time` (ms), `open`, `high`, `low`,
`close` (integers in units of 1/price_scale, a key of the file's metadata) and `volume`. A `.csv`
file, or a `.zip` with one inside, is a dump of data.binance.vision: twelve columns, with or without
a header line, the open time in ms or µs. A folder holds any number of these.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from actors.feed.past import HISTORY, recent
from domain.candles import wrong
from domain.errors import SettingsInvalid
from domain.facts import Mode
from domain.horizons import Timeframe
from domain.instrument import BTCUSDT
from domain.market import Candle, MarketEvent
from domain.modelled import minute
from domain.moments import LATEST, second
from domain.units import DAY, HOUR, MILLISECOND, MINUTE, SECOND, Ints, Nanos, Price, Quantity

_COLUMNS = ["open_time", "open", "high", "low", "close", "volume"]
_DUMP = [*_COLUMNS, *(f"_{n}" for n in range(6))]
"""Columns of a dump: ours, then close time, quote volume, trades, two taker volumes, unused."""

_SIZE_MAX = 256 * 1024 * 1024
"""Largest csv we take into memory [bytes]; a month of one-minute candles has 6 MB."""

_ROWS_MAX = 10_000_000
"""Most candles in a parquet file; nineteen years of minutes."""

_MICROSECONDS_FROM = 100_000_000_000_000
"""Open times from here on are µs: read as ms it would be the year 5138, as µs it is 1973."""

_DATED = re.compile(r"-(\d{4})-(\d{2})(?:-(\d{2}))?$")
_HEADER = re.compile(rb"(\xef\xbb\xbf)?open.?time\b", re.IGNORECASE)
_MONTH = timedelta(days=31)
_CHUNK = Nanos(7 * DAY)
_KINDS = (".parquet", ".csv", ".zip")
_BROKEN = (
    OSError,
    EOFError,
    KeyError,
    InvalidOperation,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    TypeError,
    ValueError,
    pa.ArrowException,
    zipfile.BadZipFile,
    zlib.error,
)
"""What the libraries throw at a file that is not what its name says."""

_WAY_OUT = (
    "give a parquet file of one-minute candles, a Binance kline dump (.zip or .csv), "
    "or a folder of such files"
)


Paths = Path | tuple[Path, ...]
"""An archive: a file, a folder, or several of both that are one market."""


def read_candles(path: Paths, first: Nanos, last: Nanos) -> list[Candle]:
    """The one-minute candles of an archive with open times from first to last, both included.

    Returns:
        Oldest first, no duplicates; holes in the archive are holes here.

    Raises:
        SettingsInvalid: the archive cannot be read, or does not hold one-minute candles.
    """
    found: dict[Nanos, Candle] = {}
    for file in _files(path):
        named = _named(file)
        if named is None or (named[0] <= last and first <= named[1]):
            found.update((candle.open_time, candle) for candle in _read(file, first, last))
    return [found[open_time] for open_time in sorted(found)]


def read_columns(path: Paths, first: Nanos, last: Nanos) -> tuple[Ints, pa.Table, Decimal] | None:
    """The same candles as columns of a parquet file, where the archive is only that.

    Returns:
        Open times [ms], the rows, and what one unit of their prices is worth; unchecked.

    Raises:
        SettingsInvalid: the archive cannot be read.
    """
    files = _files(path)
    if len(files) != 1 or files[0].suffix.lower() != ".parquet":
        return None
    bounds = -(-first // MILLISECOND), last // MILLISECOND
    with _explained(files[0]), pq.ParquetFile(files[0]) as archive:
        scale = _scale(archive)
        parts = [
            _within_span(archive.read_row_group(group, columns=_COLUMNS), *bounds)
            for group in range(archive.metadata.num_row_groups)
            if _overlaps(archive, group, *bounds)
        ]
    if not parts:
        return None
    times, tables = zip(*parts, strict=True)
    return np.concatenate(times), pa.concat_tables(tables), scale


def span(path: Paths) -> tuple[Nanos, Nanos]:
    """Open times of an archive's first and last candle; reads as few of its files as it can."""
    spans = [_span(file) for file in _outermost(_files(path))]
    return min(first for first, _ in spans), max(last for _, last in spans)


class Archive:
    """A market made of an archive's candles: real prices and volumes, modelled books and trades."""

    streamed = False
    mode = Mode.REPLAY
    modelled = True

    def __init__(
        self,
        path: Paths,
        history: Path | None = None,
        start: Nanos | None = None,
        end: Nanos | None = None,
        seed: int = 1,
    ) -> None:
        """Open the archive.

        Args:
            path: what is replayed.
            history: a second archive for candles before the start.
            start: time of the first event; by default the first that has INGESTION candles of each
                timeframe behind it, or the archive's first candle where there are not so many.
            end: no event later than this; by default the archive's end.
            seed: of the modelled books and trades.

        Raises:
            SettingsInvalid: an archive cannot be read, or holds nothing between start and end.
        """
        name = path if isinstance(path, Path) else path[0]
        first, last = span(path)
        oldest = first if history is None else min(first, span(history)[0])
        self._path = path
        self._history = history
        self._seed = seed
        self._end = Nanos(min(last + MINUTE, last + MINUTE if end is None else end))
        self.start = _ready(oldest, first, last) if start is None else start
        if not first <= self.start < self._end:
            asked = f"nothing from {_utc(self.start)} to {_utc(self._end)}"
            held = f"it holds {_utc(first)} to {_utc(Nanos(last + MINUTE))}"
            raise SettingsInvalid(f"{name}: {asked}, {held}; choose --from and --to within")
        moment = datetime.fromtimestamp(self.start // SECOND, UTC)
        self.identity = f"replay-{name.stem}-{moment:%Y%m%dT%H%M%S}"

    def history(self) -> list[Candle]:
        """The last INGESTION candles of each timeframe complete at the start, as far as known."""
        first = Nanos(self.start // HOUR * HOUR - HISTORY)
        last = Nanos(self.start - MINUTE)
        before = [] if self._history is None else read_candles(self._history, first, last)
        found = {candle.open_time: candle for candle in before}
        found |= {candle.open_time: candle for candle in read_candles(self._path, first, last)}
        return recent([found[open_time] for open_time in sorted(found)], self.start)

    def summary(self) -> str:
        """Nothing of interest."""
        return ""

    def events(self) -> Iterator[MarketEvent]:
        """Each minute's modelled trades and books, then its candle, in order of time."""
        for candle in self._minutes():
            events = minute(candle, self._seed)
            if candle.open_time < self.start:
                yield from (event for event in events if event.at >= self.start)
            else:
                yield from events
            yield candle

    def _minutes(self) -> Iterator[Candle]:
        """The candles that close after the start and not after the end."""
        first = Nanos(self.start // MINUTE * MINUTE)
        for chunk in range(first, self._end, _CHUNK):
            last = Nanos(min(chunk + _CHUNK, self._end) - MINUTE)
            yield from read_candles(self._path, Nanos(chunk), last)


def _ready(oldest: Nanos, first: Nanos, last: Nanos) -> Nanos:
    """The earliest time from first to last with HISTORY behind it, or first."""
    whole_hour = -(-oldest // HOUR) * HOUR
    ready = max(Nanos(whole_hour + HISTORY), first)
    return ready if ready <= last else first


def _utc(at: Nanos) -> str:
    return f"{second(at // SECOND)}Z"


def _refusal(path: Path, reason: str) -> SettingsInvalid:
    return SettingsInvalid(f"{path}: {reason}; {_WAY_OUT}")


def _files(paths: Paths) -> list[Path]:
    """The archive's files, all of one market."""
    every = (paths,) if isinstance(paths, Path) else paths
    files = [file for path in every for file in _within(path)]
    markets = sorted({_DATED.sub("", file.stem) for file in files})
    if len(markets) > 1:
        where = f"there is more than one market ({markets[0]}, {markets[1]}) in it"
        raise _refusal(every[0] if len(every) == 1 else files[-1], where)
    return files


def _within(path: Path) -> list[Path]:
    """The file itself, or the archives in a folder."""
    with _explained(path):
        if not path.exists():
            raise _refusal(path, "there is no such file or folder")
        if not path.is_dir():
            return [path]
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in _KINDS)
    if not files:
        raise _refusal(path, "there is no candle archive in this folder")
    return files


def _named(file: Path) -> tuple[Nanos, Nanos] | None:
    """The span a dump's name promises, e.g. BTCUSDT-1m-2025-03.zip; None for a name without."""
    found = _DATED.search(file.stem)
    if found is None:
        return None
    try:
        start = datetime(int(found[1]), int(found[2]), int(found[3] or 1), tzinfo=UTC)
    except ValueError:
        return None
    end = start + (timedelta(days=1) if found[3] else _MONTH)
    return Nanos(int(start.timestamp()) * SECOND), Nanos(int(end.timestamp()) * SECOND)


def _outermost(files: list[Path]) -> list[Path]:
    """The files that may hold the first or the last candle: all, unless all are named by date."""
    named = [(file, _named(file)) for file in files]
    spans = [promised for _, promised in named if promised is not None]
    if len(spans) < len(files):
        return files
    first = min(start for start, _ in spans)
    late = max(end for _, end in spans) - int(_MONTH.total_seconds()) * SECOND
    return [file for file, promised in named if promised and _edge(promised, first, late)]


def _edge(promised: tuple[Nanos, Nanos], first: int, late: int) -> bool:
    return promised[0] == first or promised[1] >= late


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Whatever goes wrong with a file inside, told as one line with the way out."""
    try:
        yield
    except SettingsInvalid:
        raise
    except OSError as error:
        raise _refusal(path, f"cannot be read ({error.strerror or 'broken file'})") from error
    except _BROKEN as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise _refusal(path, f"is not a candle archive ({reason})") from error


def _read(file: Path, first: Nanos, last: Nanos) -> list[Candle]:
    """The candles of one file, checked."""
    bounds = (-(-first // MILLISECOND), last // MILLISECOND)
    with _explained(file):
        if file.suffix.lower() == ".parquet":
            candles = _parquet(file, *bounds)
        else:
            candles = _candles_of_dump(_dump(file), *bounds)
    _check(file, candles)
    return candles


def _check(file: Path, candles: list[Candle]) -> None:
    for candle in candles:
        if (reason := wrong(candle)) is not None:
            raise _refusal(file, f"the candle of {_utc(candle.open_time)} is impossible: {reason}")
    steps = [b.open_time - a.open_time for a, b in pairwise(candles)]
    if steps and min(steps) <= 0:
        raise _refusal(file, "its candles are not in order of time")
    if steps and min(steps) > MINUTE:
        raise _refusal(file, f"its candles are {min(steps) // MINUTE} minutes apart, not one")


def _span(file: Path) -> tuple[Nanos, Nanos]:
    with _explained(file):
        parquet = file.suffix.lower() == ".parquet"
        times = _parquet_bounds(file) if parquet else _times(_dump(file))
    if len(times) == 0:
        raise _refusal(file, "there is no candle in it")
    return Nanos(int(times.min()) * MILLISECOND), Nanos(int(times.max()) * MILLISECOND)


def _parquet(file: Path, first: int, last: int) -> list[Candle]:
    candles: list[Candle] = []
    with pq.ParquetFile(file) as archive:
        scale = _scale(archive)
        for group in range(archive.metadata.num_row_groups):
            if _overlaps(archive, group, first, last):
                table = archive.read_row_group(group, columns=_COLUMNS)
                candles.extend(_candles_of_rows(table, scale, first, last))
    return candles


def _candles_of_rows(table: pa.Table, scale: Decimal, first: int, last: int) -> list[Candle]:
    """The candles among a parquet file's rows; a volume is the lot nearest to its float32."""
    times, kept = _within_span(table, first, last)
    prices = [[Price(n * scale) for n in _integers(kept, name)] for name in _COLUMNS[1:5]]
    lots = np.rint(kept["volume"].to_numpy().astype(np.float64) / float(BTCUSDT.lot))
    volumes = [Quantity(int(n) * BTCUSDT.lot) for n in lots.tolist()]
    return _candles(times, prices, volumes)


def _scale(archive: pq.ParquetFile) -> Decimal:
    """What one unit of the file's prices is worth: a power of ten."""
    if archive.metadata.num_rows > _ROWS_MAX:
        raise ValueError(f"more than {_ROWS_MAX} rows")
    if missing := set(_COLUMNS) - set(archive.schema_arrow.names):
        raise ValueError(f"column {min(missing)} is missing")
    stated = (archive.schema_arrow.metadata or {}).get(b"price_scale")
    if stated is None or not re.fullmatch(rb"10{0,12}", stated):
        raise ValueError("metadata key price_scale is missing or not a power of ten")
    return 1 / Decimal(stated.decode())


def _overlaps(archive: pq.ParquetFile, group: int, first: int, last: int) -> bool:
    """Whether a row group may hold candles of this span [ms]; yes where it does not say."""
    column = archive.schema_arrow.get_field_index("open_time")
    statistics = archive.metadata.row_group(group).column(column).statistics
    if statistics is None or not statistics.has_min_max:
        return True
    return bool(statistics.min <= last and first <= statistics.max)


def _parquet_bounds(file: Path) -> Ints:
    """Open times of the first and the last candle of each row group [ms]."""
    with pq.ParquetFile(file) as archive:
        _scale(archive)
        groups = range(archive.metadata.num_row_groups)
        times = [_times(archive.read_row_group(group, columns=["open_time"])) for group in groups]
    bounds = [time for some in times if len(some) for time in (some.min(), some.max())]
    return np.array(bounds, dtype=np.int64)


def _dump(file: Path) -> pa.Table:
    """The rows of a dump, prices and volumes as their text."""
    data = _unpacked(file) if file.suffix.lower() == ".zip" else _plain(file)
    if not data.strip():
        raise ValueError("it is empty")
    header = _HEADER.match(data) is not None
    return pacsv.read_csv(
        pa.BufferReader(data),
        read_options=pacsv.ReadOptions(column_names=_DUMP, skip_rows=int(header)),
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys(_DUMP, pa.string()) | {"open_time": pa.int64()},
            include_columns=_COLUMNS,
        ),
    )


def _plain(file: Path) -> bytes:
    if file.suffix.lower() != ".csv":
        raise ValueError("its name ends in none of .parquet, .csv and .zip")
    with file.open("rb") as opened:
        data = opened.read(_SIZE_MAX + 1)
    if len(data) > _SIZE_MAX:
        raise ValueError(f"larger than {_SIZE_MAX} bytes")
    return data


def _unpacked(file: Path) -> bytes:
    """The one csv in a zip; nothing is written anywhere, and no more read than it may hold."""
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if len(members) != 1 or not re.fullmatch(r"[\w.-]+\.csv", members[0].filename):
            raise ValueError("a dump has one .csv in it and nothing else")
        with archive.open(members[0]) as member:
            data = member.read(_SIZE_MAX + 1)
    if len(data) > _SIZE_MAX:
        raise ValueError(f"unpacks to more than {_SIZE_MAX} bytes")
    return data


def _candles_of_dump(table: pa.Table, first: int, last: int) -> list[Candle]:
    times, kept = _within_span(table, first, last)
    prices = [[Price(Decimal(text)) for text in kept[name].to_pylist()] for name in _COLUMNS[1:5]]
    volumes = [Quantity(Decimal(text)) for text in kept["volume"].to_pylist()]
    return _candles(times, prices, volumes)


def _candles(times: Ints, prices: list[list[Price]], volumes: list[Quantity]) -> list[Candle]:
    return [
        Candle(Timeframe.M1, Nanos(time * MILLISECOND), *rest)
        for time, *rest in zip(times.tolist(), *prices, volumes, strict=True)
    ]


def _times(table: pa.Table) -> Ints:
    """Open times [ms]."""
    column = table["open_time"]
    if not pa.types.is_integer(column.type) or column.null_count:
        raise ValueError("open_time is not a whole number everywhere")
    times = column.to_numpy().astype(np.int64)
    times = np.where(times >= _MICROSECONDS_FROM, times // 1000, times)
    if len(times) and not 0 <= times.min() <= times.max() <= LATEST // MILLISECOND:
        raise ValueError("open_time is not a time between 1970 and 2100 everywhere")
    return np.asarray(times, dtype=np.int64)


def _within_span(table: pa.Table, first: int, last: int) -> tuple[Ints, pa.Table]:
    """The rows that open from first to last [ms], and when.

    A few kilobytes may unpack to millions of equal rows, so their order is looked at first.
    """
    times = _times(table)
    inside = (times >= first) & (times <= last)
    found = times[inside]
    if (np.diff(found) <= 0).any():
        raise ValueError("its candles are not in order of time")
    return found, table.filter(pa.array(inside))


def _integers(table: pa.Table, name: str) -> list[int]:
    column = table[name]
    if not pa.types.is_integer(column.type) or column.null_count:
        raise ValueError(f"column {name} is not a whole number everywhere")
    integers: list[int] = column.to_pylist()
    return integers
