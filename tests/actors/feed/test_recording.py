"""Recordings: read as written, on the exchange's time line, with the exchange's candles."""

import gzip
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from actors.feed.archive import read_candles
from actors.feed.frames import Damage, Recorder, Taken, frames
from actors.feed.minutes import GRACE, Minutes
from actors.feed.recording import SNAPSHOT, Recording
from actors.messages import Rejected
from domain.errors import SettingsInvalid
from domain.facts import Mode
from domain.horizons import INGESTION, TIMEFRAMES
from domain.market import Book, Candle, Origin, Ticker, Trade
from domain.units import HOUR, MILLISECOND, MINUTE, SECOND, Nanos, Price, Quantity
from tests.shared import shared

NOON = 1_760_097_600_000
"""A full hour [ms]."""

BEHIND = 1_200 * MILLISECOND
"""What the recorder's clock is behind the exchange's."""


def line(at: int, data: dict[str, Any], stream: str = "") -> bytes:
    """A recorded line of an event at this time [ms after NOON]."""
    body = {"stream": f"btcusdt@{stream}", "data": data} if stream else data
    arrived = (NOON + at) * MILLISECOND - BEHIND
    return f"{arrived} {json.dumps(body)}\n".encode()


def a_trade(at: int, number: int, price: str = "100.5", quantity: str = "1.0") -> bytes:
    data = {"e": "trade", "t": number, "p": price, "q": quantity, "T": NOON + at, "m": False}
    return line(at, data, "trade")


def a_book(at: int) -> bytes:
    data = {"lastUpdateId": at, "bids": [["100.0", "1.0"]], "asks": [["101.0", "1.0"]]}
    return line(at, data, "depth5@100ms")


def a_diff(at: int, first: int, last: int) -> bytes:
    data = {"e": "depthUpdate", "E": NOON + at, "U": first, "u": last, "b": [], "a": []}
    return line(at, data, "depth@100ms")


def a_snapshot(at: int, last: int) -> bytes:
    bids = [[f"{100 - n}.0", "1.0"] for n in range(6)]
    asks = [[f"{101 + n}.0", "1.0"] for n in range(6)]
    return line(at, {"lastUpdateId": last, "bids": bids, "asks": asks})


def a_kline(at: int, minute: int, *, closed: bool, close: str = "100.0") -> bytes:
    span = {"t": NOON + minute * 60_000, "i": "1m", "o": "100.0", "h": "200.0", "l": "50.0"}
    span |= {"c": close, "v": "5.0", "x": closed}
    return line(at, {"e": "kline", "E": NOON + at, "k": span}, "kline_1m")


def a_recording(folder: Path, *lines: bytes, **options: Any) -> Recording:
    folder.mkdir(exist_ok=True)
    with gzip.open(folder / "frames.gz", "wb") as file:
        file.writelines(lines)
    return Recording(folder, **options)


def candles(recording: Recording) -> list[Candle]:
    return [event for event in recording.events() if isinstance(event, Candle)]


