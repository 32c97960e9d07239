import ast
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.facts import Decision
from domain.freshness import BOOK_AGE_MAX, fresh
from domain.instrument import BTCUSDT
from domain.market import Side
from domain.orders import Approved, Refusal, Refused
from domain.policy import Situation, closing, decide, exit_due, judge, plan_from
from domain.signals import Direction
from domain.terms import Terms
from domain.units import HOUR, SECOND, Nanos
from tests.builders import (
    NOON,
    a_book,
    a_plan,
    a_position,
    a_quality,
    a_signal,
    an_account,
    an_order,
    marked,
    money,
    price,
)

ROOT = Path(__file__).parents[2]


def a_situation() -> Situation:
    """All is well and a confident signal says LONG."""
    return Situation(
        now=NOON,
        rules=BTCUSDT,
        book=a_book(),
        quality=a_quality(),
        marked=marked(),
        signal=a_signal(),
        ready=True,
    )


def holding(side: Side = Side.BUY) -> Situation:
    plan = a_plan() if side is Side.BUY else a_plan(stop="101", target="99")
    account = an_account(position=a_position(side=side, plan=plan))
    return replace(a_situation(), marked=marked(account))


def test_confident_long_signal_opens_a_long_position() -> None:
    decision = decide(a_situation())

    assert decision.state is Decision.LONG_ENTRY
    assert isinstance(decision.verdict, Approved)
    order = decision.verdict.order
    assert order.side is Side.BUY
    assert order.plan is not None
    assert (order.plan.stop, order.plan.target) == (price(99), price(101))


def test_confident_short_signal_opens_a_short_position() -> None:
    signal = a_signal(direction=Direction.SHORT, stop="101", target="99")

    decision = decide(replace(a_situation(), signal=signal))

    assert decision.state is Decision.SHORT_ENTRY


@pytest.mark.parametrize(
    ("change", "state", "words"),
    [
        ({"ready": False}, Decision.ANALYZING, "pending"),
        ({"signal": None}, Decision.ANALYZING, "pending"),
        ({"halt": "disk full"}, Decision.RISK_PAUSE, "disk full"),
        ({"suspended": "disk full"}, Decision.RISK_PAUSE, "disk full"),
        ({"paused": True}, Decision.RISK_PAUSE, "by hand"),
        ({"marked": marked(stopped=True)}, Decision.RISK_PAUSE, "drawdown"),
        ({"signal": a_signal(confidence=0.69)}, Decision.WAITING, "69.0%"),
        ({"signal": a_signal(direction=Direction.FLAT)}, Decision.WAITING, "confidence"),
        ({"signal": a_signal(probability=0.559)}, Decision.WAITING, "a chance of 55.9%"),
        ({"signal": a_signal(promise_bps=15.9)}, Decision.WAITING, "a promise of 15.9 bps"),
        ({"book": None}, Decision.WAITING, "older than 2 s"),
        ({"quality": a_quality(spread_bps=10)}, Decision.WAITING, "spread"),
        ({"quality": a_quality(liquidity=49_999)}, Decision.WAITING, "50,000"),
        ({"quality": a_quality(pressure=0.8)}, Decision.WAITING, "presses"),
    ],
)
def test_what_stands_in_the_way_is_said(
    change: dict[str, object], state: Decision, words: str
) -> None:
    decision = decide(replace(a_situation(), **change))  # type: ignore[arg-type]

    assert decision.state is state
    assert words in decision.reason
    assert not isinstance(decision.verdict, Approved)


@pytest.mark.parametrize("stop", ["100.01", "100.50"])
def test_plan_that_is_over_before_it_begins_is_refused(stop: str) -> None:
    decision = decide(replace(a_situation(), signal=a_signal(stop=stop, target="102")))

    assert isinstance(decision.verdict, Refused)
    assert decision.verdict.reason is Refusal.PLAN_PASSED


@given(probability=st.floats(0.5, 1), promise=st.floats(0, 100), entry=st.floats(0.5, 0.9))
def test_only_a_likely_signal_that_promises_more_than_its_costs_opens_a_position(
    probability: float, promise: float, entry: float
) -> None:
    signal = a_signal(probability=probability, promise_bps=promise)
    terms = Terms(entry, promise=1.5)

    decision = decide(replace(a_situation(), signal=signal, terms=terms))

    opened = decision.state is Decision.LONG_ENTRY
    assert opened is (probability >= entry and promise >= 1.5 * 8)


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("points", list(Direction)[:2])
def test_position_is_held_for_as_long_as_the_forecast_supports_it(
    side: Side, points: Direction
) -> None:
    seen = holding(side)
    same = (points is Direction.LONG) is (side is Side.BUY)

    for probability in (0.5, 0.52, 0.6):
        signal = a_signal(direction=points, probability=probability, confidence=0.5)
        decision = decide(replace(seen, signal=signal, terms=Terms(leave=0.45)))

        held = same or 1 - probability >= 0.45
        assert (decision.state is Decision.POSITION_HOLD) is held


