from hypothesis import given, settings
from hypothesis import strategies as st

from actors.dashboard.telemetry.alerts import Alert, Alerts, Severity
from actors.messages import DashboardInbox, Tick
from domain.account import Marked
from domain.facts import (
    ActorRestarted,
    FeedDown,
    FeedUp,
    Halted,
    Mode,
    Resumed,
    Starting,
)
from domain.units import SECOND, Nanos
from tests.builders import NOON, marked
from tests.strategies import messages


def after(seconds: float) -> Nanos:
    return Nanos(NOON + round(seconds * SECOND))


def raised(*heard: DashboardInbox, recovered: str = "") -> list[Alert]:
    """What a person was told of by all this."""
    told: list[Alert] = []
    alerts = Alerts(told.append, recovered)
    for message in heard:
        alerts.hear(message)
    return told


def at_depth(percent: float) -> Marked:
    return marked(equity=str(round(10_000 * (1 - percent / 100), 2)))


def kinds(*depths: float) -> list[str]:
    return [alert.kind for alert in raised(*map(at_depth, depths))]


def test_halt_is_told_and_so_is_its_end() -> None:
    told = raised(Halted(NOON, "disk full"), Resumed(after(9), "there is room again"))

    assert told == [
        Alert(NOON, "halted", Severity.CRITICAL, "trading is halted: disk full"),
        Alert(after(9), "resumed", Severity.INFO, "trading goes on: there is room again"),
    ]


def test_each_step_of_the_drawdown_is_told_once() -> None:
    assert kinds(0, 4.99, 5, 5.5, 6.2, 6.9, 7.1, 8) == [
        "drawdown_5",
        "drawdown_6",
        "drawdown_7",
        "drawdown_8",
    ]
    assert kinds(7.5) == ["drawdown_7"]


def test_step_is_told_again_only_after_a_recovery_that_deserves_the_name() -> None:
    assert kinds(5.1, 4.9, 5.1, 4.6, 5.2) == ["drawdown_5"]
    assert kinds(5.1, 4.4, 5.1) == ["drawdown_5", "drawdown_5"]
    assert kinds(7.2, 6.4, 7.2) == ["drawdown_7", "drawdown_7"]


def test_drawdown_says_what_is_left_of_the_size() -> None:
    five, eight = raised(at_depth(5.2), at_depth(8.3))

    assert five.text == "the drawdown is 5.2%, 5% or more: 75% of the size is left"
    assert five.severity is Severity.WARNING
    assert eight.text.endswith("8% or more: trading stops until a person resumes")
    assert eight.severity is Severity.CRITICAL


def test_feed_that_is_back_within_a_minute_is_nobodys_business() -> None:
    told = raised(
        *(FeedDown(NOON, "closed"), Tick(after(60)), FeedUp(after(60), 60.0), Tick(after(200)))
    )

    assert told == []


def test_feed_that_is_lost_for_longer_is_told_once_and_so_is_its_return() -> None:
    down = FeedDown(NOON, "closed")

    told = raised(down, Tick(after(61)), Tick(after(99)), FeedUp(after(120), 120.0))

    assert told == [
        Alert(after(61), "feed_lost", Severity.CRITICAL, "no market data for 61 s: closed"),
        Alert(after(120), "feed_restored", Severity.INFO, "market data flows again after 120 s"),
    ]


def test_restart_of_an_actor_is_told() -> None:
    (alert,) = raised(ActorRestarted(NOON, "RiskActor", "KeyError('x')", 0.1))

    assert alert.kind == "restart"
    assert alert.text == "RiskActor died and lives again: KeyError('x')"


def test_restart_of_the_program_is_told_when_the_next_life_begins() -> None:
    starting = Starting(NOON, Mode.LIVE, "3.0.0", "real")

    (alert,) = raised(starting, starting, recovered="SIGKILL")

    assert alert.text == "the trader died (SIGKILL) and was started again"
    assert raised(starting) == []


def test_end_is_told_where_nobody_asked_for_it() -> None:
    told: list[Alert] = []
    alerts = Alerts(told.append)
    alerts.hear(Tick(NOON))

    alerts.ended("SIGTERM", 0)
    alerts.ended("too many crashes", 5)

    (alert,) = told
    assert (alert.at, alert.kind, alert.severity) == (NOON, "stopped", Severity.CRITICAL)
    assert "status 5" in alert.text


@settings(max_examples=50)
@given(st.lists(messages, max_size=30))
def test_no_messages_in_any_order_break_it(heard: list[DashboardInbox]) -> None:
    assert all(alert.text for alert in raised(*heard))
