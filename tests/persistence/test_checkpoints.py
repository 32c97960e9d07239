from pathlib import Path

import lmdb
import pytest

from domain.drawdown import HighWater
from domain.units import Nanos
from persistence.checkpoints import KEPT, KEY, SCHEMA, Checkpoint, CheckpointStore
from persistence.environment import open_environment
from persistence.records import encoded
from tests.builders import NOON, a_position, a_trip, an_account, money


def a_checkpoint(sequence: int = 0, schema: int = SCHEMA) -> Checkpoint:
    account = an_account(position=a_position(), recent=(a_trip(),))
    return Checkpoint(
        sequence, Nanos(NOON + sequence), schema, 3, account, HighWater(money(10_100), 0.01)
    )


@pytest.fixture
def environment(tmp_path: Path) -> lmdb.Environment:
    return open_environment(tmp_path / "store")


def test_newest_checkpoint_comes_back_whole(environment: lmdb.Environment) -> None:
    store = CheckpointStore(environment)

    store.put(a_checkpoint(0))
    store.put(a_checkpoint(1))

    assert store.newest() == (a_checkpoint(1), 0)
    assert store.next_sequence() == 2


def test_store_without_checkpoints_says_so(environment: lmdb.Environment) -> None:
    store = CheckpointStore(environment)

    assert store.newest() == (None, 0)
    assert store.next_sequence() == 0


@pytest.mark.parametrize("damage", [b"", b"\0" * 50, b"\xff\xff\xff\xff" + encoded(1)])
def test_damaged_checkpoint_is_passed_over_and_counted(
    environment: lmdb.Environment, damage: bytes
) -> None:
    store = CheckpointStore(environment)
    store.put(a_checkpoint(0))
    store.put(a_checkpoint(1))
    table = environment.open_db(b"checkpoints")
    with environment.begin(table, write=True) as transaction:
        transaction.put(KEY.pack(1), damage)

    assert store.newest() == (a_checkpoint(0), 1)
    assert store.next_sequence() == 2


def test_checkpoint_of_a_later_program_is_passed_over(environment: lmdb.Environment) -> None:
    store = CheckpointStore(environment)
    store.put(a_checkpoint(0, schema=SCHEMA + 1))

    assert store.newest() == (None, 1)


def test_old_checkpoints_are_dropped(environment: lmdb.Environment) -> None:
    store = CheckpointStore(environment)
    for sequence in range(KEPT + 2):
        store.put(a_checkpoint(sequence))

    with environment.begin(environment.open_db(b"checkpoints")) as transaction:
        assert transaction.stat(environment.open_db(b"checkpoints"))["entries"] == KEPT
