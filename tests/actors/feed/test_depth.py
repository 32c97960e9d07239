"""The book rebuilt from its changes, against the exchange's rules and its own books."""

import csv
import gzip
from collections.abc import Generator, Iterable
from decimal import Decimal
from itertools import islice

import pyarrow.parquet as pq
import pytest

from actors.feed.depth import RebuiltBook
from actors.feed.protocol import DepthDiff, DepthSnapshot, decode
from domain.market import Book, Level
from domain.units import MILLISECOND, Nanos, Price, Quantity
from tests.shared import shared


def levels(*pairs: tuple[int, int]) -> tuple[Level, ...]:
    return tuple(Level(Price(Decimal(p)), Quantity(Decimal(q))) for p, q in pairs)


def a_snapshot(last_id: int = 100) -> DepthSnapshot:
    bids = levels(*((50 - n, 1) for n in range(7)))
    asks = levels(*((51 + n, 1) for n in range(7)))
    return DepthSnapshot(last_id, bids, asks)


def a_diff(
    first: int,
    last: int,
    bids: tuple[Level, ...] = (),
    asks: tuple[Level, ...] = (),
    follows: int | None = None,
) -> DepthDiff:
    return DepthDiff(
        Nanos(last), first, last, first - 1 if follows is None else follows, bids, asks
    )


def test_levels_are_added_changed_and_removed() -> None:
    book = RebuiltBook()
    book.restart(a_snapshot())

    changed = book.apply(a_diff(101, 105, bids=levels((50, 0), (49, 7)), asks=levels((52, 3))))

    assert changed is not None
    assert changed.bids == levels((49, 7), (48, 1), (47, 1), (46, 1), (45, 1))
    assert changed.asks == levels((51, 1), (52, 3), (53, 1), (54, 1), (55, 1))
    assert changed.at == 105


def test_changes_before_the_snapshot_wait_for_it_and_old_ones_are_dropped() -> None:
    book = RebuiltBook()
    assert book.apply(a_diff(90, 95, bids=levels((50, 9)))) is None
    assert book.apply(a_diff(96, 103, bids=levels((50, 2)))) is None
    assert book.apply(a_diff(104, 104, asks=levels((51, 3)))) is None

    whole = book.restart(a_snapshot(100))

    assert whole is not None
    assert (whole.bids[0], whole.asks[0]) == (levels((50, 2))[0], levels((51, 3))[0])
    assert (book.whole, book.last_id, book.holes) == (True, 104, 0)


def test_hole_in_the_updates_ends_the_book_until_the_next_snapshot() -> None:
    book = RebuiltBook()
    book.restart(a_snapshot(100))
    book.apply(a_diff(101, 105))

    assert book.apply(a_diff(107, 109)) is None
    assert (book.whole, book.holes) == (False, 1)
    assert book.apply(a_diff(110, 112)) is None

    assert book.restart(a_snapshot(108)) is not None
    assert (book.whole, book.last_id) == (True, 112)


def test_snapshot_older_than_what_is_known_does_not_help() -> None:
    book = RebuiltBook()
    book.apply(a_diff(120, 125))

    assert book.restart(a_snapshot(100)) is None
    assert not book.whole
    assert book.restart(a_snapshot(121)) is not None


def test_snapshot_while_the_book_is_whole_changes_nothing() -> None:
    book = RebuiltBook()
    book.restart(a_snapshot(100))
    book.apply(a_diff(101, 105))

    assert book.restart(a_snapshot(50)) is None
    assert book.last_id == 105


def test_changes_of_the_futures_follow_by_the_number_they_name() -> None:
    book = RebuiltBook()
    book.restart(a_snapshot(100))

    assert book.apply(a_diff(98, 110, follows=90)) is not None
    assert book.apply(a_diff(300, 310, follows=110)) is not None
    assert book.apply(a_diff(400, 410, follows=399)) is None


def test_book_that_makes_no_sense_is_a_hole() -> None:
    book = RebuiltBook()
    book.restart(a_snapshot(100))

    assert book.apply(a_diff(101, 102, bids=levels((60, 1)))) is None
    assert (book.whole, book.holes) == (False, 1)


def rebuilt(frames: Iterable[bytes | str]) -> dict[int, Book]:
    """Every state of the book by the number of its last update."""
    book, states = RebuiltBook(), dict[int, Book]()
    for frame in frames:
        decoded = decode(frame, Nanos(0))
        state = None
        if isinstance(decoded, DepthDiff):
            state = book.apply(decoded)
        elif isinstance(decoded, DepthSnapshot):
            state = book.restart(decoded)
        if state is not None and book.last_id is not None:
            states[book.last_id] = state
    assert book.holes == 0
    return states


def expected(name: str) -> dict[int, tuple[int, list[tuple[float, float]]]]:
    """Time [ms] and levels of each state, as the normalised file has them."""
    return {
        row["u"]: (
            row["ts"],
            [
                (row[f"{side}_px{n}"], row[f"{side}_qty{n}"])
                for side in ("bid", "ask")
                for n in range(1, 6)
            ],
        )
        for row in pq.read_table(shared(name)).to_pylist()
    }


def plain(book: Book) -> tuple[int, list[tuple[float, float]]]:
    levels = [(float(one.price), float(one.quantity)) for one in (*book.bids, *book.asks)]
    return book.at // MILLISECOND, levels


def depth_lines(*names: str) -> Generator[bytes]:
    for name in names:
        with gzip.open(shared(name)) as lines:
            for line in lines:
                if b"epth" in line[:60] or b"lastUpdateId" in line[:60]:
                    yield line.partition(b" ")[2]


def test_book_of_2024_equals_the_normalised_one_in_every_state() -> None:
    folder = "streams/spot_2024-08-08"
    days = (f"{folder}/spot_btcusdt_20240808.gz", f"{folder}/spot_btcusdt_20240809.gz")

    states = rebuilt(depth_lines(*days))

    assert len(states) == 6_493
    assert {u: plain(book) for u, book in states.items()} == expected(
        f"{folder}/spot_BTCUSDT_depth5.parquet"
    )


def test_book_of_the_futures_equals_the_normalised_one() -> None:
    folder = "streams/usdm_2024-08-08"

    lines = depth_lines(f"{folder}/usdm_btcusdt_20240808.gz")
    states = rebuilt(islice(lines, 2_000))
    lines.close()

    known = expected(f"{folder}/um_BTCUSDT_depth5.parquet")
    assert len(states) > 1_990
    assert all(plain(book) == known[u] for u, book in states.items())


def test_book_of_2026_equals_the_exchanges_own_depth5_frames() -> None:
    snapshot = shared("protocol/btcusdt_2026-06-07/rest_depth_limit5000.json").read_text()
    with gzip.open(shared("streams/spot_2026-06-07/raw.csv.gz"), "rt") as lines:
        rows = list(csv.DictReader(lines))
    diffs = [row["payload_json"] for row in rows if row["stream_kind"] == "depth_diff"]
    published = [row["payload_json"] for row in rows if row["stream_kind"] == "depth5"]

    states = rebuilt([snapshot, *diffs])

    compared = 0
    for frame in published:
        book = decode(frame, Nanos(0))
        number = int(frame.split(":")[1].split(",")[0])
        if number in states:
            assert isinstance(book, Book)
            assert (book.bids, book.asks) == (states[number].bids, states[number].asks)
            compared += 1
    assert compared == pytest.approx(593, abs=3)
