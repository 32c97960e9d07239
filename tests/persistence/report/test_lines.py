from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import StoreBusy
from domain.facts import BadMessage, Fact, Mode, OrderRefused, Starting, Stopped
from domain.units import DAY, HOUR, MINUTE, SECOND, Nanos
from persistence.home import Home
from persistence.report.lines import Line, Part, Refusal, Start, parts
from tests.builders import NOON
from tests.persistence.report.runs import log

EPOCH, EVER = Nanos(0), Nanos(2**62)


def refused(at: int, code: str = "STALE_BOOK") -> Fact:
    return OrderRefused(Nanos(at), "E1", code, "because")


def start(at: int, mode: Mode = Mode.REPLAY) -> Fact:
    return Starting(Nanos(at), mode, "3.0.0", "real")


def whole(folder: Path, mode: Mode | None, first: Nanos = EPOCH, last: Nanos = EVER) -> Part:
    """All parts as one."""
    found = list(parts(folder, mode, first, last))
    lines = [line for part in found for line in part.lines]
    return Part(tuple(lines), sum(part.broken for part in found))


def codes(folder: Path, mode: Mode | None = Mode.REPLAY) -> list[str]:
    found = whole(folder / "log", mode)
    return [x.code for x in found.lines if isinstance(x, Refusal)]


def test_lines_of_another_market_and_of_another_time_are_left_out(tmp_path: Path) -> None:
    home = Home(tmp_path)
    log(home, refused(NOON - 1 * SECOND, "before"), refused(NOON), refused(NOON + DAY, "after"))
    log(home, refused(NOON + 1 * SECOND, "live"), mode=Mode.LIVE)

    found = whole(home.log, Mode.REPLAY, NOON, Nanos(NOON + HOUR))

    assert [line.time for line in found.lines] == [NOON]


def test_replay_that_is_run_again_takes_the_place_of_the_first(tmp_path: Path) -> None:
    for code in ("first", "second"):
        log(
            Home(tmp_path),
            *(start(NOON), refused(NOON + 1 * HOUR, code), refused(NOON + DAY, code)),
            *(refused(NOON + DAY + MINUTE, code), Stopped(Nanos(NOON + DAY + HOUR), 1.0)),
        )

    assert codes(tmp_path) == ["second"] * 3


def test_run_that_goes_on_later_leaves_what_was_before_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    log(home, start(NOON), refused(NOON, "kept"), refused(NOON + 2 * HOUR, "lived again"))
    log(home, start(NOON + HOUR), refused(NOON + 2 * HOUR, "second"))

    assert codes(tmp_path) == ["kept", "second"]


def test_other_market_takes_nothing_away(tmp_path: Path) -> None:
    home = Home(tmp_path)
    log(home, start(NOON), refused(NOON + HOUR, "replayed"))
    log(home, start(NOON, Mode.DEMO), refused(NOON + HOUR, "made up"), mode=Mode.DEMO)

    assert codes(tmp_path) == ["replayed"]
    assert codes(tmp_path, Mode.DEMO) == ["made up"]


def test_line_without_a_mode_has_that_of_its_run(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "events-20250301.jsonl").write_text(
        '{"at":"2025-03-01T12:00:00.000Z","event":"starting","mode":"DEMO","version":"1"}\n'
        '{"at":"2025-03-01T12:00:01.000Z","event":"refused","code":"OLD","reason":"x"}\n'
    )

    assert codes(tmp_path, Mode.DEMO) == ["OLD"]
    assert codes(tmp_path, Mode.LIVE) == []


def test_half_written_line_is_counted_and_passed_over(tmp_path: Path) -> None:
    home = Home(tmp_path)
    log(home, refused(NOON))
    file = next(home.log.iterdir())
    file.write_bytes(file.read_bytes() + b'{"at":"2025-03-01T12:0\n\n{"event":"refused"}\n')

    found = whole(home.log, Mode.REPLAY)

    assert (len(found.lines), found.broken) == (1, 2)


@settings(max_examples=50)
@given(st.lists(st.binary(max_size=60), max_size=5))
def test_no_bytes_in_the_log_stop_a_report(
    tmp_path_factory: pytest.TempPathFactory, garbage: list[bytes]
) -> None:
    folder = tmp_path_factory.mktemp("log")
    (folder / "events-20250301.jsonl").write_bytes(b"\n".join(garbage))

    found = whole(folder, None)

    assert all(isinstance(line, Line) for line in found.lines)


def test_lines_that_tell_a_report_nothing_are_not_kept(tmp_path: Path) -> None:
    home = Home(tmp_path)
    log(home, start(NOON), BadMessage(NOON, "trade", "no JSON"))

    found = whole(home.log, None)

    assert [type(line) for line in found.lines] == [Start]


def test_folder_without_a_log_has_no_part(tmp_path: Path) -> None:
    assert list(parts(tmp_path / "log", None, NOON, EVER)) == []


def test_each_day_is_a_part_of_its_own(tmp_path: Path) -> None:
    home = Home(tmp_path)
    log(home, start(NOON), refused(NOON, "A"), refused(NOON + DAY, "B"))

    found = list(parts(home.log, None, NOON, EVER))

    assert [len(part.lines) for part in found] == [2, 1]


def test_log_that_cannot_be_read_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "events-20250301.jsonl").mkdir()

    with pytest.raises(StoreBusy, match=r"events-20250301\.jsonl"):
        list(parts(tmp_path, None, NOON, EVER))
