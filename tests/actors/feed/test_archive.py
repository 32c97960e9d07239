import zipfile
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.feed.archive import Archive, read_candles, span
from actors.feed.past import recent
from domain.candles import aggregate, holes
from domain.errors import SettingsInvalid
from domain.facts import Mode
from domain.horizons import INGESTION, TIMEFRAMES, Timeframe
from domain.market import Book, Candle, MarketEvent, Origin
from domain.modelled import BOOKS_A_MINUTE, minute
from domain.units import HOUR, MILLISECOND, MINUTE, SECOND, Nanos, Price, Quantity
from tests.shared import shared

START = Nanos(int(datetime(2025, 3, 1, tzinfo=UTC).timestamp()) * SECOND)
HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,"
    "taker_buy_volume,taker_buy_quote_volume,ignore\n"
)
END_OF_TIME = Nanos(2**62)
Writer = Callable[[Path, Sequence[Candle]], Path]


def at(minutes: int) -> Nanos:
    return Nanos(START + minutes * MINUTE)


def a_candle(number: int) -> Candle:
    """A candle of its minute after START, with prices of its own."""
    opened = 84_000_00 + number % 977
    return Candle(
        Timeframe.M1,
        at(number),
        open=price(opened),
        high=price(opened + 250),
        low=price(opened - 130),
        close=price(opened + 17),
        volume=Quantity(Decimal(1_234_567 + number).scaleb(-5)),
    )


def price(ticks: int) -> Price:
    return Price(Decimal(ticks).scaleb(-2))


def some_candles(count: int, first: int = 0) -> list[Candle]:
    return [a_candle(number) for number in range(first, first + count)]


