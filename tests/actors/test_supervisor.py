from collections.abc import Iterator
from contextlib import suppress
from queue import Empty, Queue
from typing import Any

import pytest
from pykka import ActorRef, ActorRegistry

from actors.actor import Actor, Address, Mailbox, launch
from actors.messages import (
    Begin,
    CloseAndStop,
    Flat,
    StopRequested,
    SupervisorInbox,
    Tick,
    TradingHalted,
)
from actors.supervisor import EXIT_GAVE_UP, Child, Outlets, Patience, SupervisorActor
from domain.errors import FeedLost, StoreCorrupt
from domain.facts import ActorRestarted, Halted, Noted, Stopped, Stopping
from domain.units import MINUTE, SECOND, Nanos
from tests.builders import NOON

SOON = 5.0
"""How long a test waits for what must come [s]."""


class Waiting:
    """A mailbox that a test can wait on."""

    def __init__(self) -> None:
        self.told: Queue[Any] = Queue()

    def tell(self, message: Any, /) -> None:
        self.told.put(message)

    def next(self, kind: type) -> Any:
        """The next message of this kind; others are passed over."""
        while not isinstance(message := self.told.get(timeout=SOON), kind):
            pass
        return message


class Fragile(Actor[Exception | str | Begin]):
    """Dies of the exception it is told; passes anything else on, and says when it is let go."""

    def __init__(self, name: str, out: Mailbox[str], supervisor: Mailbox[SupervisorInbox]) -> None:
        super().__init__(supervisor)
        self._name = name
        self._out = out

    def receive(self, message: Exception | str | Begin) -> None:
        if isinstance(message, Exception):
            raise message
        self._out.tell(f"{self._name} {type(message).__name__ if message == Begin() else message}")

    def release(self) -> None:
        self._out.tell(f"{self._name} released")


class House:
    """A supervisor with two children, of which the second is fragile."""

    def __init__(self, restarts_max: int = 5, duration: Nanos | None = None) -> None:
        self.out, self.risk, self.broker, self.dashboard = (Waiting() for _ in range(4))
        self.ended: Queue[tuple[int, str]] = Queue()
        self.first: Address[Any] = Address()
        self.fragile: Address[Any] = Address()
        self.up: Address[SupervisorInbox] = Address()
        outlets = Outlets(
            self.risk,
            self.broker,
            self.dashboard,
            lambda status, reason: self.ended.put((status, reason)),
            (Noted(NOON, "opening"),),
        )
        children = [
            Child("First", lambda: self._start("first"), self.first),
            Child("Fragile", lambda: self._start("fragile"), self.fragile),
        ]
        patience = Patience(restarts_max, MINUTE)
        self.supervisor = launch(SupervisorActor, children, patience, outlets, duration)
        self.up.move_to(self.supervisor)
        self.supervisor.tell(Begin())

    def heard(self, count: int) -> list[str]:
        return [self.out.told.get(timeout=SOON) for _ in range(count)]

    def answers(self, word: str) -> bool:
        """Whether the fragile child, perhaps after a restart, passes the word on."""
        for _ in range(100):
            self.fragile.tell(word)
            with suppress(Empty):
                while (heard := self.out.told.get(timeout=0.05)) != f"fragile {word}":
                    pass
                return bool(heard)
        return False

    def _start(self, name: str) -> ActorRef[Fragile]:
        return launch(Fragile, name, self.out, self.up)


@pytest.fixture(autouse=True)
def _nobody_outlives_a_test() -> Iterator[None]:
    yield
    ActorRegistry.stop_all()


def test_children_start_in_order_after_the_opening_was_told() -> None:
    house = House()

    assert house.heard(2) == ["first Begin", "fragile Begin"]
    assert house.dashboard.next(Noted).text == "opening"


def test_child_that_dies_of_a_transient_error_answers_again_at_the_same_address() -> None:
    house = House()
    house.heard(2)

    house.fragile.tell(FeedLost("line closed"))

    assert house.answers("again")
    restarted = house.dashboard.next(ActorRestarted)
    assert restarted.actor == "Fragile"
    assert "line closed" in restarted.error


def test_fatal_error_halts_trading_and_ends_the_program_with_its_status() -> None:
    house = House()
    house.heard(2)

    house.fragile.tell(StoreCorrupt("fill of 3 bytes"))

    assert "fill of 3 bytes" in house.risk.next(TradingHalted).reason
    assert "fill of 3 bytes" in house.dashboard.next(Halted).reason
    house.supervisor.tell(Flat())
    status, reason = house.ended.get(timeout=SOON)
    assert status == StoreCorrupt.status
    assert "fill of 3 bytes" in reason


def test_one_death_more_than_we_forgive_gives_up() -> None:
    house = House(restarts_max=0)
    house.heard(2)

    house.fragile.tell(FeedLost("line closed"))
    house.risk.next(TradingHalted)
    house.supervisor.tell(Flat())

    status, reason = house.ended.get(timeout=SOON)
    assert status == EXIT_GAVE_UP
    assert "too many crashes" in reason


def test_stop_closes_first_and_then_takes_all_down_last_first() -> None:
    house = House()
    house.heard(2)
    house.supervisor.tell(Tick(NOON))

    house.supervisor.tell(StopRequested("SIGINT"))
    assert house.risk.next(CloseAndStop).reason == "SIGINT"
    assert house.broker.next(CloseAndStop).reason == "SIGINT"
    house.supervisor.tell(Flat())

    assert house.heard(2) == ["fragile released", "first released"]
    assert house.dashboard.next(Stopping) == Stopping(NOON, "SIGINT")
    assert house.dashboard.next(Stopped).at == NOON
    assert house.ended.get(timeout=SOON) == (0, "SIGINT")


def test_second_stop_does_not_wait_for_the_position() -> None:
    house = House()

    house.supervisor.tell(StopRequested("SIGINT"))
    house.supervisor.tell(StopRequested("SIGINT"))

    assert house.ended.get(timeout=SOON) == (0, "SIGINT")


def test_where_there_is_no_market_left_nothing_is_waited_for() -> None:
    house = House()

    house.supervisor.tell(StopRequested("no network", status=3, market=False))

    assert house.ended.get(timeout=SOON) == (3, "no network")
    assert house.risk.told.empty()


def test_time_given_is_market_time() -> None:
    house = House(duration=Nanos(10 * SECOND))

    house.supervisor.tell(Tick(NOON))
    house.supervisor.tell(Tick(Nanos(NOON + 9 * SECOND)))
    house.supervisor.tell(Tick(Nanos(NOON + 10 * SECOND)))

    assert house.dashboard.next(Stopping).at == NOON + 10 * SECOND


def test_death_while_stopping_restarts_nobody() -> None:
    house = House()
    house.heard(2)
    house.supervisor.tell(StopRequested("SIGINT"))
    house.risk.next(CloseAndStop)

    house.fragile.tell(FeedLost("line closed"))
    house.supervisor.tell(Flat())

    assert house.ended.get(timeout=SOON) == (0, "SIGINT")


def test_old_deaths_are_forgotten() -> None:
    patience = Patience(restarts_max=1, window=Nanos(60))

    patience = patience.after_death(Nanos(0)).after_death(Nanos(61))

    assert not patience.exhausted
    assert patience.after_death(Nanos(62)).exhausted
