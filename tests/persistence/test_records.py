import pytest

from domain.errors import StoreCorrupt
from domain.ledger import Entry
from persistence.records import Packed, encoded
from tests.builders import an_entry

ENTRIES = [an_entry(number) for number in range(5)]


def test_packed_values_come_out_as_they_were() -> None:
    packed = Packed.of(ENTRIES, Entry)

    assert list(packed) == list(packed) == ENTRIES
    assert (len(packed), packed[0], packed[-1]) == (5, ENTRIES[0], ENTRIES[4])
    assert list(packed[1:3]) == ENTRIES[1:3]


def test_packed_values_are_equal_where_their_records_are() -> None:
    packed = Packed.of(ENTRIES, Entry)

    assert packed == Packed(map(encoded, ENTRIES), Entry)
    assert packed != packed[:4]
    assert packed != ENTRIES
    assert hash(packed) == hash(Packed.of(ENTRIES, Entry))


def test_record_that_is_no_value_is_corrupt_when_it_is_asked_for() -> None:
    packed = Packed([encoded(ENTRIES[0]), b"\xc1"], Entry)

    assert packed[0] == ENTRIES[0]
    with pytest.raises(StoreCorrupt, match="Entry of 1 bytes"):
        list(packed)
