from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import lmdb
import pytest

from actors.broker import Books, BrokerActor
from actors.messages import Begin, CloseAndStop, Flat, Tick
from domain.account import Marked
from domain.execution import LATENCY_MAX, LATENCY_MIN, fee
from domain.facts import (
    Accounted,
    BackedUp,
    Checkpointed,
    Closed,
    Filled,
    Funded,
    Liquidity,
    Noted,
    Ordered,
    OrderRefused,
)
from domain.instrument import BTCUSDT
from domain.market import MarkPrice, Side
from domain.orders import Order
from domain.units import HOUR, MILLISECOND, MINUTE, SECOND, Nanos
from persistence.checkpoints import CheckpointStore
from persistence.environment import open_environment
from persistence.ledger import LedgerStore
from tests.builders import (
    NOON,
    a_book,
    a_plan,
    a_trade,
    an_order,
    approved,
    money,
    price,
    quantity,
)
from tests.fakes import Outbox

ARRIVED = Nanos(NOON + LATENCY_MAX)
LATER = Nanos(NOON + 3 * HOUR)
FOUR = Nanos(NOON + 4 * HOUR)
"""The next settlement of funding, 16:00 UTC."""


class House:
    """A broker on real stores, with everybody it talks to."""

    def __init__(self, environment: lmdb.Environment) -> None:
        self.environment = environment
        self.saved: list[object] = []
        self.start()

    def start(self) -> None:
        self.risk, self.dashboard, self.supervisor = Outbox(), Outbox(), Outbox()
        ledger, checkpoints = LedgerStore(self.environment), CheckpointStore(self.environment)
        books = Books(ledger, checkpoints, self._save)
        self.ledger = ledger
        self.broker = BrokerActor(
            books, 1, risk=self.risk, dashboard=self.dashboard, supervisor=self.supervisor
        )
        self.tell(Begin(), BTCUSDT)

    def tell(self, *messages: object) -> None:
        for message in messages:
            self.broker.receive(message)  # type: ignore[arg-type]

    def trade(self, order: Order, at: int = NOON) -> None:
        """The order goes out, arrives, and meets a fresh book."""
        self.tell(a_book(at=at), Tick(Nanos(at)), approved(order))
        self.tell(Tick(Nanos(at + LATENCY_MAX)))

    def marked(self) -> Marked:
        return self.risk.of(Marked)[-1]

    def _save(self, _at: Nanos, described: Callable[[], object]) -> str:
        self.saved.append(described())
        return "copy" if len(self.saved) == 1 else ""


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(open_environment(tmp_path / "store"))


def test_wallet_opens_with_ten_thousand(house: House) -> None:
    house.tell(Tick(NOON))

    assert house.marked().account.wallet == 10_000
    assert house.dashboard.of(Accounted) == [Accounted(NOON, money(10_000), money(10_000), 0.0)]


def test_order_meets_the_book_that_stands_when_it_arrives(house: House) -> None:
    house.tell(Tick(NOON), a_book(at=NOON, ask="100.01"), approved(an_order(size="0.5")))
    assert house.dashboard.of(Filled) == []

    house.tell(a_book(at=NOON + LATENCY_MIN - 1, ask="100.05", bid="100.00"))
    house.tell(a_book(at=ARRIVED + 1, ask="200.00", bid="199.99"))

    (fill,) = house.dashboard.of(Filled)
    assert (fill.price, fill.quantity) == (price("100.05"), quantity("0.5"))
    assert fill.fee == fee(price("100.05"), quantity("0.5"))
    assert 50 <= fill.latency_ms <= 200
    assert fill.slippage_bps == pytest.approx(5)


def test_large_order_walks_the_book_level_by_level(house: House) -> None:
    house.tell(Tick(NOON), a_book(size="0.2"), approved(an_order(size="0.5")), Tick(ARRIVED))

    fills = house.dashboard.of(Filled)
    assert [(str(fill.price), str(fill.quantity)) for fill in fills] == [
        ("100.01", "0.2"),
        ("100.02", "0.2"),
        ("100.03", "0.1"),
    ]
    position = house.marked().account.position
    assert position is not None
    assert position.entry == (Decimal("100.01") * 2 + Decimal("100.02") * 2 + Decimal("100.03")) / 5


