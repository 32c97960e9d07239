from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.dashboard.telemetry.condition import CODES, SILENT_SECONDS, Condition
from actors.messages import DashboardInbox, Tick, Vitals
from domain.facts import (
    Decided,
    Decision,
    FeedDown,
    FeedUp,
    Halted,
    Progress,
    Ready,
    Resumed,
    Stopping,
)
from tests.builders import NOON, marked
from tests.strategies import messages


@dataclass
class Watch:
    """A clock that a test moves by hand."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def a_condition(*heard: DashboardInbox, watch: Watch | None = None) -> Condition:
    """A trader that was ready, and then heard this."""
    condition = Condition(watch or Watch())
    for message in (Ready(NOON, "embedded", "00", 1.0), Tick(NOON), *heard):
        condition.hear(message)
    return condition


def codes(condition: Condition) -> list[str]:
    return [reason.code for reason in condition.reasons()]


def test_ready_trader_that_hears_the_time_trades() -> None:
    assert a_condition().reasons() == ()


def test_until_it_is_ready_it_says_which_criteria_are_pending() -> None:
    condition = Condition(Watch())

    condition.hear(Progress(NOON, "clock", 1, 1, True, "in time"))  # noqa: FBT003
    condition.hear(Progress(NOON, "spread", 0, 1, False, "no book"))  # noqa: FBT003
    condition.hear(Progress(NOON, "model", 0, 1, False, "loads"))  # noqa: FBT003
    condition.hear(Progress(NOON, "model", 1, 1, True, "embedded"))  # noqa: FBT003

    (reason,) = condition.reasons()
    assert (reason.code, reason.text) == ("starting", "start criteria are pending: spread")


def test_whatever_keeps_it_from_trading_stands_until_it_is_over() -> None:
    stopped, fine = marked(equity="9000", stopped=True), marked()
    pause = Decided(NOON, Decision.RISK_PAUSE, "paused by hand")
    held = Decided(NOON, Decision.POSITION_HOLD, "long")

    assert codes(a_condition(FeedDown(NOON, "silent"))) == ["feed_lost"]
    assert codes(a_condition(FeedDown(NOON, "silent"), FeedUp(NOON, 3.0))) == []
    assert codes(a_condition(Halted(NOON, "disk full"))) == ["halted"]
    assert codes(a_condition(Halted(NOON, "disk full"), Resumed(NOON, "space"))) == []
    assert codes(a_condition(stopped)) == ["drawdown"]
    assert codes(a_condition(stopped, fine)) == []
    assert codes(a_condition(pause)) == ["paused"]
    assert codes(a_condition(pause, held)) == []
    assert codes(a_condition(Stopping(NOON, "SIGTERM"))) == ["stopping"]


def test_pause_that_only_says_what_another_reason_says_is_left_out() -> None:
    pause = Decided(NOON, Decision.RISK_PAUSE, "the drawdown limit is reached")

    assert codes(a_condition(marked(equity="9000", stopped=True), pause)) == ["drawdown"]
    assert codes(a_condition(Halted(NOON, "ledger"), FeedDown(NOON, "x"), pause)) == [
        "feed_lost",
        "halted",
    ]


def test_dead_dashboard_is_noticed_by_the_age_of_its_last_tick() -> None:
    watch = Watch()
    condition = a_condition(watch=watch)

    watch.now += SILENT_SECONDS
    assert condition.reasons() == ()
    watch.now += 2.0
    (reason,) = condition.reasons()

    assert reason.code == "silent"
    assert "12 s" in reason.text
    condition.hear(Tick(NOON))
    assert condition.reasons() == ()


def test_time_that_has_not_begun_is_not_missed_while_somebody_lives() -> None:
    watch = Watch()
    condition = Condition(watch)

    watch.now += 60.0
    condition.hear(Vitals(NOON, ()))
    assert codes(condition) == ["starting"]
    condition.hear(Tick(NOON))
    watch.now += 60.0
    condition.hear(Vitals(NOON, ()))

    assert codes(condition) == ["starting", "silent"]


@settings(max_examples=50)
@given(st.lists(messages, max_size=30))
def test_no_messages_in_any_order_break_it(heard: list[DashboardInbox]) -> None:
    condition = Condition(Watch())

    for message in heard:
        condition.hear(message)

    assert set(codes(condition)) <= set(CODES)
