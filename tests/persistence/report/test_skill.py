from datetime import UTC, datetime

import numpy as np
import pytest

from domain.horizons import CONFIDENCE_MIN, Timeframe
from domain.units import MINUTE, SECOND
from persistence.report.lines import Start
from persistence.report.log import Log, Signals, Worths
from persistence.report.operations import Course
from persistence.report.skill import Skill, skills
from persistence.report.source import NO_PRICES, Prices
from tests.builders import NOON

UP, DOWN = 1, -1

RISING = Prices(NOON + np.arange(181) * MINUTE, 100 * np.exp(np.arange(181) * 1e-4))
"""Three hours in which each minute brings one basis point."""


def a_log(way: int, minutes: int, confidence: float = 0.8) -> Log:
    """A signal a minute, all of which point one way."""
    told = np.ones(minutes)
    signals = Signals(
        NOON + np.arange(minutes) * MINUTE,
        np.full(minutes, way),
        told * confidence >= CONFIDENCE_MIN,
        2.5 * way * told,
    )
    course = Course()
    course.hear(Start(at=datetime.fromtimestamp(NOON / SECOND, UTC)))
    operations = course.operations()
    assert operations is not None
    nothing = np.zeros(0)
    return Log(Worths(signals.at[:0], nothing, nothing), signals, operations, frozenset())


def by_span(log: Log, prices: Prices = RISING) -> dict[Timeframe, Skill]:
    return {skill.timeframe: skill for skill in skills(log, prices)}


def test_signal_that_pointed_where_the_price_went_was_right() -> None:
    found = by_span(a_log(UP, 120))

    assert (found[Timeframe.M1].count, found[Timeframe.M1].right) == (120, 120)
    assert found[Timeframe.M1].realised_bps == pytest.approx(1)
    assert found[Timeframe.H1].realised_bps == pytest.approx(60)
    assert found[Timeframe.M1].expected_bps == pytest.approx(2.5)


def test_signal_that_pointed_the_other_way_was_wrong() -> None:
    found = by_span(a_log(DOWN, 60))[Timeframe.M5]

    assert found.right == 0
    assert found.realised_bps == pytest.approx(-5)
    assert found.interval[0] == 0


def test_no_two_signals_look_at_the_same_minutes() -> None:
    found = by_span(a_log(UP, 120))

    assert [found[x].count for x in (Timeframe.M3, Timeframe.M15, Timeframe.H1)] == [40, 8, 2]


def test_signals_too_unsure_to_trade_count_apart() -> None:
    found = by_span(a_log(UP, 60, confidence=0.69))[Timeframe.M1]

    assert (found.count, found.sure, found.sure_interval) == (60, 0, None)


def test_signal_whose_future_is_not_known_is_left_out() -> None:
    short = Prices(RISING.at[:11], RISING.close[:11])

    found = by_span(a_log(UP, 60), short)

    assert found[Timeframe.M1].count == 10
    assert Timeframe.H1 not in found


def test_without_a_log_or_prices_nothing_is_said() -> None:
    assert skills(None, RISING) == ()
    assert skills(a_log(UP, 1), NO_PRICES) == ()