def test_what_the_book_does_not_hold_expires(house: House) -> None:
    book = a_book(size="0.01", levels=4)
    house.tell(Tick(NOON), book, approved(an_order(size="0.5")), Tick(ARRIVED))

    (refused,) = house.dashboard.of(OrderRefused)
    assert "all but 0.46" in refused.reason
    assert [order.quantity for order in house.ledger.sent()] == [quantity("0.04")] * 2


def test_stale_book_fills_nothing_and_a_fresh_one_does(house: House) -> None:
    order = an_order(at=NOON + 3 * SECOND)
    house.tell(a_book(at=NOON), Tick(Nanos(NOON + 3 * SECOND)), approved(order))
    house.tell(Tick(Nanos(NOON + 4 * SECOND)))
    assert house.dashboard.of(Filled) == []

    house.tell(a_book(at=NOON + 4 * SECOND))

    assert len(house.dashboard.of(Filled)) == 1


def test_order_that_meets_no_fresh_book_expires(house: House) -> None:
    house.tell(Tick(NOON), approved(an_order()), Tick(Nanos(NOON + 11 * SECOND)))
    house.tell(Tick(Nanos(NOON + 12 * SECOND)))

    assert [fact.code for fact in house.dashboard.of(OrderRefused)] == ["EXPIRED"]
    assert house.marked().pending is False


def test_same_key_is_executed_once(house: House) -> None:
    then, again = NOON + SECOND, NOON + 2 * SECOND
    house.trade(an_order(key="E1"))
    house.trade(an_order(key="X1", at=then, side=Side.SELL, closes=True), at=then)

    house.trade(an_order(key="E1", at=again), at=again)

    assert [fill.order for fill in house.dashboard.of(Filled)] == ["E1", "X1"]
    assert "-2010" in [fact.code for fact in house.dashboard.of(OrderRefused)]


def test_round_trip_ends_with_its_pnl_and_a_saved_state(house: House) -> None:
    house.trade(an_order(key="E1", size="0.5"))
    closing_order = an_order(key="X1", side=Side.SELL, size="0.5", closes=True, at=LATER)
    house.trade(closing_order, at=LATER)

    (closed,) = house.dashboard.of(Closed)
    costs = fee(price("100.01"), quantity("0.5")) + fee(price("99.99"), quantity("0.5"))
    assert closed.pnl == Decimal("-0.01") - costs
    assert house.marked().account.wallet == 10_000 + closed.pnl
    assert house.dashboard.of(Checkpointed) != []
    assert house.dashboard.of(BackedUp)[0].file == "copy"


def test_closing_order_never_turns_the_position(house: House) -> None:
    house.trade(an_order(key="E1", size="0.2"))

    house.trade(an_order(key="X1", side=Side.SELL, size="0.5", closes=True, at=LATER), at=LATER)

    assert house.marked().account.position is None


def test_restarted_broker_knows_its_position_and_executes_nothing_late(house: House) -> None:
    house.trade(an_order(key="E1", size="0.5"))
    before = house.marked().account
    house.tell(approved(an_order(key="X1", side=Side.SELL, closes=True)))

    house.start()
    house.tell(Tick(LATER), a_book(at=LATER), Tick(Nanos(LATER + SECOND)))

    assert house.marked().account == before
    assert house.dashboard.of(Filled) == []
    assert [fact.id for fact in house.dashboard.of(OrderRefused)] == ["X1"]


def test_restarted_broker_takes_checkpoint_and_tail(house: House) -> None:
    house.trade(an_order(key="E1", size="0.5"))
    house.broker.release()
    order = an_order(key="X1", side=Side.SELL, size="0.25", closes=True, at=LATER)
    house.trade(order, at=LATER)
    before = house.marked().account

    house.start()
    house.tell(Tick(Nanos(LATER + SECOND)))

    assert house.marked().account == before


