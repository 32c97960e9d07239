"""What comes from the exchange, or from files of what once came from it."""

import csv
import gzip
import io
import json
import math
import zipfile
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from actors.feed import bodies
from actors.feed.archive import read_candles, span
from actors.feed.frames import frames, recording_files
from actors.feed.framing import Framing, Heard
from actors.feed.protocol import Decoded, OpenCandle, decode, read
from actors.feed.recording import Recording
from actors.feed.restraint import Restraint
from actors.feed.wire import BadFrame
from domain.candles import wrong
from domain.errors import FeedLost, SettingsInvalid
from domain.facts import BadMessage
from domain.horizons import Timeframe
from domain.market import Book, Candle, Trade, valid
from domain.units import Nanos
from persistence.journal import encode
from tests.fuzz.target import Target, chosen, told_in_one_line

NOON_MS = 1_760_097_600_000
ARRIVED = Nanos(NOON_MS * 1_000_000)
EVENTS_MAX = 2_000
"""Events of one file that are looked at."""

STREAMS = (
    "",
    *("depth5@100ms", "depth@100ms", "trade", "aggTrade", "ticker", "bookTicker", "markPrice@1s"),
    *("kline_1m", "kline_1h", "nothing", "x" * 300),
)

LEVELS = [["60000.01", "1.5"], ["60000.00", "0.2"]]
DATA: dict[str, dict[str, Any]] = {
    "depth5@100ms": {"lastUpdateId": 7, "bids": LEVELS, "asks": [["60000.02", "3"]]},
    "depth@100ms": {
        "e": "depthUpdate",
        "E": NOON_MS,
        "s": "BTCUSDT",
        "U": 1,
        "u": 2,
        "pu": 0,
        "b": LEVELS,
        "a": [["60000.02", "0"]],
    },
    "trade": {
        "e": "trade",
        "E": NOON_MS,
        "s": "BTCUSDT",
        "t": 5,
        "p": "60000.01",
        "q": "0.5",
        "T": NOON_MS,
        "m": True,
    },
    "aggTrade": {"e": "aggTrade", "E": NOON_MS, "p": "60000.01", "q": "0.5", "T": NOON_MS},
    "ticker": {"e": "24hrTicker", "E": NOON_MS, "s": "BTCUSDT", "c": "60000.01", "P": "-1.25"},
    "bookTicker": {"u": 5, "s": "BTCUSDT", "b": "1.0", "B": "2", "a": "1.1", "A": "3"},
    "markPrice@1s": {
        "e": "markPriceUpdate",
        "E": NOON_MS,
        "p": "60000.1",
        "r": "-0.0001",
        "T": NOON_MS,
    },
    "kline_1m": {
        "e": "kline",
        "E": NOON_MS,
        "s": "BTCUSDT",
        "k": {
            "t": NOON_MS,
            "T": NOON_MS + 59_999,
            "s": "BTCUSDT",
            "i": "1m",
            "o": "1",
            "c": "2",
            "h": "3",
            "l": "0.5",
            "v": "10",
            "n": 4,
            "x": True,
            "q": "20",
        },
    },
    "": {"e": "serverShutdown", "E": NOON_MS},
}

ROWS = [
    [NOON_MS + n * 60_000, "1.0", "3", "0.5", "2", "10", 0, "0", 1, "0", "0", "0"] for n in (0, 1)
]
FILTERS = [
    {"filterType": "PRICE_FILTER", "tickSize": "0.01"},
    {"filterType": "LOT_SIZE", "stepSize": "0.00001"},
    {"filterType": "NOTIONAL", "minNotional": "5"},
    {
        "filterType": "PERCENT_PRICE_BY_SIDE",
        "bidMultiplierUp": "5",
        "askMultiplierUp": "5",
        "bidMultiplierDown": "0.2",
        "askMultiplierDown": "0.2",
    },
]
BODIES: tuple[tuple[Callable[[bytes], object], Any], ...] = (
    (lambda body: bodies.read_klines(body, Timeframe.M1), ROWS),
    (
        bodies.read_trades,
        [{"id": 1, "price": "1.5", "qty": "2", "time": NOON_MS, "isBuyerMaker": True}],
    ),
    (bodies.read_time, {"serverTime": NOON_MS}),
    (
        lambda body: bodies.read_instrument(body, "BTCUSDT"),
        {"symbols": [{"symbol": "BTCUSDT", "filters": FILTERS}]},
    ),
    (
        bodies.read_mark_price,
        {
            "markPrice": "1.5",
            "lastFundingRate": "0.0001",
            "time": NOON_MS,
            "nextFundingTime": NOON_MS,
        },
    ),
)