def write_parquet(folder: Path, candles: Sequence[Candle], **changes: object) -> Path:
    columns: dict[str, object] = {
        "open_time": integers(candle.open_time // MILLISECOND for candle in candles),
        "open": integers(int(candle.open * 100) for candle in candles),
        "high": integers(int(candle.high * 100) for candle in candles),
        "low": integers(int(candle.low * 100) for candle in candles),
        "close": integers(int(candle.close * 100) for candle in candles),
        "volume": pa.array([float(candle.volume) for candle in candles], pa.float32()),
    }
    columns |= changes
    scale = columns.pop("price_scale", "100")
    table = pa.table({name: column for name, column in columns.items() if column is not None})
    path = folder / "archive.parquet"
    pq.write_table(
        table.replace_schema_metadata({} if scale is None else {"price_scale": str(scale)}),
        path,
        row_group_size=500,
    )
    return path


def integers(values: Iterable[int]) -> pa.Array:
    return pa.array(list(values), pa.int64())


def dump(candles: Sequence[Candle], unit: int = MILLISECOND) -> str:
    return "".join(
        f"{c.open_time // unit},{c.open}000000,{c.high}000000,{c.low}000000,{c.close}000000,"
        f"{c.volume}000,{(c.close_time - 1) // unit},1.5,7,0.5,0.25,0\n"
        for c in candles
    )


def write_csv(folder: Path, candles: Sequence[Candle]) -> Path:
    return write_bytes(folder, "BTCUSDT-1m.csv", dump(candles).encode())


def write_csv_with_header(folder: Path, candles: Sequence[Candle]) -> Path:
    return write_bytes(folder, "BTCUSDT-1m.csv", (HEADER + dump(candles)).encode())


def write_csv_in_microseconds(folder: Path, candles: Sequence[Candle]) -> Path:
    return write_bytes(folder, "BTCUSDT-1m.csv", dump(candles, unit=1000).encode())


def write_zip(folder: Path, candles: Sequence[Candle]) -> Path:
    return write_zipped(folder / "BTCUSDT-1m.zip", {"BTCUSDT-1m.csv": dump(candles)})


def write_zipped(path: Path, members: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


def write_folder(folder: Path, candles: Sequence[Candle]) -> Path:
    for day in range(0, len(candles), 1440):
        name = f"BTCUSDT-1m-2025-03-{day // 1440 + 1:02}"
        write_zipped(folder / f"{name}.zip", {f"{name}.csv": dump(candles[day : day + 1440])})
    return folder


every_format = pytest.mark.parametrize(
    "write",
    [
        write_parquet,
        write_csv,
        write_csv_with_header,
        write_csv_in_microseconds,
        write_zip,
        write_folder,
    ],
)


@every_format
def test_every_format_is_read_to_the_last_digit(tmp_path: Path, write: Writer) -> None:
    candles = some_candles(2000)

    path = write(tmp_path, candles)

    assert read_candles(path, Nanos(0), END_OF_TIME) == candles
    assert span(path) == (at(0), at(1999))


@every_format
def test_only_the_span_asked_for_is_read(tmp_path: Path, write: Writer) -> None:
    path = write(tmp_path, some_candles(2000))

    assert read_candles(path, at(700), at(1502)) == some_candles(803, first=700)
    assert read_candles(path, Nanos(at(5) + 1), Nanos(at(7) - 1)) == [a_candle(6)]
    assert read_candles(path, at(2000), END_OF_TIME) == []


def test_what_no_candle_is_asked_of_is_not_opened(tmp_path: Path) -> None:
    write_folder(tmp_path, some_candles(1440))
    (tmp_path / "BTCUSDT-1m-2024-12.zip").write_text("broken")

    assert len(read_candles(tmp_path, at(0), at(5))) == 6


def test_months_and_days_may_overlap_in_a_folder(tmp_path: Path) -> None:
    candles = some_candles(3000)
    write_folder(tmp_path, candles)
    write_zipped(tmp_path / "BTCUSDT-1m-2025-03.zip", {"a.csv": dump(candles)})
    (tmp_path / "BTCUSDT-1m-2025-03.zip.CHECKSUM").write_text("not ours")

    assert read_candles(tmp_path, Nanos(0), END_OF_TIME) == candles
    assert span(tmp_path) == (at(0), at(2999))


def test_holes_stay_holes(tmp_path: Path) -> None:
    path = write_parquet(tmp_path, [*some_candles(10), *some_candles(10, first=25)])

    candles = read_candles(path, Nanos(0), END_OF_TIME)

    assert holes(candles) == [(at(10), at(24))]


def write_bytes(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", ["x.parquet", "x.zip", "x.csv"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"PAR1", b"hello\n", b"1,2,3\n", b"\xff"])
def test_a_broken_file_is_refused_by_name_with_the_way_out(
    tmp_path: Path, name: str, content: bytes
) -> None:
    path = write_bytes(tmp_path, name, content)

    for act in (lambda: read_candles(path, Nanos(0), END_OF_TIME), lambda: span(path)):
        with pytest.raises(SettingsInvalid) as refusal:
            act()
        assert str(refusal.value).startswith(f"{path}: ")
        assert "give a parquet file" in str(refusal.value)
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "line",
    [
        "1740787200000,1,1,1,1,1,1,1,1,1,1",
        "then,84000,84001,83999,84000,1,0,0,0,0,0,0",
        "1740787200000,x,84001,83999,84000,1,0,0,0,0,0,0",
        "1740787200000,NaN,84001,83999,84000,1,0,0,0,0,0,0",
        "1740787200000,84000,83000,83999,84000,1,0,0,0,0,0,0",
        "1740787200000,84000,84001,84000.5,84000,1,0,0,0,0,0,0",
        "1740787200000,-1,84001,-2,84000,1,0,0,0,0,0,0",
        "1740787200000,84000,84001,83999,84000,-1,0,0,0,0,0,0",
        "1740787200000,84000,84001,83999,84000,,0,0,0,0,0,0",
        "1740787201000,84000,84001,83999,84000,1,0,0,0,0,0,0",
        ",84000,84001,83999,84000,1,0,0,0,0,0,0",
    ],
)
def test_an_impossible_line_is_refused(tmp_path: Path, line: str) -> None:
    path = write_bytes(tmp_path, "x.csv", f"{line}\n".encode())

    with pytest.raises(SettingsInvalid, match=r"x\.csv: .+give a parquet"):
        read_candles(path, Nanos(0), END_OF_TIME)


@pytest.mark.parametrize(
    "changes",
    [
        {"price_scale": None},
        {"price_scale": "0"},
        {"price_scale": "99"},
        {"close": None},
        {"close": [84000.5, 84000.0, 84000.0]},
        {"close": [84_000_00, None, 84_000_00]},
        {"open_time": [None, 1, 2]},
        {"open_time": ["a", "b", "c"]},
        {"volume": [1.0, float("nan"), 1.0]},
        {"volume": [1.0, None, 1.0]},
        {"volume": ["a", "b", "c"]},
    ],
)
def test_a_parquet_file_of_something_else_is_refused(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    path = write_parquet(tmp_path, some_candles(3), **changes)

    with pytest.raises(SettingsInvalid, match=r"archive\.parquet: .+give a parquet"):
        read_candles(path, Nanos(0), END_OF_TIME)


def test_candles_of_another_timeframe_are_refused(tmp_path: Path) -> None:
    path = write_csv(tmp_path, some_candles(100)[::5])

    with pytest.raises(SettingsInvalid, match="5 minutes apart"):
        read_candles(path, Nanos(0), END_OF_TIME)


def test_candles_out_of_order_are_refused(tmp_path: Path) -> None:
    path = write_csv(tmp_path, [a_candle(1), a_candle(0)])

    with pytest.raises(SettingsInvalid, match="not in order"):
        read_candles(path, Nanos(0), END_OF_TIME)


@pytest.mark.parametrize(
    "members",
    [
        {"../x.csv": dump([a_candle(0)])},
        {"/x.csv": dump([a_candle(0)])},
        {"a/x.csv": dump([a_candle(0)])},
        {"x.txt": dump([a_candle(0)])},
        {"x.csv": dump([a_candle(0)]), "y.csv": dump([a_candle(1)])},
        {},
    ],
)
def test_a_zip_that_is_no_dump_is_refused_and_nothing_written(
    tmp_path: Path, members: dict[str, str]
) -> None:
    folder = tmp_path / "inside"
    folder.mkdir()
    path = write_zipped(folder / "x.zip", members)

    with pytest.raises(SettingsInvalid, match=r"one \.csv in it"):
        read_candles(path, Nanos(0), END_OF_TIME)

    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [path]


def test_a_zip_that_swells_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.feed.archive._SIZE_MAX", 1000)
    path = write_zip(tmp_path, some_candles(100))

    with pytest.raises(SettingsInvalid, match="unpacks to more than 1000 bytes"):
        read_candles(path, Nanos(0), END_OF_TIME)


def test_a_csv_of_absurd_size_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.feed.archive._SIZE_MAX", 1000)
    path = write_csv(tmp_path, some_candles(100))

    with pytest.raises(SettingsInvalid, match="larger than 1000 bytes"):
        read_candles(path, Nanos(0), END_OF_TIME)


@pytest.mark.parametrize("name", ["missing.parquet", "missing", "notes.txt"])
def test_a_path_that_leads_nowhere_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("hello")

    with pytest.raises(SettingsInvalid, match=name):
        Archive(tmp_path / name)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="no candle archive in this folder"):
        Archive(tmp_path)


def test_a_folder_of_several_markets_is_refused(tmp_path: Path) -> None:
    for market in ("BTCUSDT-1m", "ETHUSDT-1m"):
        name = f"{market}-2025-03"
        write_zipped(tmp_path / f"{name}.zip", {f"{name}.csv": dump(some_candles(5))})

    with pytest.raises(SettingsInvalid, match=r"more than one market \(BTCUSDT-1m, ETHUSDT-1m\)"):
        Archive(tmp_path)


@pytest.mark.parametrize("line", ["", HEADER])
def test_a_dump_without_a_candle_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"x\.csv: .+give a parquet"):
        Archive(write_bytes(tmp_path, "x.csv", line.encode()))


def test_an_archive_without_a_candle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="no candle in it"):
        Archive(write_parquet(tmp_path, []))