def test_events_have_the_exchanges_time_and_never_run_backwards(tmp_path: Path) -> None:
    recording = a_recording(
        tmp_path, a_book(0), a_trade(10, 1), a_book(20), a_trade(15, 2), a_book(40)
    )

    events = list(recording.events())

    assert [
        (type(one), (one.at // MILLISECOND - NOON)) for one in events if hasattr(one, "at")
    ] == [
        (Book, 0),
        (Trade, 10),
        (Book, 20),
        (Trade, 20),
        (Book, 40),
    ]
    assert recording.start == NOON * MILLISECOND
    assert (recording.mode, recording.modelled) == (Mode.REPLAY, False)


def test_book_is_rebuilt_where_only_its_changes_were_recorded(tmp_path: Path) -> None:
    recording = a_recording(
        tmp_path, a_diff(0, 1, 5), a_snapshot(50, 7), a_diff(100, 6, 9), a_diff(200, 10, 12)
    )

    books = [event for event in recording.events() if isinstance(event, Book)]

    assert [book.at // MILLISECOND - NOON for book in books] == [100, 200]
    assert len(books[0].bids) == len(books[0].asks) == 5
    assert recording.counts == {"btcusdt@depth@100ms": 3, SNAPSHOT: 1}


def test_bad_frames_and_bad_lines_are_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    recording = a_recording(
        tmp_path,
        a_trade(0, 1),
        a_trade(10, 2, price="NaN"),
        b"no line\n",
        line(30, {}, "unheard"),
        a_trade(40, 3),
    )

    events = list(recording.events())

    assert [type(one) for one in events] == [Trade, Rejected, Rejected, Rejected, Trade]
    rejected = [one for one in events if isinstance(one, Rejected)]
    assert [one.stream for one in rejected] == ["btcusdt@trade", "frames.gz", "btcusdt@unheard"]
    assert recording.counts["rejected"] == 2


def test_candles_that_were_recorded_go_before_those_that_trades_make(tmp_path: Path) -> None:
    recording = a_recording(
        tmp_path,
        a_kline(58_000, 0, closed=False),
        a_trade(59_000, 1),
        a_trade(60_100, 2),
        a_kline(60_200, 0, closed=True, close="77.0"),
        a_trade(119_000, 3),
        a_kline(120_100, 1, closed=True, close="88.0"),
    )

    closed = candles(recording)

    assert [(one.close, one.kind) for one in closed] == [
        (Decimal("77.0"), Origin.REAL),
        (Decimal("88.0"), Origin.REAL),
    ]


def test_minute_recorded_in_part_is_taken_from_the_archive_or_is_a_hole(tmp_path: Path) -> None:
    lines = [a_trade(30_000 + 4_000 * n, n) for n in range(30)]
    history = tmp_path / "BTCUSDT-1m-2025-10-10.csv"
    history.write_text(f"{NOON},90,200,50,100,5.0,0,0,0,0,0,0\n")

    without = candles(a_recording(tmp_path / "a", *lines))
    with_archive = candles(a_recording(tmp_path / "b", *lines, history_path=history))

    assert [(since_noon(one), one.kind) for one in without] == [(60_000, Origin.DERIVED)]
    assert [(since_noon(one), one.kind) for one in with_archive] == [
        (0, Origin.REAL),
        (60_000, Origin.DERIVED),
    ]
    assert with_archive[0].open == Decimal(90)
    assert with_archive[1].volume == Decimal(15)


def since_noon(candle: Candle) -> int:
    """When it opens [ms after NOON]."""
    return candle.open_time // MILLISECOND - NOON


def told_by(minutes: Minutes, *steps: Callable[[Minutes], Any]) -> list[Candle]:
    return [candle for step in steps for candle in step(minutes)]


def trade(seconds: float, number: int, price: int = 100) -> Callable[[Minutes], Any]:
    at = Nanos(NOON * MILLISECOND + int(seconds * SECOND))
    one = Trade(at, number, Price(Decimal(price)), Quantity(Decimal(1)), buyer_is_maker=False)
    return lambda minutes: minutes.trade(one)


def some_minutes() -> Minutes:
    """Begun within the minute before NOON, so that all from NOON on are known."""
    begin = Nanos(NOON * MILLISECOND - SECOND)
    return Minutes(begin, lambda _: None, published=False)


def test_trades_of_a_whole_minute_make_its_candle() -> None:
    closed = told_by(
        some_minutes(), trade(0, 1, 100), trade(20, 2, 90), trade(40, 3, 120), trade(60, 4)
    )

    (one,) = closed
    numbers = (one.open, one.high, one.low, one.close, one.volume)
    assert numbers == tuple(map(Decimal, (100, 120, 90, 120, 3)))
    assert one.kind is Origin.DERIVED


def test_lost_trade_makes_a_hole_of_every_minute_that_it_may_lie_in() -> None:
    closed = told_by(some_minutes(), trade(1, 1), trade(61, 3), trade(121, 4), trade(181, 5))

    assert [since_noon(one) for one in closed] == [120_000]


def test_minute_without_a_trade_is_a_candle_without_volume_at_the_last_price() -> None:
    minutes = some_minutes()
    late = Nanos(NOON * MILLISECOND + 2 * MINUTE + GRACE)

    closed = told_by(minutes, trade(1, 1, 123), lambda one: one.pass_time(late))

    assert [one.close for one in closed] == [Decimal(123)] * 2
    assert [one.volume for one in closed] == [Decimal(1), Decimal(0)]


def test_trade_that_comes_twice_counts_once() -> None:
    closed = told_by(some_minutes(), trade(1, 1), trade(1, 1), trade(60, 2))

    assert [one.volume for one in closed] == [Decimal(1)]


def test_silence_makes_holes_of_the_minutes_it_lies_in(tmp_path: Path) -> None:
    recording = a_recording(
        tmp_path,
        a_trade(-1_000, 1),
        *(a_trade(n * 1_000, n + 2) for n in range(30)),
        a_trade(45_000, 32),
        *(a_trade(n * 1_000, n - 14) for n in range(46, 60)),
        *(a_trade(n * 1_000, n - 14) for n in range(60, 121)),
    )

    closed = candles(recording)

    assert [since_noon(one) for one in closed] == [60_000]


def test_part_of_a_recording_is_what_lies_between_its_ends(tmp_path: Path) -> None:
    start, end = Nanos((NOON + 20) * MILLISECOND), Nanos((NOON + 30) * MILLISECOND)
    lines = [a_trade(10 * n, n) for n in range(6)]

    recording = a_recording(tmp_path, *lines, start=start, end=end)

    events = [one for one in recording.events() if isinstance(one, Trade)]
    assert [event.trade_id for event in events] == [2, 3]
    assert recording.start == start


def test_files_of_a_folder_are_read_in_order_of_time(tmp_path: Path) -> None:
    for name, at in (("b.gz", 0), ("a.gz", 100)):
        with gzip.open(tmp_path / name, "wb") as file:
            file.write(a_trade(at, at))
    (tmp_path / "readme.txt").write_text("not a recording")

    events = [one for one in Recording(tmp_path).events() if isinstance(one, Trade)]

    assert [event.trade_id for event in events] == [0, 100]


def test_file_cut_off_in_the_middle_is_read_to_there_and_the_cut_is_told(tmp_path: Path) -> None:
    path = tmp_path / "frames.gz"
    with gzip.open(path, "wb") as file:
        file.writelines(a_trade(n, n) for n in range(5_000))
    path.write_bytes(path.read_bytes()[:-2_000])

    events = list(Recording(path).events())

    assert len(events) > 1_000
    assert isinstance(events[-1], Rejected)
    assert "ends early" in events[-1].reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no recorded frames"),
        (b"plain text", "Not a gzipped file"),
        (gzip.compress(b"hello\n"), "line 1 is not"),
        (gzip.compress(b"17 {}\n"), "none of its first frames"),
        (gzip.compress(b"")[:4], "no recorded frames"),
        (b"\x1f\x8b\x08\x00" + b"\xff" * 40, "cannot replay"),
    ],
    ids=range(6),
)
def test_file_that_is_no_recording_is_refused_in_one_line(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "frames.gz"
    path.write_bytes(content)

    with pytest.raises(SettingsInvalid, match=reason) as caught:
        Recording(path)

    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_path_without_recordings_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(SettingsInvalid, match="cannot replay"):
            Recording(path)


def test_what_is_recorded_is_read_back(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    first = Nanos(NOON * MILLISECOND)

    recorder.write(first, b'{"a":\n1}')
    recorder.write(Nanos(first + HOUR), b'{"b":2}')
    recorder.close()

    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == [
        "frames_20251010_120000.gz",
        "frames_20251010_130000.gz",
    ]
    assert list(frames(files)) == [
        Taken(first, "", b'{"a": 1}\n'),
        Taken(Nanos(first + HOUR), "", b'{"b":2}\n'),
    ]


def test_killed_recorder_loses_at_most_its_last_second(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    begun = Nanos(NOON * MILLISECOND)
    for n in range(100):
        recorder.write(Nanos(begun + n * 100 * MILLISECOND), b'{"n":%d}' % n)
    (file,) = tmp_path.iterdir()
    killed = tmp_path / "killed.gz"
    killed.write_bytes(file.read_bytes())
    recorder.close()

    read = list(frames([killed]))

    assert isinstance(read[-1], Damage)
    assert len(read) - 1 >= 90


def test_recorder_never_writes_into_a_file_that_is_there(tmp_path: Path) -> None:
    for _ in range(2):
        recorder = Recorder(tmp_path)
        recorder.write(Nanos(NOON * MILLISECOND), b"{}")
        recorder.close()

    assert len(list(tmp_path.iterdir())) == 2


def test_folder_that_cannot_be_recorded_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(SettingsInvalid, match="cannot record to"):
        Recorder(tmp_path / "file" / "folder")


def test_recording_of_2024_is_whole_and_its_candles_are_the_exchanges() -> None:
    path = shared("streams/spot_2024-08-08")
    archive = shared("klines/BTCUSDT-1m.parquet")
    recording = Recording(path, archive)

    events = list(recording.events())

    assert recording.counts == {
        "btcusdt@bookTicker": 73_174,
        "btcusdt@trade": 19_904,
        "btcusdt@depth@100ms": 6_495,
        SNAPSHOT: 1,
    }
    assert Counter(map(type, events)) == {Trade: 19_904, Book: 6_493, Candle: 11}
    times = [one.at for one in events if isinstance(one, Book | Trade | Ticker)]
    assert times == sorted(times)
    closed = [one for one in events if isinstance(one, Candle)]
    known = read_candles(archive, closed[0].open_time, closed[-1].open_time)
    assert [one.kind for one in closed] == [Origin.REAL, *[Origin.DERIVED] * 10]
    assert [replace(one, kind=Origin.REAL, volume=Quantity(Decimal(0))) for one in closed] == [
        replace(one, volume=Quantity(Decimal(0))) for one in known
    ]
    assert [float(one.volume) for one in closed] == pytest.approx(
        [float(one.volume) for one in known], rel=1e-6
    )


def test_history_before_a_recording_is_complete_and_ends_at_its_start() -> None:
    path = shared("streams/spot_2024-08-08")
    recording = Recording(path, shared("klines/BTCUSDT-1m.parquet"))

    history = recording.history()

    assert Counter(one.timeframe for one in history) == dict.fromkeys(TIMEFRAMES, INGESTION)
    assert max(one.close_time for one in history) <= recording.start
    assert list(Recording(path).history()) == []


def test_recording_of_2026_shows_the_exchanges_own_books() -> None:
    recording = Recording(shared("streams/spot_2026-06-07"))

    kinds = Counter(map(type, recording.events()))

    assert kinds == {Book: 595, Trade: 2_889}
    assert recording.counts["btcusdt@depth@100ms"] == 595
