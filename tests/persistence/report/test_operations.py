from pathlib import Path

import pytest

from domain.facts import (
    ActorRestarted,
    Decided,
    Decision,
    Fact,
    FeedDown,
    FeedUp,
    Filled,
    Halted,
    Liquidity,
    Mode,
    OrderRefused,
    Starting,
    Stopped,
)
from domain.market import Side
from domain.units import HOUR, MINUTE, Nanos
from persistence.home import Home
from persistence.report.log import read
from persistence.report.operations import Course, Operations
from tests.builders import NOON, money, price, quantity
from tests.persistence.report.runs import log


def told(path: Path, *facts: Fact) -> Operations:
    log(Home(path), *facts)
    found = read(path / "log", Mode.REPLAY, Nanos(0), Nanos(2**62))
    assert found is not None
    return found.operations


def start(hours: float) -> Fact:
    return Starting(at(hours), Mode.REPLAY, "3.0.0", "real")


def at(hours: float) -> Nanos:
    return Nanos(NOON + round(hours * HOUR))


def refused(code: str) -> Fact:
    return OrderRefused(at(1), "E1", code, "because")


def test_time_between_a_crash_and_the_next_start_is_no_uptime(tmp_path: Path) -> None:
    found = told(
        tmp_path, start(0), Halted(at(1), "a person said so"), start(3), Stopped(at(4), 0.1)
    )

    assert (found.runs, found.crashes) == (2, 1)
    assert found.up_seconds == 2 * 3600
    assert found.uptime == 0.5
    assert found.halts == ("a person said so",)


def test_run_that_stopped_in_order_is_no_crash(tmp_path: Path) -> None:
    assert told(tmp_path, start(0), Stopped(at(1), 0.1), start(2)).crashes == 0


def test_feed_is_down_until_it_is_back_or_the_program_starts_anew(tmp_path: Path) -> None:
    down, back = FeedDown(at(1), "silent"), FeedUp(Nanos(at(1) + MINUTE), 60.0)

    found = told(
        *(tmp_path, start(0), down, FeedDown(at(1), "closed"), back),
        *(FeedDown(at(2), "silent"), start(3), FeedDown(at(4), "silent"), Stopped(at(4.5), 0.1)),
    )

    assert found.feed_losses == 4
    assert found.feed_down_seconds == pytest.approx(60 + 3600 + 1800)


def test_refusals_and_restarts_are_counted_the_most_frequent_first(tmp_path: Path) -> None:
    death = ActorRestarted(at(1), "feed", "FeedLost", 0.1)

    found = told(tmp_path, start(0), refused("A"), refused("B"), refused("B"), death, death)

    assert list(found.refusals.items()) == [(("B", "because"), 2), (("A", "because"), 1)]
    assert found.restarts == {"feed": 2}


def test_reasons_to_wait_that_differ_in_figures_are_one(tmp_path: Path) -> None:
    reasons = [f"confidence {x}% is below 70 %" for x in ("55.1", "63")]
    hold = Decided(at(0), Decision.POSITION_HOLD, "stop 1")

    waits = [Decided(at(0), Decision.WAITING, reason) for reason in reasons]

    found = told(tmp_path, start(0), *waits, hold)

    assert list(found.waits.values()) == [2]


def test_latency_is_told_by_its_middle_and_its_worst(tmp_path: Path) -> None:
    fills = [
        Filled(
            *(at(0), f"E{x}", Side.BUY, price(1), quantity("1"), money(0)),
            *(Liquidity.TAKER, float(x), 0.0),
        )
        for x in range(50, 151)
    ]

    found = told(tmp_path, start(0), *fills)

    assert found.latency is not None
    assert (found.latency.median, found.latency.p95, found.latency.longest) == (100, 145, 150)
    assert found.fills == 101
    assert told(tmp_path / "other", start(0)).latency is None


def test_without_a_log_nothing_is_said() -> None:
    assert Course().operations() is None


def test_order_that_was_called_back_on_purpose_is_no_refusal(tmp_path: Path) -> None:
    found = told(tmp_path, start(0), refused("STALE_BOOK"), refused("CANCELED"))

    assert found.refusals == {("STALE_BOOK", "because"): 1}
    assert found.canceled == 1
