from pathlib import Path

import pytest

from domain.errors import LedgerMoved, StoreCorrupt
from domain.ledger import funding, opening
from persistence.environment import open_environment
from persistence.ledger import LedgerStore, OrderState, replayed
from tests.builders import NOON, a_trip, an_account, an_entry, an_order, money


@pytest.fixture
def store(tmp_path: Path) -> LedgerStore:
    return LedgerStore(open_environment(tmp_path / "store"))


def test_entries_come_back_in_order_and_add_up(store: LedgerStore) -> None:
    store.append(funding(money(5), an_entry(1)))
    store.append(opening(NOON))

    account = replayed(store.since(0))

    assert account.wallet == money(10_005)
    assert store.since(2) == ()


def test_entry_written_twice_is_there_once(store: LedgerStore) -> None:
    store.append(opening(NOON))
    store.append(opening(NOON))

    assert store.since(0) == (opening(NOON),)


def test_entry_never_takes_the_place_of_another(store: LedgerStore) -> None:
    store.append(opening(NOON))

    with pytest.raises(LedgerMoved, match="entry 0"):
        store.append(an_entry(0, order="late"), done="late")

    assert store.since(0) == (opening(NOON),)


def test_entries_survive_closing_the_environment(tmp_path: Path) -> None:
    with open_environment(tmp_path) as environment:
        LedgerStore(environment).append(opening(NOON), a_trip())

    with open_environment(tmp_path) as environment:
        assert LedgerStore(environment).since(0) == (opening(NOON),)
        assert LedgerStore(environment).trips() == (a_trip(),)


def test_order_key_can_be_used_once(store: LedgerStore) -> None:
    assert store.send(an_order())
    assert not store.send(an_order(size="0.7"))
    assert store.sent() == (an_order(),)


def test_finished_order_is_not_on_its_way_any_more(store: LedgerStore) -> None:
    store.send(an_order(key="A"))
    store.send(an_order(key="B", closes=True))

    store.append(opening(NOON), done="A")
    store.finish("B", OrderState.EXPIRED)

    assert store.sent() == ()
    assert not store.send(an_order(key="A"))


def test_finishing_an_order_nobody_sent_is_corruption(store: LedgerStore) -> None:
    with pytest.raises(StoreCorrupt, match="never sent"):
        store.finish("ghost", OrderState.DONE)


def test_restored_trips_come_before_new_ones(store: LedgerStore) -> None:
    store.add_trips((a_trip(pnl="1"), a_trip(pnl="2")))
    store.append(an_entry(7), a_trip(pnl="3"))

    assert [trip.pnl for trip in store.trips()] == [1, 2, 3]


def test_trips_can_be_read_from_where_one_stopped(store: LedgerStore) -> None:
    store.add_trips((a_trip(pnl="1"),))
    first, key = store.trips_after(b"")
    none, same = store.trips_after(key)
    store.append(an_entry(7), a_trip(pnl="2"))
    store.append(an_entry(8), a_trip(pnl="3"))

    more, _ = store.trips_after(same)

    assert [[trip.pnl for trip in found] for found in (first, none, more)] == [[1], [], [2, 3]]


def test_record_we_did_not_write_is_reported_as_corrupt(tmp_path: Path) -> None:
    environment = open_environment(tmp_path)
    store = LedgerStore(environment)
    with environment.begin(environment.open_db(b"ledger"), write=True) as transaction:
        transaction.put(b"\0" * 8, b"\xc1")

    with pytest.raises(StoreCorrupt, match="Entry of 1 bytes"):
        store.since(0)


def test_nothing_adds_up_to_nothing() -> None:
    assert replayed(()).wallet == 0
    assert replayed((), an_account()) == an_account()
