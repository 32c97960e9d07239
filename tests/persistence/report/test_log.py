from pathlib import Path

from domain.facts import Accounted, Decided, Decision, Fact, Mode, Signalled
from domain.signals import Direction
from domain.units import MINUTE, Nanos
from persistence.home import Home
from persistence.report.log import Log, read
from tests.builders import NOON, money
from tests.persistence.report.runs import log

EVER = (Nanos(0), Nanos(2**62))


def told(path: Path, *facts: Fact, mode: Mode = Mode.REPLAY) -> Log:
    log(Home(path), *facts, mode=mode)
    found = read(path / "log", None, *EVER)
    assert found is not None
    return found


def signalled(minute: int, way: Direction, confidence: float = 0.8) -> Fact:
    return Signalled(Nanos(NOON + minute * MINUTE), way, confidence, 2.5, 0.6)


def test_account_by_the_log_is_a_curve(tmp_path: Path) -> None:
    found = told(tmp_path, Accounted(NOON, money("9999.5"), money("10001.25"), 0.0)).worths

    assert (found.at.tolist(), found.balance.tolist()) == ([NOON], [9999.5])
    assert found.equity.tolist() == [10001.25]


def test_signal_keeps_its_way_and_a_flat_one_points_nowhere(tmp_path: Path) -> None:
    ways = (Direction.LONG, Direction.FLAT, Direction.SHORT)

    found = told(tmp_path, *(signalled(*x) for x in enumerate(ways))).signals

    assert found.at.tolist() == [NOON, NOON + 2 * MINUTE]
    assert found.sign.tolist() == [1, -1]
    assert found.expected_bps.tolist() == [2.5, 2.5]


def test_signal_of_which_nobody_knows_how_sure_it_was_is_left_out(tmp_path: Path) -> None:
    facts = signalled(0, Direction.LONG, float("nan")), signalled(1, Direction.LONG)

    assert told(tmp_path, *facts).signals.at.tolist() == [NOON + MINUTE]


def test_signal_is_sure_from_the_confidence_on_that_is_traded(tmp_path: Path) -> None:
    facts = (signalled(n, Direction.LONG, x) for n, x in enumerate((0.699999, 0.7)))

    assert told(tmp_path, *facts).signals.sure.tolist() == [False, True]


def test_markets_that_the_lines_name_are_known(tmp_path: Path) -> None:
    told(tmp_path, signalled(0, Direction.LONG))

    found = told(tmp_path, signalled(0, Direction.LONG), mode=Mode.DEMO)

    assert found.modes == {"REPLAY", "DEMO"}


def test_log_that_says_nothing_but_decisions_is_none(tmp_path: Path) -> None:
    log(Home(tmp_path), Decided(NOON, Decision.WAITING, "confidence"))

    assert read(tmp_path / "log", None, *EVER) is None
    assert read(tmp_path / "no log", None, *EVER) is None
