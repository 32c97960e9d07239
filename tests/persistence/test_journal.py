import json
import os
import stat
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given

from domain.facts import (
    EVENTS,
    Accounted,
    Baselined,
    Fact,
    Filled,
    Forecasted,
    Gap,
    Liquidity,
    Mode,
    Noted,
    Progress,
    Signalled,
    Starting,
)
from domain.horizons import Timeframe
from domain.market import Side
from domain.signals import Direction
from domain.units import DAY, Money, Nanos, Price, Quantity
from persistence.journal import WAITING_MAX, Journal, encode
from tests.strategies import facts

AT = Nanos(1_740_787_260_000_000_000)
"""2025-03-01T00:01:00Z."""


@pytest.mark.parametrize(
    ("fact", "line"),
    [
        (
            Filled(
                AT,
                "7",
                Side.BUY,
                Price(Decimal("43247.82")),
                Quantity(Decimal("0.00001")),
                Money(Decimal("1E-8")),
                Liquidity.TAKER,
                121.5,
                -0.25,
            ),
            (
                b'{"at":"2025-03-01T00:01:00.000Z","event":"fill","order":"7","side":"BUY",'
                b'"price":"43247.82","quantity":"0.00001","fee":"0.00000001","liquidity":"TAKER",'
                b'"latency_ms":121.5,"slippage_bps":-0.25}'
            ),
        ),
        (
            Forecasted(Nanos(AT + 5_999_999), 41.1234567, AT),
            (
                b'{"at":"2025-03-01T00:01:00.005Z","event":"forecast","took_ms":41.123457,'
                b'"closed_at":"2025-03-01T00:01:00.000Z"}'
            ),
        ),
        (
            Signalled(AT, Direction.LONG, 0.873, float("nan"), float("inf")),
            (
                b'{"at":"2025-03-01T00:01:00.000Z","event":"signal","direction":"LONG",'
                b'"confidence":0.873,"expected_bps":null,"probability":null,'
                b'"gain":0.0}'
            ),
        ),
        (
            Progress(AT, "candles", 7, 9, met=False, detail=""),
            (
                b'{"at":"2025-03-01T00:01:00.000Z","event":"progress","criterion":"candles",'
                b'"done":7,"total":9,"met":false,"detail":""}'
            ),
        ),
        (
            Gap(AT, Timeframe.M15, 3, 2),
            (
                b'{"at":"2025-03-01T00:01:00.000Z","event":"gap","timeframe":"15m","missing":3,'
                b'"repaired":2}'
            ),
        ),
        (
            Baselined(AT, (0.02, 0.021), ((1.0, 0.5), (0.5, 1.0)), 0.0123456789),
            (
                b'{"at":"2025-03-01T00:01:00.000Z","event":"baselines","volatility":[0.02,0.021],'
                b'"correlation":[[1.0,0.5],[0.5,1.0]],"spread_bps":0.012346}'
            ),
        ),
        (
            Accounted(AT, Money(Decimal(10000)), Money(Decimal("1E+4")), -1e-9),
            (
                b'{"at":"2025-03-01T00:01:00.000Z","event":"account","balance":"10000",'
                b'"equity":"10000","drawdown":0.0,"margin_ratio":0.0,"liquidation_price":"0"}'
            ),
        ),
    ],
)
def test_fact_becomes_exactly_these_bytes(fact: Fact, line: bytes) -> None:
    assert encode(fact) == line


def test_foreign_text_can_neither_break_a_line_nor_speak_to_the_terminal() -> None:
    text = 'a\n\r\x1b[2J\x00\x9b\u2028"\\ é \ud800'

    line = encode(Noted(AT, text))

    assert all(0x20 <= byte < 0x7F for byte in line)
    assert json.loads(line)["text"] == text


@given(facts)
def test_every_fact_is_one_json_object_in_the_order_of_its_fields(fact: Fact) -> None:
    told = json.loads(encode(fact))

    assert list(told) == ["at", "event", *list(type(fact).__dataclass_fields__)[1:]]
    assert told["event"] == EVENTS[type(fact)]


def test_line_goes_into_the_file_of_its_own_day(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "log")

    journal.append(Nanos(DAY - 1), b"late")
    journal.append(Nanos(DAY), b"early")
    journal.append(Nanos(DAY - 1), b"later")
    journal.flush()

    assert (tmp_path / "log" / "events-19700101.jsonl").read_bytes() == b"late\nlater\n"
    assert (tmp_path / "log" / "events-19700102.jsonl").read_bytes() == b"early\n"
    journal.close()


def test_only_the_owner_may_read_the_log(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "log")

    journal.append(AT, b"line")
    journal.close()

    file = tmp_path / "log" / "events-20250301.jsonl"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_second_run_appends_and_ends_the_line_that_a_killed_run_left_half_written(
    tmp_path: Path,
) -> None:
    file = tmp_path / "events-20250301.jsonl"
    file.write_bytes(b'whole\n{"at":"20')

    journal = Journal(tmp_path)
    journal.append(AT, b"line")
    journal.close()

    assert file.read_bytes() == b'whole\n{"at":"20\nline\n'


def test_journal_that_was_told_nothing_leaves_no_file(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "log")

    journal.flush()
    journal.close()
    journal.close()

    assert list(tmp_path.iterdir()) == []


def test_full_disk_is_said_once_and_the_lines_it_cost_are_counted(tmp_path: Path) -> None:
    (tmp_path / "events-20250301.jsonl").symlink_to("/dev/full")
    journal = Journal(tmp_path)
    journal.append(AT, b"one")

    with pytest.raises(OSError, match="No space left"):
        journal.flush()
    journal.append(AT, b"two")
    journal.flush()
    journal.close()

    assert journal.lost == 2


def test_lines_that_a_full_disk_cut_in_half_follow_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path)
    journal.append(AT, b"half")
    write = os.write
    room = [2, 0]

    def nearly_full(file: int, data: bytes) -> int:
        if room and room[0] == 0:
            raise OSError(28, "No space left on device")
        return write(file, data[: room.pop(0)] if room else data)

    monkeypatch.setattr(os, "write", nearly_full)
    with pytest.raises(OSError, match="No space left"):
        journal.flush()
    room.clear()
    journal.append(Nanos(AT + DAY), b"next day")
    journal.close()

    assert (tmp_path / "events-20250301.jsonl").read_bytes() == b"half\n"
    assert (tmp_path / "events-20250302.jsonl").read_bytes() == b"next day\n"
    assert journal.lost == 0


def test_no_more_than_the_limit_waits_in_memory(tmp_path: Path) -> None:
    journal = Journal(tmp_path)

    for _ in range(3):
        journal.append(AT, b"x" * (WAITING_MAX // 2 - 1))
    journal.close()

    assert journal.lost == 1
    assert (tmp_path / "events-20250301.jsonl").stat().st_size == WAITING_MAX


def test_mode_stands_in_every_record_and_never_twice() -> None:
    note = encode(Noted(AT, "hello"), Mode.DEMO)
    starting = encode(Starting(AT, Mode.DEMO, "3.0.0", "real"), Mode.DEMO)

    assert note.endswith(b'"text":"hello","mode":"DEMO"}')
    assert starting.count(b"mode") == 1
