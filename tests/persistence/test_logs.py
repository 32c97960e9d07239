"""The folder of logs: bounded, in order, and safe to show."""

import logging
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from domain.facts import Decided, Decision, Fact, Mode, OrderRefused, Starting
from domain.units import DAY, SECOND, Nanos
from persistence.journal import WAITING_MAX, Journal, encode
from persistence.logs import (
    COMPLAINTS_MAX,
    CRASHES_MAX,
    EVENTS_MAX,
    LOGS_MAX,
    PIECE_MAX,
    THIN,
    Complaints,
    day_of,
    pieces,
    shortened,
    thinned,
)
from persistence.report.files import reported
from persistence.report.lines import Refusal, Start, Wait, parts
from persistence.report.page import warnings
from persistence.report.source import of_home
from tests.builders import NOON
from tests.persistence.report.runs import a_home, facts, log

LINE = b"x" * 999
KILOBYTES = 1000
"""Lines of a thousand bytes, their breaks included, that are flushed at once."""


def write(journal: Journal, at: int, thousands: int) -> None:
    """So many times a thousand bytes of lines, flushed now and then as a trader does."""
    for number in range(thousands):
        journal.append(Nanos(at), LINE)
        if number % KILOBYTES == KILOBYTES - 1:
            journal.flush()
    journal.flush()


