from dataclasses import replace

from actors.messages import (
    Begin,
    CloseAndStop,
    FeedReady,
    ModelReady,
    Pause,
    StopRequested,
    Suspended,
    Tick,
    TradingHalted,
)
from actors.risk import RiskActor
from actors.risk.actor import ANSWER_WITHIN
from domain.facts import Decided, Decision, OrderRefused, Progress, Ready
from domain.instrument import BTCUSDT
from domain.market import Side
from domain.orders import Approved, Order
from domain.signals import Direction
from domain.units import MINUTE, SECOND, Nanos
from tests.builders import (
    NOON,
    a_book,
    a_position,
    a_quality,
    a_signal,
    an_account,
    marked,
)
from tests.fakes import Outbox


class TestRisk:
    def setup_method(self) -> None:
        self.broker = Outbox()
        self.dashboard = Outbox()
        self.supervisor = Outbox()
        self.risk = RiskActor(
            BTCUSDT,
            lambda: 1.5,
            broker=self.broker,
            dashboard=self.dashboard,
            supervisor=self.supervisor,
        )

    def tell(self, *messages: object) -> None:
        for message in messages:
            self.risk.receive(message)  # type: ignore[arg-type]

    def get_ready(self) -> None:
        """Every start criterion is met, and the account is flat."""
        self.tell(Begin(), Tick(NOON), BTCUSDT, marked(), a_book(), a_quality())
        self.tell(FeedReady(NOON), ModelReady(NOON, "embedded", "ab"))

    def decisions(self) -> list[Decision]:
        return [fact.state for fact in self.dashboard.of(Decided)]

    def sent(self) -> list[Order]:
        return [approved.order for approved in self.broker.of(Approved)]

    def test_ready_is_said_once_when_feed_model_and_spread_are(self) -> None:
        self.tell(Tick(NOON), FeedReady(NOON), a_quality())
        assert self.dashboard.of(Ready) == []

        self.tell(ModelReady(NOON, "embedded", "ab"), a_quality(), FeedReady(NOON))

        assert self.dashboard.of(Ready) == [Ready(NOON, "embedded", "ab", 1.5)]

    def test_spread_too_wide_at_the_start_delays_it(self) -> None:
        self.tell(FeedReady(NOON), ModelReady(NOON, "m", "s"), a_quality(spread_bps=20))
        assert self.dashboard.of(Ready) == []

        self.tell(a_quality(spread_bps=19))

        assert len(self.dashboard.of(Ready)) == 1

    def test_model_and_spread_have_lines_of_their_own_that_change_when_they_are_met(self) -> None:
        self.tell(Tick(NOON), Tick(NOON), a_quality(spread_bps=25))
        self.tell(FeedReady(NOON), ModelReady(NOON, "embedded", "ab"), a_quality())

        lines = [(x.criterion, x.met) for x in self.dashboard.of(Progress)]
        assert lines == [("spread", False), ("model", False), ("model", True), ("spread", True)]

    def test_spread_that_stays_wide_for_ten_minutes_ends_the_program(self) -> None:
        self.tell(Tick(NOON), FeedReady(NOON), ModelReady(NOON, "m", "s"), a_quality(spread_bps=25))

        self.tell(*(Tick(Nanos(NOON + n * MINUTE)) for n in range(12)))

        (stop,) = self.supervisor.of(StopRequested)
        assert stop.status == 3
        assert "an average spread below 20 bps is needed" in stop.reason

    def test_nothing_is_traded_before_the_start(self) -> None:
        self.tell(Tick(NOON), marked(), a_book(), a_quality(), a_signal())

        assert self.sent() == []
        assert self.decisions() == [Decision.ANALYZING]

    def test_confident_signal_sends_one_order(self) -> None:
        self.get_ready()

        self.tell(a_signal())

        (order,) = self.sent()
        assert (order.id, order.side) == (f"E{NOON // SECOND}", Side.BUY)
        assert self.decisions()[-1] is Decision.LONG_ENTRY

    def test_nothing_is_decided_while_an_order_is_on_its_way(self) -> None:
        self.get_ready()
        self.tell(a_signal())
        (order,) = self.sent()

        self.tell(a_signal(at=NOON + 1), replace(marked(), last_order=order.id, pending=True))
        self.tell(a_signal(at=NOON + 2))

        assert len(self.sent()) == 1

    def test_decisions_go_on_when_the_broker_shows_the_order_done(self) -> None:
        self.get_ready()
        self.tell(a_signal())
        (order,) = self.sent()

        self.tell(replace(marked(), last_order=order.id), a_signal(at=NOON + SECOND))

        assert len(self.sent()) == 2

    def test_order_the_broker_never_showed_is_given_up(self) -> None:
        self.get_ready()
        self.tell(a_signal())

        later = Nanos(NOON + ANSWER_WITHIN + 1)
        self.tell(a_book(at=later), Tick(later), a_signal(at=later))

        assert len(self.sent()) == 2

    def test_position_that_the_venue_closed_is_a_decision_told_once(self) -> None:
        self.get_ready()
        self.tell(marked(an_account(position=a_position())))

        flat = replace(marked(), ended="stop 99")
        self.tell(a_book(bid="98.99", ask="99.01"), flat, flat)

        assert self.sent() == []
        assert self.decisions()[1:] == [Decision.POSITION_HOLD, Decision.CLOSE_POSITION]
        assert self.dashboard.of(Decided)[-1].reason == "stop 99"

    def test_entry_that_is_filled_is_held_from_then_on(self) -> None:
        self.get_ready()
        self.tell(a_signal())
        (order,) = self.sent()
        held = marked(an_account(position=a_position()))

        self.tell(replace(marked(), last_order=order.id, pending=True))
        self.tell(replace(held, last_order=order.id, pending=True), held, held)

        assert self.decisions()[-2:] == [Decision.LONG_ENTRY, Decision.POSITION_HOLD]
        assert self.dashboard.of(Decided)[-1].reason == "long, stop 99, target 101"

    def test_entry_that_comes_back_unfilled_is_waited_out(self) -> None:
        self.get_ready()
        self.tell(a_signal())
        (order,) = self.sent()

        self.tell(replace(marked(), last_order=order.id), marked())

        assert self.decisions()[-2:] == [Decision.LONG_ENTRY, Decision.WAITING]

    def test_close_that_is_done_stays_a_close(self) -> None:
        self.get_ready()
        self.tell(marked(an_account(position=a_position())), CloseAndStop("SIGINT"))
        (order,) = self.sent()

        self.tell(replace(marked(), last_order=order.id, pending=True))
        self.tell(replace(marked(), last_order=order.id))

        assert self.decisions()[-1] is Decision.CLOSE_POSITION

    def test_close_that_a_stale_book_delays_is_said_once_and_tried_until_it_can(self) -> None:
        self.get_ready()
        self.tell(marked(an_account(position=a_position())))
        self.tell(Tick(Nanos(NOON + 3 * SECOND)), TradingHalted("disk full"))

        self.tell(*(Tick(Nanos(NOON + n * SECOND)) for n in range(4, 9)))
        assert self.sent() == []
        assert [fact.code for fact in self.dashboard.of(OrderRefused)] == ["STALE_BOOK"]

        self.tell(a_book(at=NOON + 9 * SECOND))
        assert len(self.sent()) == 1

    def test_halt_closes_what_is_open_and_opens_nothing(self) -> None:
        self.get_ready()
        self.tell(marked(an_account(position=a_position())))

        self.tell(TradingHalted("ledger does not balance"))
        (order,) = self.sent()
        self.tell(replace(marked(), last_order=order.id), a_signal())

        assert len(self.sent()) == 1
        assert self.decisions()[-1] is Decision.RISK_PAUSE

    def test_suspension_lets_nothing_out_until_it_is_over(self) -> None:
        self.get_ready()
        self.tell(marked(an_account(position=a_position())), a_signal())
        before = len(self.sent())

        self.tell(Suspended("disk full"))
        assert self.dashboard.of(Decided)[-1] == Decided(NOON, Decision.RISK_PAUSE, "disk full")
        self.tell(TradingHalted("drawdown"), Tick(Nanos(NOON + SECOND)), a_book(at=NOON + SECOND))
        assert len(self.sent()) == before

        self.tell(Suspended(""), a_book(at=NOON + 2 * SECOND))
        assert [order.closes for order in self.sent()[before:]] == [True]

    def test_end_of_the_program_closes_what_is_open(self) -> None:
        self.get_ready()
        self.tell(marked(an_account(position=a_position(side=Side.SELL))))

        self.tell(CloseAndStop("SIGINT"))

        (order,) = self.sent()
        assert (order.side, order.reason) == (Side.BUY, "SIGINT")

    def test_person_pauses_and_resumes(self) -> None:
        self.get_ready()

        self.tell(Pause(on=True), a_signal())
        assert self.sent() == []
        assert self.decisions()[-1] is Decision.RISK_PAUSE

        self.tell(Pause(on=False), a_signal(at=NOON + 1))
        assert self.sent() != []

    def test_signal_that_turns_closes_the_position(self) -> None:
        self.get_ready()
        self.tell(marked(an_account(position=a_position())))

        self.tell(a_signal(direction=Direction.SHORT))

        assert [order.closes for order in self.sent()] == [True]

    def test_refused_entry_is_told_with_its_code(self) -> None:
        self.get_ready()

        self.tell(a_quality(liquidity=1.0), a_signal())

        (refused,) = self.dashboard.of(OrderRefused)
        assert refused.code == "THIN_BOOK"
        assert self.decisions()[-1] is Decision.WAITING