LONG = INGESTION * 60


@pytest.fixture(scope="module")
def long_candles() -> list[Candle]:
    return some_candles(LONG + 180)


@pytest.fixture(scope="module")
def long_archive(tmp_path_factory: pytest.TempPathFactory, long_candles: list[Candle]) -> Path:
    return write_parquet(tmp_path_factory.mktemp("long"), long_candles)


def test_the_default_start_has_a_thousand_hours_behind_it(long_archive: Path) -> None:
    archive = Archive(long_archive)

    assert archive.start == at(LONG)
    assert archive.mode is Mode.REPLAY
    assert archive.modelled
    assert archive.identity == "replay-archive-20250411T160000"


def test_history_is_the_last_thousand_of_each_timeframe(
    long_archive: Path, long_candles: list[Candle]
) -> None:
    start = at(LONG + 90)

    history = Archive(long_archive, start=start).history()

    minutes = long_candles[: LONG + 90]
    expected = [x for frame in TIMEFRAMES for x in aggregate(minutes, frame)[-INGESTION:]]
    assert history == expected
    assert len(history) == INGESTION * len(TIMEFRAMES)
    assert all((x.kind is Origin.REAL) == (x.timeframe is Timeframe.M1) for x in history)


def test_history_holds_nothing_from_after_a_start_within_a_minute(long_archive: Path) -> None:
    start = Nanos(at(LONG + 90) + 30 * SECOND)

    history = Archive(long_archive, start=start).history()

    assert max(candle.close_time for candle in history) == at(LONG + 90)


