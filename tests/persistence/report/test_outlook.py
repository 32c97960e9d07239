from contextlib import closing
from pathlib import Path

import pytest

from domain.horizons import LEVELS, Timeframe
from domain.units import MINUTE, Nanos
from persistence.environment import open_environment
from persistence.report.outlook import Outlook, outlooks
from tests.builders import NOON
from tests.persistence.report.runs import MINUTES, a_home, foretold

END = Nanos(NOON + MINUTES * MINUTE)


def judged(path: Path, *, wide: float = 1.0, since: Nanos = NOON) -> dict[Timeframe, Outlook]:
    home = a_home(path, prices=False)
    foretold(home, wide=wide)
    with closing(open_environment(home.store)) as environment:
        return {x.timeframe: x for x in outlooks(environment, since, END)}


def test_truth_is_calibrated_and_no_worse_than_the_walk(tmp_path: Path) -> None:
    minute = judged(tmp_path)[Timeframe.M1]

    assert minute.count == sum(MINUTES - step for step in (1, 3, 5, 10, 15))
    assert minute.inside == pytest.approx((0.8, 0.9, 0.95), abs=0.1)
    assert minute.below == pytest.approx(LEVELS, abs=0.11)
    assert minute.skill == pytest.approx(0, abs=0.05)
    assert minute.right is None


def test_too_wide_a_forecast_holds_too_much_and_loses_more(tmp_path: Path) -> None:
    minute = judged(tmp_path, wide=3.0)[Timeframe.M1]

    assert min(minute.inside) > 0.99
    assert minute.skill is not None
    assert minute.skill < -0.3
    assert minute.walk_bps is not None
    assert minute.loss_bps > minute.walk_bps


def test_timeframe_is_judged_at_its_own_closes_as_far_as_they_have_come(tmp_path: Path) -> None:
    found = judged(tmp_path)

    assert found[Timeframe.M15].count == 7 + 5 + 3
    assert found[Timeframe.H1].count == 1
    assert found[Timeframe.H1].walk_bps is None
    assert found[Timeframe.H1].skill is None


def test_forecasts_before_the_period_do_not_count(tmp_path: Path) -> None:
    late = judged(tmp_path, since=Nanos(END - 10 * MINUTE))[Timeframe.M1]

    assert late.count == 10 + 8 + 6 + 1


def test_without_forecasts_nothing_is_said(tmp_path: Path) -> None:
    home = a_home(tmp_path)

    with closing(open_environment(home.store)) as environment:
        assert outlooks(environment, NOON, END) == ()
