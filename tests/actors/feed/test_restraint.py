"""The exchange's limits, as its answers tell them."""

import pytest

from actors.feed.restraint import UNTOLD, WEIGHT_MAX, Restraint

NOON = {"Date": "Sun, 22 Nov 2026 12:00:40 GMT"}
NOON_SECONDS = 1_795_348_840


@pytest.mark.parametrize(("used", "wait"), [("2999", 0), ("3000", 20), ("6000", 20), ("x", 0)])
def test_from_half_of_the_allowed_weight_on_the_next_minute_is_waited_for(
    used: str, wait: float
) -> None:
    restraint = Restraint()

    restraint.heed({"X-MBX-USED-WEIGHT-1M": used, **NOON}, now=1000.0)

    assert max(0.0, restraint.wait(1000.0)) == wait
    assert WEIGHT_MAX == 6000


@pytest.mark.parametrize("status", [429, 418])
def test_quiet_is_kept_for_as_long_as_was_asked(status: int) -> None:
    restraint = Restraint()

    assert restraint.obey(status, {"Retry-After": "35"}, b"{}", now=1000.0) == 35
    assert restraint.wait(1010.0) == 25


@pytest.mark.parametrize("status", [429, 418])
def test_quiet_is_kept_where_nobody_says_how_long(status: int) -> None:
    assert Restraint().obey(status, {}, b"<html>", now=0.0) == UNTOLD[status]


def test_ban_is_as_long_as_its_words_say() -> None:
    until = (NOON_SECONDS + 300) * 1000
    body = b'{"code":-1003,"msg":"Way too many requests; IP banned until %d. Please"}' % until

    assert Restraint().obey(418, NOON, body, now=0.0) == 300
    assert Restraint().obey(418, {"Retry-After": "7", **NOON}, body, now=0.0) == 300


@pytest.mark.parametrize("status", [403, 451, 500, 400])
def test_other_refusals_ask_for_no_quiet(status: int) -> None:
    restraint = Restraint()

    assert restraint.obey(status, {"Retry-After": "9"}, b"", now=0.0) == 0
    assert restraint.wait(0.0) <= 0