def test_broken_checkpoint_is_passed_over_and_said(house: House) -> None:
    house.tell(Tick(NOON))
    house.broker.release()
    with house.environment.begin(house.environment.open_db(b"checkpoints"), write=True) as write:
        write.put(b"\0" * 8, b"rubbish")

    house.start()
    house.tell(Tick(NOON))

    assert "1 broken checkpoint" in house.dashboard.of(Noted)[0].text
    assert house.marked().account.wallet == 10_000


def test_funding_is_paid_once_at_the_settlement(house: House) -> None:
    patient = replace(an_order(key="E1", size="0.5"), plan=a_plan(target="99999", expires=10**19))
    house.trade(patient)
    due = Nanos(NOON + 4 * HOUR)
    mark = MarkPrice(Nanos(due - 2), price(60_000), Decimal("0.0002"), FOUR)

    house.tell(a_book(at=due - SECOND), mark, Tick(Nanos(due - 1)))
    assert house.dashboard.of(Funded) == []
    house.tell(Tick(due), Tick(Nanos(due + SECOND)))

    assert house.dashboard.of(Funded) == [Funded(due, Decimal("0.0002"), money("-6"))]


def test_position_that_is_closed_a_moment_after_the_settlement_pays_for_it(house: House) -> None:
    house.trade(replace(an_order(key="E1", size="0.5"), plan=a_plan(target="150", expires=10**19)))
    house.tell(Tick(Nanos(FOUR - SECOND)), a_book(at=FOUR - 1))

    house.tell(a_book(at=FOUR + SECOND // 2, bid="98.97", ask="98.99"))

    assert [fact.at for fact in house.dashboard.of(Funded)] == [FOUR]
    assert house.dashboard.of(Closed)[0].at == FOUR + SECOND // 2


def test_position_that_is_closed_a_moment_before_the_settlement_pays_nothing(house: House) -> None:
    house.trade(replace(an_order(key="E1", size="0.5"), plan=a_plan(target="150", expires=10**19)))
    leaves = FOUR - 2 * LATENCY_MAX
    house.tell(a_book(at=leaves), Tick(Nanos(leaves)))

    house.tell(approved(an_order(key="X1", side=Side.SELL, closes=True, at=leaves)))
    house.tell(Tick(Nanos(FOUR + SECOND // 2)))

    assert len(house.dashboard.of(Closed)) == 1
    assert house.dashboard.of(Funded) == []


def test_account_in_which_nothing_changes_is_told_every_eight_seconds(house: House) -> None:
    house.tell(*(Tick(Nanos(NOON + n * SECOND)) for n in range(20)))

    assert [(x.at - NOON) // SECOND for x in house.risk.of(Marked)] == [0, 8, 16]


def test_position_at_an_unchanged_price_is_told_every_eight_seconds(house: House) -> None:
    guarded(house)
    before = len(house.risk.of(Marked))

    house.tell(*(Tick(Nanos(NOON + n * SECOND)) for n in range(2, 18)))

    assert len(house.risk.of(Marked)) == before + 2


def test_account_that_holds_something_is_told_with_each_price(house: House) -> None:
    guarded(house)
    before = len(house.risk.of(Marked))

    for n in range(2, 7):
        at = Nanos(NOON + n * SECOND)
        house.tell(MarkPrice(at, price(100 + n), Decimal(0), FOUR), Tick(at))

    assert [str(x.price) for x in house.risk.of(Marked)[before:]] == [
        *("102", "103", "104", "105", "106"),
    ]


def test_funding_missed_while_we_were_down_is_paid_once_at_the_restart(house: House) -> None:
    house.trade(an_order(key="E1", size="0.5"))

    for _ in range(2):
        house.start()
        house.tell(a_book(at=FOUR + HOUR), Tick(Nanos(FOUR + HOUR)))

    assert house.dashboard.of(Funded) == []
    assert house.marked().account.funding == -Decimal("0.005")


def test_position_is_valued_at_the_mark_price_while_it_is_known(house: House) -> None:
    house.trade(an_order(key="E1", size="0.5"))
    house.tell(MarkPrice(ARRIVED, price(110), Decimal(0), FOUR), Tick(ARRIVED))
    known = house.marked()

    later = Nanos(ARRIVED + 3 * MINUTE)
    house.tell(a_book(at=later), Tick(later))

    assert known.equity - known.account.wallet == Decimal("4.995")
    assert house.marked().price == 100


def test_drawdown_limit_stops_and_survives_a_restart(house: House) -> None:
    house.trade(an_order(key="E1", size="90"))
    crash = MarkPrice(ARRIVED, price(91), Decimal(0), FOUR)

    house.tell(crash, Tick(ARRIVED))
    assert house.marked().stopped

    house.start()
    house.tell(a_book(at=ARRIVED), Tick(ARRIVED))
    assert house.marked().stopped


def test_state_is_saved_every_five_minutes(house: House) -> None:
    for minute in range(11):
        house.tell(Tick(Nanos(NOON + minute * MINUTE)))

    assert [fact.at for fact in house.dashboard.of(Checkpointed)] == [
        NOON + 5 * MINUTE,
        NOON + 10 * MINUTE,
    ]
    assert len(house.dashboard.of(Accounted)) == 11


def test_leaving_broker_says_when_it_is_flat(house: House) -> None:
    house.trade(an_order(key="E1", size="0.5"))
    house.tell(CloseAndStop("SIGINT"))
    assert house.supervisor.of(Flat) == []

    house.trade(an_order(key="X1", side=Side.SELL, closes=True, at=LATER), at=LATER)

    assert house.supervisor.of(Flat) != []


def stood(house: House) -> list[tuple[str, str]]:
    """Kind and price of each order that protects the position, as it was sent."""
    orders = house.dashboard.of(Ordered)
    return [(str(fact.kind), str(fact.price)) for fact in orders if fact.kind != "MARKET"]


def guarded(house: House) -> None:
    """A long position of 0.5 at 100.01 whose stop 99 and target 101 are at the venue."""
    house.trade(an_order(key="E1", size="0.5"))
    house.tell(Tick(Nanos(NOON + SECOND)))
    assert stood(house) == [("STOP_MARKET", "99"), ("LIMIT", "101")]


def test_nothing_acts_on_a_fill_before_its_answer_is_here(house: House) -> None:
    house.tell(Tick(NOON), a_book(), approved(an_order()), Tick(Nanos(NOON + 100 * MILLISECOND)))

    assert len(house.dashboard.of(Filled)) == 1
    assert stood(house) == []
    assert house.marked().pending

    house.tell(Tick(Nanos(NOON + SECOND)))

    assert len(stood(house)) == 2
    assert not house.marked().pending


def test_stop_at_the_venue_closes_without_a_word_of_risk(house: House) -> None:
    guarded(house)

    house.tell(a_book(at=NOON + 2 * SECOND, bid="98.97", ask="98.99"))

    fill = house.dashboard.of(Filled)[-1]
    assert (fill.side, fill.price, fill.liquidity) == (Side.SELL, price("98.97"), "TAKER")
    assert house.dashboard.of(Closed)[0].reason == house.marked().ended == "stop 99"
    assert fill.slippage_bps == pytest.approx(3.03, abs=0.01)


def test_trade_at_the_stop_price_triggers_it_and_the_next_book_fills_it(house: House) -> None:
    guarded(house)
    at = Nanos(NOON + 2 * SECOND)

    house.tell(a_book(at=at, bid="99.50"), replace(a_trade(at=at + 1), price=price(99)))

    assert house.marked().account.position is not None  # that book is what the trade has changed
    house.tell(a_book(at=at + SECOND, bid="98.90", ask="98.91"))
    assert house.dashboard.of(Filled)[-1].price == price("98.90")
    assert house.marked().account.position is None


def test_target_is_filled_as_maker_once_the_market_has_traded_through_it(house: House) -> None:
    guarded(house)
    at = Nanos(NOON + 2 * SECOND)

    house.tell(replace(a_trade(at=at), price=price("101.01")))

    fill = house.dashboard.of(Filled)[-1]
    assert (fill.price, fill.liquidity) == (price(101), "MAKER")
    assert fill.fee == fee(price(101), quantity("0.5"), Liquidity.MAKER)
    assert house.dashboard.of(Closed)[0].reason == "target 101"


def test_order_that_protects_nothing_any_more_is_cancelled(house: House) -> None:
    guarded(house)

    house.tell(a_book(at=NOON + 2 * SECOND, bid="98.97", ask="98.99"))
    house.tell(Tick(Nanos(NOON + 3 * SECOND)))

    assert [(x.code, x.id[0]) for x in house.dashboard.of(OrderRefused)] == [("CANCELED", "T")]
    assert house.ledger.sent() == ()


def test_time_limit_closes_without_a_word_of_risk(house: House) -> None:
    guarded(house)

    house.tell(a_book(at=NOON + HOUR), Tick(Nanos(NOON + HOUR)), Tick(Nanos(NOON + HOUR + SECOND)))

    assert house.dashboard.of(Closed)[0].reason == "time limit"


def test_stop_and_target_stay_at_the_venue_over_a_restart(house: House) -> None:
    guarded(house)

    house.start()
    at = NOON + 5 * SECOND
    house.tell(Tick(Nanos(at)), a_book(at=at, bid="98.97", ask="98.99"))

    assert stood(house) == []
    assert house.dashboard.of(Closed)[0].reason == "stop 99"


def test_orders_that_protected_what_was_closed_last_are_gone_without_a_word(house: House) -> None:
    guarded(house)
    house.tell(a_book(at=NOON + 2 * SECOND, bid="98.97", ask="98.99"))
    assert [order.id[0] for order in house.ledger.sent()] == ["T"]

    house.start()
    house.tell(Tick(Nanos(NOON + 3 * SECOND)))

    assert house.ledger.sent() == ()
    assert house.dashboard.of(OrderRefused) == []


def test_price_beyond_the_stop_before_it_stands_closes_at_the_market(house: House) -> None:
    house.trade(an_order(key="E1", size="0.5"))
    house.tell(a_book(at=NOON + SECOND, bid="98.00", ask="98.02"))
    house.tell(a_book(at=NOON + 2 * SECOND, bid="98.00", ask="98.02"))
    house.tell(Tick(Nanos(NOON + 3 * SECOND)), Tick(Nanos(NOON + 4 * SECOND)))

    assert house.marked().account.position is None


def test_short_is_liquidated_where_its_margin_is_used_up(house: House) -> None:
    order = an_order(key="E1", side=Side.SELL, size="0.5")
    house.trade(replace(order, plan=a_plan(stop="999", target="1")))
    at = Nanos(NOON + MINUTE)

    house.tell(a_book(at=at, bid="198.99", ask="199.00"), Tick(at))
    assert house.dashboard.of(Closed) == []
    house.tell(a_book(at=at + 1, bid="199.20", ask="199.22"))

    (closed,) = house.dashboard.of(Closed)
    assert closed.reason.startswith("liquidation at mark price 199.21")
    costs = fee(price("99.99"), quantity("0.5")) + fee(price("199.22"), quantity("0.5"))
    clearance = Decimal("199.22") * Decimal("0.5") * Decimal("0.0125")
    assert closed.pnl == Decimal("-99.23") / 2 - costs - clearance
    assert house.marked().account.wallet == 10_000 + closed.pnl


def test_account_tells_where_a_short_is_liquidated(house: House) -> None:
    order = an_order(key="E1", side=Side.SELL, size="0.5")
    house.trade(replace(order, plan=a_plan(stop="999", target="1")))

    house.tell(a_book(at=NOON + MINUTE), Tick(Nanos(NOON + MINUTE)))

    flat, short = house.dashboard.of(Accounted)
    assert (flat.margin_ratio, flat.liquidation_price) == (0.0, price(0))
    assert short.margin_ratio == pytest.approx(0.004, abs=1e-5)
    assert short.liquidation_price == price("199.18")


def test_nothing_is_saved_before_there_was_time(tmp_path: Path) -> None:
    with closing(open_environment(tmp_path / "other")) as environment:
        house = House(environment)
        house.broker.release()

        assert house.saved == []
