"""Files made to hurt who reads them: kilobytes that unpack to gigabytes, and years of holes."""

import gzip
import io
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.feed.archive import read_candles, span
from actors.feed.frames import LINE_MAX, Damage, frames, recording_files
from actors.feed.minutes import HOLE_MAX
from actors.messages import Rejected
from domain.errors import SettingsInvalid
from domain.market import Candle
from domain.units import HOUR, MILLISECOND, MINUTE, Nanos
from tests.actors.feed.test_recording import NOON, a_book, a_kline, a_recording, a_trade

END_OF_TIME = Nanos(2**62)
BIG = 64 << 20
"""What the files here unpack to [bytes]."""

MEMORY_MAX = BIG // 2
"""Who keeps this much of it in memory has unpacked it."""


def peak(work: Callable[[], object]) -> int:
    """Most memory that was held at once [bytes]."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["x.gz", "x.csv.gz"])
def test_a_line_without_end_is_not_read_to_its_end(tmp_path: Path, name: str) -> None:
    with gzip.open(tmp_path / name, "wb", 1) as file:
        for _ in range(BIG >> 20):
            file.write(b"9" * (1 << 20))
    assert (tmp_path / name).stat().st_size < 1 << 20

    def read() -> None:
        with pytest.raises(SettingsInvalid, match=f"a line of more than {LINE_MAX} bytes"):
            recording_files(tmp_path)

    assert peak(read) < MEMORY_MAX


def test_what_came_before_a_line_without_end_is_read(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "x.gz", "wb", 1) as file:
        file.write(a_trade(10, 1) + b"1 " + b"x" * LINE_MAX + b"\n")

    first, last = frames([tmp_path / "x.gz"])

    assert not isinstance(first, Damage)
    assert isinstance(last, Damage)


def test_a_zip_that_holds_more_than_it_may_is_not_unpacked_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.feed.archive._SIZE_MAX", 1 << 20)
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("x.csv", bytes(BIG))
    assert (tmp_path / "x.zip").stat().st_size < 1 << 20

    def read() -> None:
        with pytest.raises(SettingsInvalid, match="unpacks to more than"):
            span(tmp_path / "x.zip")

    assert peak(read) < MEMORY_MAX


@pytest.mark.parametrize(
    "name", ["../x.csv", "/etc/x.csv", "a/../../x.csv", "x.csv\x1b[2J", "a\\x.csv"]
)
def test_a_zip_cannot_reach_outside_nor_speak_to_the_terminal(tmp_path: Path, name: str) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, "1,1,1,1,1,1,1,1,1,1,1,1\n")
    (tmp_path / "x.zip").write_bytes(packed.getvalue())

    with pytest.raises(SettingsInvalid, match=r"one \.csv in it") as refused:
        read_candles(tmp_path / "x.zip", Nanos(0), END_OF_TIME)

    assert str(refused.value).isprintable()
    assert [file.name for file in tmp_path.iterdir()] == ["x.zip"]


def test_a_parquet_of_one_candle_repeated_is_refused_before_it_is_made_candles(
    tmp_path: Path,
) -> None:
    rows = 1_000_000
    prices = {name: pa.array([100] * rows) for name in ("open", "high", "low", "close")}
    volumes = {"volume": pa.array([1.0] * rows, pa.float32())}
    table = pa.table({"open_time": pa.array([NOON] * rows), **prices, **volumes})
    table = table.replace_schema_metadata({b"price_scale": b"100"})
    pq.write_table(table, tmp_path / "x.parquet", compression="zstd")
    assert (tmp_path / "x.parquet").stat().st_size < 1 << 18

    def read() -> None:
        with pytest.raises(SettingsInvalid, match="not in order of time"):
            read_candles(tmp_path / "x.parquet", Nanos(0), END_OF_TIME)

    assert peak(read) < 40 * rows


@pytest.mark.parametrize("opens", [99_999_999_999_999, -1])
def test_a_candle_of_another_age_is_refused(tmp_path: Path, opens: int) -> None:
    (tmp_path / "x.csv").write_text(f"{opens},1,1,1,1,1,1,1,1,1,1,1\n")

    with pytest.raises(SettingsInvalid, match="between 1970 and 2100"):
        span(tmp_path / "x.csv")


@pytest.mark.parametrize("arrived", ["9" * 5000, "9" * 19, "-1"])
def test_a_frame_that_arrived_at_no_time_is_told_and_left_out(tmp_path: Path, arrived: str) -> None:
    wrong = f"{arrived} {{}}\n".encode()

    recording = a_recording(tmp_path, a_trade(10, 1), wrong, a_trade(20, 2))

    told = [event for event in recording.events() if isinstance(event, Rejected)]
    assert [event.reason for event in told] == ["line 2 is not an arrival time and a frame"]


def test_a_candle_dated_after_its_arrival_is_refused(tmp_path: Path) -> None:
    recording = a_recording(
        tmp_path, a_book(0), a_kline(60_100, 0, closed=True), a_kline(60_200, 10**7, closed=True)
    )

    events = list(recording.events())

    assert [event.open_time for event in events if isinstance(event, Candle)] == [
        NOON * MILLISECOND
    ]
    assert [event.stream for event in events if isinstance(event, Rejected)] == ["btcusdt@kline_1m"]


def test_of_a_hole_of_decades_only_the_end_is_gone_through(tmp_path: Path) -> None:
    decades = 40 * 365 * 24 * HOUR // MILLISECOND
    recording = a_recording(
        tmp_path, *(a_trade(at, n) for n, at in enumerate((10, 60_010, decades, decades + 70_000)))
    )
    asked = list[Nanos]()

    candles = [event for event in recording.events() if isinstance(event, Candle)]
    recording._archived = asked.append  # type: ignore[method-assign,assignment]
    list(recording.events())

    assert len(candles) < 5
    assert len(asked) <= HOLE_MAX // MINUTE + 5
