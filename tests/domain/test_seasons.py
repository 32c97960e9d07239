from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.seasons import QUARTERS, QUARTERS_A_DAY, Season, season
from domain.units import MINUTE, SECOND, Nanos


def nanos(moment: datetime) -> Nanos:
    return Nanos(int(moment.timestamp()) * SECOND)


@given(moment=st.datetimes(datetime(2007, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - the strategy adds the zone
def test_quarters_and_weekdays_are_new_yorks(moment: datetime) -> None:
    try:
        local = moment.astimezone(ZoneInfo("America/New_York"))
    except ZoneInfoNotFoundError:
        pytest.skip("this machine has no time zones to compare with")

    found = season(nanos(moment))

    weekend = local.weekday() >= 5
    quarter = local.hour * 4 + local.minute // 15
    assert found == Season(quarter + QUARTERS_A_DAY * weekend, local.weekday())


def test_the_opening_in_new_york_is_one_season_through_summer_and_winter() -> None:
    winter = nanos(datetime(2025, 1, 15, 14, 30, tzinfo=UTC))
    summer = nanos(datetime(2025, 7, 16, 13, 30, tzinfo=UTC))

    assert season(winter) == season(summer)


def test_clocks_go_forward_and_back_at_two_in_the_morning() -> None:
    changes = [datetime(2025, 3, 9, 7, tzinfo=UTC), datetime(2025, 11, 2, 6, tzinfo=UTC)]

    jumps = [
        season(nanos(change)).quarter - season(Nanos(nanos(change) - MINUTE)).quarter
        for change in changes
    ]

    assert jumps == [5, -3]


def test_every_season_of_a_week_is_told_apart() -> None:
    monday = datetime(2025, 7, 7, 4, tzinfo=UTC)
    week = [season(nanos(monday + timedelta(minutes=15 * n))) for n in range(7 * QUARTERS_A_DAY)]

    assert len(set(week)) == 7 * QUARTERS_A_DAY
    assert {one.quarter for one in week} == set(range(QUARTERS))