def test_pressure_with_the_trade_does_not_stop_it() -> None:
    seen = replace(a_situation(), quality=a_quality(pressure=5))

    assert decide(seen).state is Decision.LONG_ENTRY


def test_book_one_nanosecond_too_old_is_refused_as_stale() -> None:
    young = replace(a_situation(), now=Nanos(NOON + BOOK_AGE_MAX))
    stale = replace(a_situation(), now=Nanos(NOON + BOOK_AGE_MAX + 1))

    book = fresh(young.book, young.now)
    assert book is not None
    assert judge(an_order(size="0.2"), young) == Approved(an_order(size="0.2"), book)
    assert judge(an_order(size="0.2"), stale) == Refused(an_order(size="0.2"), Refusal.STALE_BOOK)


@pytest.mark.parametrize(
    ("size", "refusal"),
    [("0.09999", Refusal.TOO_SMALL), ("10.00001", Refusal.TOO_LARGE)],
)
def test_order_outside_the_limits_is_refused(size: str, refusal: Refusal) -> None:
    assert judge(an_order(size=size), a_situation()) == Refused(an_order(size=size), refusal)


@pytest.mark.parametrize(("wallet", "refused"), [("100.03", True), ("100.04", False)])
def test_order_that_the_wallet_does_not_cover_with_its_fee_is_refused(
    wallet: str, *, refused: bool
) -> None:
    poor = replace(an_account(), wallet=money(wallet))
    order = an_order(size="1")

    verdict = judge(order, replace(a_situation(), marked=marked(poor)))

    assert (verdict == Refused(order, Refusal.NO_BALANCE)) is refused


def test_second_position_is_refused() -> None:
    assert judge(an_order(), holding()) == Refused(an_order(), Refusal.POSITION_OPEN)


def test_order_waits_until_the_venue_has_answered_the_last_one() -> None:
    seen = replace(a_situation(), marked=replace(marked(), pending=True))

    assert judge(an_order(), seen) == Refused(an_order(), Refusal.ON_ITS_WAY)


def test_position_is_held_while_nothing_speaks_against_it() -> None:
    assert decide(holding()).state is Decision.POSITION_HOLD
    assert exit_due(holding()) == ""


def test_confident_signal_against_the_position_closes_it() -> None:
    seen = replace(holding(), signal=a_signal(direction=Direction.SHORT))

    decision = decide(seen)

    assert decision.state is Decision.CLOSE_POSITION
    assert isinstance(decision.verdict, Approved)
    assert decision.verdict.order.side is Side.SELL
    assert decision.verdict.order.closes


def test_suspended_trading_leaves_a_position_as_it_is() -> None:
    seen = replace(holding(), suspended="disk full", halt="the program ends")

    assert exit_due(seen) == ""
    assert decide(seen).state is Decision.RISK_PAUSE


def test_halt_closes_a_position() -> None:
    assert exit_due(replace(holding(), halt="the program ends")) == "the program ends"


@pytest.mark.parametrize(("bid", "ask"), [("98.99", "99.01"), ("101.00", "101.02")])
def test_stop_and_target_are_left_to_the_venue(bid: str, ask: str) -> None:
    seen = replace(holding(), book=a_book(bid=bid, ask=ask), now=Nanos(NOON + HOUR))

    assert exit_due(seen) == ""


def test_pause_by_hand_closes_nothing() -> None:
    assert exit_due(replace(holding(), paused=True)) == ""


def test_drawdown_stop_closes_what_is_open() -> None:
    account = holding().marked
    assert account is not None

    seen = replace(holding(), marked=replace(account, stopped=True))

    assert exit_due(seen) == Refusal.DRAWDOWN


def test_closing_waits_for_a_fresh_book() -> None:
    seen = replace(holding(), now=Nanos(NOON + 3 * SECOND))

    decision = closing(seen, "stop")

    assert isinstance(decision.verdict, Refused)
    assert decision.verdict.reason is Refusal.STALE_BOOK


def test_lost_plan_is_replaced_by_one_that_protects_both_ways() -> None:
    plan = plan_from(price(100), Side.SELL, NOON, HOUR)

    assert (plan.stop, plan.target, plan.expires) == (price("101.5"), price("98.5"), NOON + HOUR)


def test_nobody_but_judge_makes_an_approved_order() -> None:
    makers = {
        (path.relative_to(ROOT).as_posix(), function.name)
        for top in ("actors", "domain", "persistence")
        for path in (ROOT / top).rglob("*.py")
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Approved"
    }

    assert makers == {("domain/policy.py", "judge")}