def check_stream(data: bytes, _folder: Path) -> None:
    """A frame of a combined stream, or what came on a stream of a known name."""
    way, frame = chosen(data, len(STREAMS) + 1)
    try:
        if way == len(STREAMS):
            decoded = decode(frame, ARRIVED)
        else:
            name = f"btcusdt@{STREAMS[way]}" if STREAMS[way] else ""
            decoded = read(name, frame, ARRIVED)
    except BadFrame as error:
        line = encode(BadMessage(ARRIVED, error.stream, error.reason))
        assert len(line) < 12_000
        return
    _believable(decoded)


def _believable(decoded: Decoded) -> None:
    match decoded:
        case Book():
            assert valid(decoded)
        case Trade():
            assert decoded.price > 0 < decoded.quantity
        case Candle():
            assert wrong(decoded) is None
        case OpenCandle():
            assert wrong(decoded.candle) is None
        case _:
            assert "NaN" not in repr(decoded)


def check_bodies(data: bytes, _folder: Path) -> None:
    """The body of an answer of the REST API, of success or of failure."""
    way, body = chosen(data, len(BODIES) + 1)
    if way < len(BODIES):
        try:
            assert BODIES[way][0](body) is not None
        except BadFrame as error:
            told_in_one_line(error)
        return
    said = bodies.read_failure(body)
    assert len(said) < 300
    quiet = Restraint().obey(418, {"Date": "Mon, 02 Mar 2026 00:00:00 GMT"}, body, 0.0)
    assert math.isfinite(quiet)


def check_framing(data: bytes, _folder: Path) -> None:
    """A WebSocket's bytes, in pieces: what is heard does not hang on where they were cut."""
    size, wire = (data[0] or 1, data[1:]) if data else (1, b"")
    whole = _heard([wire])
    parts = _heard(wire[at : at + size] for at in range(0, len(wire), size))

    if whole is not None and parts is not None:
        assert (whole.messages, whole.controls) == (parts.messages, parts.controls)
    else:
        assert whole is parts is None


def _heard(parts: Iterable[bytes]) -> Heard | None:
    """All that was heard; None where the connection was given up."""
    framing, together = Framing(), Heard()
    try:
        for part in parts:
            heard = framing.feed(part)
            together.messages += heard.messages
            together.controls += heard.controls
            together.oversized += heard.oversized
    except FeedLost:
        return None
    return together


def check_archive(data: bytes, folder: Path) -> None:
    """A file of candles: csv, csv in a zip, anything called zip, parquet."""
    way, content = chosen(data, 4)
    path = folder / ("x.csv", "x.zip", "x.zip", "x.parquet")[way]
    path.write_bytes(_zipped(content) if way == 1 else content)
    try:
        first, last = span(path)
        candles = read_candles(path, Nanos(0), Nanos(2**62))
    except SettingsInvalid as error:
        told_in_one_line(error)
        return
    if not candles:
        return  # statistics of a row group that lie are believed: it is a hole then
    assert {first, last} >= {candles[0].open_time, candles[-1].open_time}
    assert not any(map(wrong, candles))


