import pytest

from actors.actor import Address, Leash
from actors.microstructure import MicrostructureActor
from tests.builders import NOON, a_book
from tests.fakes import Outbox


def test_message_to_nobody_is_dropped_and_counted() -> None:
    address: Address[str] = Address()

    address.tell("anybody home?")

    assert address.dropped == 1


def test_address_delivers_to_whoever_moved_in_last() -> None:
    address: Address[str] = Address()
    first, second = Outbox(), Outbox()
    address.move_to(first)
    address.tell("one")

    address.move_to(second)
    address.tell("two")

    assert (first.told, second.told) == (["one"], ["two"])


def test_values_of_a_conflated_kind_take_one_place_that_holds_the_newest() -> None:
    address: Address[int | str] = Address(int)
    inbox = Outbox()
    address.move_to(inbox)

    for message in (1, "between", 2, 3):
        address.tell(message)

    place, text = inbox.told
    assert text == "between"
    assert place.take() == 3
    assert address.skipped == 2


def test_place_that_was_taken_is_given_anew() -> None:
    address: Address[int] = Address(int)
    inbox = Outbox()
    address.move_to(inbox)

    address.tell(1)
    inbox.told[0].take()
    address.tell(2)

    assert len(inbox.told) == 2


def test_actor_is_handed_the_value_and_not_its_place() -> None:
    address: Address[object] = Address(type(a_book()))
    inbox, risk = Outbox(), Outbox()
    address.move_to(inbox)
    actor = MicrostructureActor(risk=risk, dashboard=Outbox(), supervisor=Outbox())

    address.tell(a_book(at=NOON))
    address.tell(a_book(at=NOON + 1))
    for message in inbox.told:
        actor.on_receive(message)

    assert [quality.at for quality in risk.told] == [NOON + 1]


def test_dead_actor_says_what_it_died_of() -> None:
    supervisor = Outbox()
    actor = MicrostructureActor(risk=Outbox(), dashboard=Outbox(), supervisor=supervisor)

    actor.on_failure(ValueError, ValueError("broken"), None)

    (death,) = supervisor.told
    assert (death.name, death.fatal) == ("MicrostructureActor", False)
    assert "broken" in death.error


class Clumsy(MicrostructureActor):
    """Fails to let go of what it holds."""

    def release(self) -> None:
        raise OSError("it would not close")


def test_actor_that_cannot_let_go_either_is_buried_once_and_the_log_has_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    supervisor = Outbox()
    actor = Clumsy(risk=Outbox(), dashboard=Outbox(), supervisor=supervisor)

    actor.on_failure(ValueError, ValueError("broken"), None)

    assert ["broken" in death.error for death in supervisor.told] == [True]
    assert "it would not close" in caplog.text


def test_sign_of_life_tells_how_much_was_handled_and_how_long_it_waited() -> None:
    actor = MicrostructureActor(risk=Outbox(), dashboard=Outbox(), supervisor=Outbox())
    inbox, leash = Outbox(), Leash()
    leash.ask(inbox, NOON)
    assert leash.waited is None

    for message in (a_book(at=NOON), a_book(at=NOON + 1), *inbox.told):
        actor.on_receive(message)

    assert leash.handled == 2
    assert leash.waited is not None
    assert leash.waited >= 0


def test_whoever_moves_in_is_told_the_newest_of_what_stands_though_nobody_had_read_it() -> None:
    address: Address[int | str] = Address(int, standing=(int,))
    address.move_to(Outbox())
    for message in (1, 2):
        address.tell(message)
    inbox = Outbox()

    address.move_to(inbox)
    address.remind()

    (place,) = inbox.told
    assert place.take() == 2