def test_a_second_archive_gives_the_candles_before_the_first(
    tmp_path: Path, long_archive: Path
) -> None:
    path = write_csv(tmp_path, some_candles(200, first=LONG + 100))

    archive = Archive(path, history=long_archive)

    assert archive.start == at(LONG + 100)
    assert len(archive.history()) == INGESTION * len(TIMEFRAMES)


def test_a_short_archive_starts_at_its_beginning(tmp_path: Path) -> None:
    archive = Archive(write_csv(tmp_path, some_candles(100)))

    assert archive.start == at(0)
    assert archive.history() == []


@pytest.mark.parametrize(("start", "end"), [(-1, None), (100, None), (5, 5), (7, 3)])
def test_a_start_outside_of_the_archive_is_refused(
    tmp_path: Path, start: int, end: int | None
) -> None:
    path = write_csv(tmp_path, some_candles(100))

    with pytest.raises(SettingsInvalid, match="2025-03-01T00:00:00Z to 2025-03-01T01:40:00Z"):
        Archive(path, start=at(start), end=None if end is None else at(end))


def moment(event: MarketEvent) -> Nanos:
    return event.close_time if isinstance(event, Candle) else event.at


def test_each_minute_is_its_modelled_events_and_then_its_candle(tmp_path: Path) -> None:
    candles = some_candles(5)

    events = list(Archive(write_csv(tmp_path, candles), start=at(1), end=at(4), seed=3).events())

    expected = [[*minute(candle, 3), candle] for candle in candles[1:4]]
    assert events == [event for events in expected for event in events]
    assert all(moment(a) <= moment(b) for a, b in pairwise(events))
    assert all(book.modelled for book in events if isinstance(book, Book))


def test_events_cross_the_weeks_in_which_they_are_read(tmp_path: Path) -> None:
    count = 7 * 1440 + 100
    archive = Archive(write_parquet(tmp_path, some_candles(count)), start=at(7 * 1440 - 3))

    closed = [event for event in archive.events() if isinstance(event, Candle)]

    assert closed == some_candles(103, first=7 * 1440 - 3)


def test_a_start_within_a_minute_begins_with_the_rest_of_it(tmp_path: Path) -> None:
    path = write_csv(tmp_path, some_candles(3))
    start = Nanos(at(1) + 30 * SECOND)

    whole = Archive(path, start=at(1)).events()
    rest = list(Archive(path, start=start).events())

    assert rest == [event for event in whole if moment(event) >= start]
    assert 0 < sum(moment(event) < at(2) for event in rest) < 2 * BOOKS_A_MINUTE


def test_an_end_within_a_minute_leaves_that_minute_out(tmp_path: Path) -> None:
    archive = Archive(write_csv(tmp_path, some_candles(9)), start=at(0), end=Nanos(at(3) + SECOND))

    assert max(moment(event) for event in archive.events()) == at(3)


def test_a_hole_has_no_events(tmp_path: Path) -> None:
    path = write_csv(tmp_path, [*some_candles(3), *some_candles(3, first=8)])

    events = list(Archive(path, start=at(0)).events())

    assert [x.open_time for x in events if isinstance(x, Candle)] == [
        at(n) for n in (0, 1, 2, 8, 9, 10)
    ]
    assert not [event for event in events if at(3) < moment(event) < at(8)]


def test_recent_candles_are_complete_at_the_time() -> None:
    candles = some_candles(200)

    history = recent(candles, at(125))

    assert {x.timeframe: x.close_time for x in history} == {
        Timeframe.M1: at(125),
        Timeframe.M3: at(123),
        Timeframe.M5: at(125),
        Timeframe.M15: at(120),
        Timeframe.M30: at(120),
        Timeframe.H1: at(120),
    }


def test_week_of_the_real_archive_is_read_whole() -> None:
    path = shared("klines/BTCUSDT-1m.parquet")
    last = Nanos(at(7 * 1440) - MINUTE)

    assert len(read_candles(path, START, last)) == 7 * 1440


def test_a_real_outage_of_the_exchange_stays_a_hole() -> None:
    path = shared("klines/BTCUSDT-1m.parquet")
    noon = Nanos(int(datetime(2023, 3, 24, 12, tzinfo=UTC).timestamp()) * SECOND)

    candles = read_candles(path, noon, Nanos(noon + 3 * HOUR))

    first = Nanos(noon + 40 * MINUTE)
    assert holes(candles) == [(first, Nanos(first + 79 * MINUTE))]


def test_a_real_replay_comes_out_the_same_twice() -> None:
    path = shared("klines/BTCUSDT-1m.parquet")

    one, two = (Archive(path, start=START, end=Nanos(START + HOUR)).events() for _ in range(2))

    assert list(one) == list(two)