def check_recording(data: bytes, folder: Path) -> None:
    """A file of recorded frames: lines in gzip, rows in gzip, anything called gz."""
    way, content = chosen(data, 3)
    path = folder / ("x.gz", "x.csv.gz", "x.gz")[way]
    path.write_bytes(content if way == 2 else gzip.compress(content, 1, mtime=0))
    try:
        events = list(islice(Recording(path).events(), EVENTS_MAX))
        taken = list(islice(frames(recording_files(path)), EVENTS_MAX))
    except SettingsInvalid as error:
        told_in_one_line(error)
        return
    assert taken
    assert not any(wrong(event) for event in events if isinstance(event, Candle))
    assert all(valid(event) for event in events if isinstance(event, Book))


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def stream_seeds() -> list[bytes]:
    """A frame of each kind, bare and wrapped."""
    wrapped = [
        bytes([len(STREAMS)]) + _json({"stream": f"btcusdt@{name}", "data": data})
        for name, data in DATA.items()
    ]
    return wrapped + [bytes([STREAMS.index(name)]) + _json(DATA[name]) for name in DATA]


def body_seeds() -> list[bytes]:
    """A body of each kind."""
    failures = [
        {"code": -1003, "msg": "IP banned until 1772409600000"},
        {"code": -1121, "msg": "x"},
    ]
    good = [bytes([way]) + _json(example) for way, (_, example) in enumerate(BODIES)]
    return good + [bytes([len(BODIES)]) + _json(failure) for failure in failures]


def framing_seeds() -> list[bytes]:
    """Text, whole and in pieces, a ping, a pong, a farewell, and a message that is too long."""
    text = b"\x81\x05hello"
    long = b"\x81\x7e\x01\x00" + b"x" * 256
    pieces = b"\x01\x02he\x80\x03llo"
    return [
        b"\x03" + text + b"\x89\x00\x8a\x02ok" + pieces,
        b"\x40" + long + text,
        b"\x05" + b"\x81\x7f" + (1 << 21).to_bytes(8, "big") + b"y" * 100,
        b"\x01\x88\x02\x03\xe8",
    ]


def archive_seeds() -> list[bytes]:
    """Three minutes in each form."""
    rows = [[str(cell) for cell in row] for row in ROWS]
    plain = "".join(",".join(row) + "\n" for row in rows).encode()
    head = b"open_time,open,high,low,close,volume,a,b,c,d,e,f\n"
    table = pa.table(
        {
            "open_time": pa.array([NOON_MS, NOON_MS + 60_000]),
            **{name: pa.array([100, 120]) for name in ("open", "high", "low", "close")},
            "volume": pa.array([1.0, 2.0], pa.float32()),
        }
    ).replace_schema_metadata({b"price_scale": b"100"})
    file = io.BytesIO()
    pq.write_table(table, file)
    return [
        b"\x00" + plain,
        b"\x00" + head + plain.replace(b"000,", b"000000,", 1),
        b"\x01" + head + plain,
        b"\x02" + _zipped(plain),
        b"\x03" + file.getvalue(),
    ]


def _zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.csv", content)
    return file.getvalue()


def recording_seeds() -> list[bytes]:
    """A book, a trade and a diff, in each form."""
    frame = {
        name: _json({"stream": f"btcusdt@{name}", "data": data}) for name, data in DATA.items()
    }
    lines = b"".join(
        b"%d %b\n" % (ARRIVED + n * 10**9, frame[name])
        for n, name in enumerate(("depth5@100ms", "trade", "kline_1m", "ticker", "depth@100ms"))
    )
    rows = io.StringIO()
    write = csv.writer(rows).writerow
    write(("recv_tsec", "recv_tnsec", "symbol", "stream_kind", "payload_json"))
    for kind, name in (("depth5", "depth5@100ms"), ("trade", "trade")):
        write((NOON_MS // 1000, 5, "BTCUSDT", kind, _json(DATA[name]).decode()))
    return [
        b"\x00" + lines,
        b"\x01" + rows.getvalue().encode(),
        b"\x02" + gzip.compress(lines, mtime=0),
    ]


FEED = (
    Target("stream", check_stream, stream_seeds, head=1),
    Target("bodies", check_bodies, body_seeds, head=1),
    Target("framing", check_framing, framing_seeds),
    Target("archive", check_archive, archive_seeds),
    Target("recording", check_recording, recording_seeds),
)