def total(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def test_all_bounds_together_are_within_what_the_folder_may_take() -> None:
    dying = 64_000  # what some processes leave that died of one thing again and again

    assert EVENTS_MAX + 2 * COMPLAINTS_MAX + CRASHES_MAX + dying < LOGS_MAX


def test_one_busy_day_is_bounded_and_its_newest_lines_stay(tmp_path: Path) -> None:
    journal, most = Journal(tmp_path, most=30_000_000), 0

    for _ in range(60):
        write(journal, NOON, 1000)
        most = max(most, total(tmp_path))
    journal.append(NOON, b"the last")
    journal.close()

    found = pieces(tmp_path)
    assert 20_000_000 < most <= 30_000_000
    assert journal.lost == 0
    assert found[-1].read_bytes().endswith(b"the last\n")
    assert all(path.stat().st_size <= PIECE_MAX + WAITING_MAX for path in found)
    assert {day_of(path) for path in found} == {"20250301"}


def test_many_days_are_bounded_and_the_oldest_go_first(tmp_path: Path) -> None:
    journal = Journal(tmp_path, most=20_000_000)

    for day in range(10):
        write(journal, NOON + day * DAY, 3000)
    journal.close()

    assert total(tmp_path) <= 20_000_000
    days = [day_of(path) for path in pieces(tmp_path)]
    assert days == sorted(days)
    assert days[-1] == "20250310"
    assert "20250301" not in days


def test_what_a_replay_of_older_days_writes_is_the_newest(tmp_path: Path) -> None:
    live = Journal(tmp_path, most=20_000_000)
    for day in range(4):
        write(live, NOON + day * DAY, 3000)
    live.close()

    replay = Journal(tmp_path, most=20_000_000)
    for day in range(3):
        write(replay, NOON - 900 * DAY + day * DAY, 3000)
    replay.close()

    assert total(tmp_path) <= 20_000_000
    assert len([path for path in pieces(tmp_path) if day_of(path) < "2025"]) == 3


def test_what_happened_outlives_what_is_told_each_minute(tmp_path: Path) -> None:
    journal = Journal(tmp_path, most=25_000_000)
    for day in range(12):
        at = Nanos(NOON + day * DAY)
        facts_of_the_day: list[Fact] = [
            Starting(at, Mode.REPLAY, "3.0.0", "modelled"),
            OrderRefused(at, f"E{day}", "C", "because"),
        ]
        for fact in facts_of_the_day:
            journal.append(at, encode(fact, Mode.REPLAY))
        for number in range(2000):
            decided = Decided(at, Decision.WAITING, f"{number} " + "x" * 1200)
            journal.append(at, encode(decided, Mode.REPLAY))
            journal.flush()
    journal.close()

    days = list(parts(tmp_path, Mode.REPLAY, NOON, Nanos(NOON + 20 * DAY)))

    assert total(tmp_path) <= 25_000_000
    assert [len([x for x in day.lines if isinstance(x, Start)]) for day in days] == [1] * 12
    assert [len([x for x in day.lines if isinstance(x, Refusal)]) for day in days] == [1] * 12
    waits = [len([x for x in day.lines if isinstance(x, Wait)]) for day in days]
    assert set(waits) == {0, 2000}
    assert waits == sorted(waits)
    assert thinned(tmp_path) == f"202503{waits.count(0):02d}"
    assert {path.stat().st_mode & 0o777 for path in pieces(tmp_path)} == {0o600}


def test_a_day_that_was_thinned_gets_its_next_lines_in_another_file(tmp_path: Path) -> None:
    journal = Journal(tmp_path, most=20_000_000)
    for day in range(8):
        line = encode(Decided(Nanos(NOON), Decision.WAITING, "x" * 900), Mode.REPLAY)
        for number in range(3000):
            journal.append(Nanos(NOON + day * DAY), line)
            if number % 1000 == 0:
                journal.flush()
        journal.flush()
    journal.append(NOON, b"late")
    journal.close()

    assert [path.name for path in pieces(tmp_path, "20250301")] == [
        "events-20250301.thin.jsonl",
        "events-20250301_002.jsonl",
    ]


def test_next_run_goes_on_in_the_newest_file_of_the_day(tmp_path: Path) -> None:
    first = Journal(tmp_path)
    write(first, NOON, 8000)
    first.append(NOON, b"begins another")
    first.close()
    second = Journal(tmp_path)
    second.append(NOON, b"goes on")
    second.close()

    assert [path.name for path in pieces(tmp_path)] == [
        "events-20250301.jsonl",
        "events-20250301_002.jsonl",
    ]
    assert pieces(tmp_path)[1].read_bytes() == b"begins another\ngoes on\n"


def test_lines_are_read_in_the_order_in_which_they_were_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("persistence.journal.PIECE_MAX", 200)
    monkeypatch.setattr("persistence.logs.PIECE_MAX", 200)
    journal = Journal(tmp_path)
    for number in range(30):
        fact = OrderRefused(Nanos(NOON + number * SECOND), "E1", f"C{number}", "because")
        journal.append(fact.at, encode(fact, Mode.DEMO))
        journal.flush()
    journal.append(NOON, encode(Starting(Nanos(NOON + 20 * SECOND), Mode.DEMO, "3.0.0", "real")))
    journal.close()

    (day,) = parts(tmp_path, Mode.DEMO, NOON, Nanos(NOON + DAY))

    # The run that began later has lived the last ten seconds again, whichever file they are in.
    assert len(pieces(tmp_path)) > 5
    assert [getattr(line, "code", "") for line in day.lines] == [
        *(f"C{number}" for number in range(20)),
        "",
    ]


def test_a_file_that_is_removed_while_it_is_read_is_no_error(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for day in range(2):
        fact = OrderRefused(Nanos(NOON + day * DAY), "E1", "C", "because")
        journal.append(fact.at, encode(fact, Mode.DEMO))
    journal.close()
    reader = parts(tmp_path, Mode.DEMO, NOON, Nanos(NOON + DAY))

    one = next(reader)
    pieces(tmp_path)[1].unlink()

    assert len(one.lines) == 1
    assert [part.lines for part in reader] == [()]


@pytest.fixture
def logger(tmp_path: Path) -> Iterator[logging.Logger]:
    handler = Complaints(tmp_path)
    logger = logging.getLogger("a.library")
    logger.addHandler(handler)
    logger.propagate = False
    yield logger
    logger.removeHandler(handler)
    handler.close()


def test_complaints_are_bounded(tmp_path: Path, logger: logging.Logger) -> None:
    for number in range(6000):
        logger.warning("%d %s", number, "x" * 1000)

    assert total(tmp_path) <= 2 * COMPLAINTS_MAX
    assert "5999 x" in (tmp_path / "plasmatrader.log").read_text()


def test_what_a_library_quotes_can_neither_forge_a_record_nor_speak_to_the_terminal(
    tmp_path: Path, logger: logging.Logger
) -> None:
    evil = "x\n2026-01-01 00:00:00.000Z WARNING bank: forged\r\x1b[2J\x9b\u202e\u2028y"

    logger.warning("the exchange said %s", evil)
    logger.error("and again", exc_info=ValueError(evil))

    lines = (tmp_path / "plasmatrader.log").read_text(encoding="utf-8").split("\n")[:-1]
    records = [line for line in lines if not line.startswith("    ")]
    assert all(line.isprintable() for line in lines)
    assert len(records) == 2
    stamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z (WARNING|ERROR) a\.library: "
    assert all(re.match(stamp, record) for record in records)


def test_what_processes_died_of_is_cut_at_its_beginning(tmp_path: Path) -> None:
    file = tmp_path / "crashes.log"
    shortened(file)
    file.write_bytes(b"short\n")
    shortened(file)
    assert file.read_bytes() == b"short\n"

    file.write_bytes(b"old\n" * CRASHES_MAX + b"new\n")
    shortened(file)

    assert file.stat().st_size <= CRASHES_MAX // 2
    assert file.read_bytes().startswith(b"old\n")
    assert file.read_bytes().endswith(b"old\nnew\n")


def test_files_begun_later_are_private_too(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        journal = Journal(tmp_path / "log")
        write(journal, NOON, 9000)
        journal.append(NOON, b"next")
        journal.close()
    finally:
        os.umask(before)

    assert {path.stat().st_mode & 0o777 for path in pieces(tmp_path / "log")} == {0o600}


def test_report_on_a_log_that_has_lost_its_beginning_says_so(tmp_path: Path) -> None:
    log(a_home(tmp_path, "101"), *facts("101"))
    source = of_home(tmp_path)
    assert source.log is not None
    late = replace(source.log.operations, since=Nanos(NOON + DAY))
    cut = replace(source, log=replace(source.log, operations=late))

    assert "log" not in " ".join(warnings(reported(source)))
    assert "The log begins at 2025-03-02 12:00" in " ".join(warnings(reported(cut)))


def test_report_on_a_log_that_was_thinned_says_so(tmp_path: Path) -> None:
    log(a_home(tmp_path, "101"), *facts("101"))
    for path in pieces(tmp_path / "log"):
        path.rename(path.with_name(path.name.removesuffix(".jsonl") + THIN))

    told = " ".join(warnings(reported(of_home(tmp_path))))

    assert "Of the log up to 2025-03-01 only what happened is left" in told
