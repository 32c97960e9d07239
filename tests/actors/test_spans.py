"""What is measured by the wall clock, for meters alone."""

from pathlib import Path

import pytest

from actors.broker import Books, BrokerActor
from actors.messages import Begin, EntrySent, Measured, SignalLeaves, Span, Tick
from domain.instrument import BTCUSDT
from domain.market import Side
from domain.signals import Signal
from domain.tally import DELAY_SECONDS, Tallied, Tally
from domain.units import SECOND, Nanos
from persistence.checkpoints import CheckpointStore
from persistence.environment import open_environment
from persistence.ledger import LedgerStore
from tests.actors.feed.listening import listening
from tests.actors.forecast.test_actor import House
from tests.builders import NOON, a_book, an_order, approved
from tests.exchange.handmade import HandMade
from tests.exchange.server import Exchange
from tests.fakes import Outbox


@pytest.fixture
def dashboard() -> Outbox:
    return Outbox()


@pytest.fixture
def broker(tmp_path: Path, dashboard: Outbox) -> BrokerActor:
    environment = open_environment(tmp_path / "store")
    ledger, checkpoints = LedgerStore(environment), CheckpointStore(environment)
    books = Books(ledger, checkpoints, lambda _at, _described: "")
    actor = BrokerActor(books, 1, risk=Outbox(), dashboard=dashboard, supervisor=Outbox())
    for message in (Begin(), BTCUSDT, a_book(), Tick(NOON)):
        actor.receive(message)
    return actor


def test_value_belongs_to_the_first_bound_that_it_does_not_exceed() -> None:
    tally = Tally(DELAY_SECONDS)

    for value in (-3.0, 0.005, 0.0051, 99.0):
        tally.add(value)
    tally.add(0.02, times=3)

    assert tally.tallied() == Tallied(
        DELAY_SECONDS, (2, 1, 3, *[0] * 8, 1), 0.005 + 0.0051 + 99.0 + 0.02 * 3
    )
    assert tally.tallied().count == 7


def test_ledger_is_timed_and_told_only_where_it_was_written(
    broker: BrokerActor, dashboard: Outbox
) -> None:
    (opening,) = dashboard.of(Measured)

    broker.receive(Tick(Nanos(NOON + SECOND)))
    broker.receive(approved(an_order(at=NOON + SECOND)))
    broker.receive(Tick(Nanos(NOON + 2 * SECOND)))

    _, told = dashboard.of(Measured)
    assert (opening.span, opening.times.count) == (Span.COMMIT, 1)
    assert (told.at, told.span) == (NOON + 2 * SECOND, Span.COMMIT)
    assert told.times.count > 1
    assert told.times.total > opening.times.total > 0


def test_entry_is_told_with_its_moment_and_an_exit_or_a_second_time_is_not(
    broker: BrokerActor, dashboard: Outbox
) -> None:
    broker.receive(approved(an_order(key="E1")))
    broker.receive(approved(an_order(key="E1")))
    broker.receive(approved(an_order(key="X1", side=Side.SELL, closes=True)))

    (sent,) = dashboard.of(EntrySent)
    assert sent.at == NOON
    assert sent.moment > 0


def test_signal_says_its_moment_before_risk_hears_it(tmp_path: Path) -> None:
    house = House(tmp_path / "store")

    house.ingest()

    (left,) = house.dashboard.of(SignalLeaves)
    assert left.at == house.risk.of(Signal)[0].at


def test_delay_and_decoding_are_told_each_second_and_only_grow() -> None:
    with Exchange(HandMade(), speed=10) as exchange, listening(exchange) as ear:
        ear.wait(Measured, 4)

    for span in (Span.DELAY, Span.DECODE):
        counts = [x.times.count for x in ear.all(Measured) if x.span is span]
        assert counts == sorted(counts)
        assert counts[-1] > 1
