import sys
from pathlib import Path

import pytest

from actors.validation.program import Heard, Program
from actors.validation.recovery import Effect, halve, judged, kill, lost, struck, told
from domain.errors import StoreCorrupt
from persistence.copies import examine
from tests.actors.validation.made import a_store, failed, said

EXITS = ("100.10", "99.90")


def test_everything_that_was_told_is_found_again(tmp_path: Path) -> None:
    heard = a_store(tmp_path, *EXITS)

    assert lost(heard, tmp_path) == []
    assert told(heard) == "4 fills, 4 orders, 0 checkpoints, 6 candle series"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (said(0, "order", id="E99"), "1 orders"),
        (said(0, "checkpoint", sequence=2), "3 checkpoints"),
        (said(0, "funding", rate="0.0001", amount="0.10"), "1 funding payments"),
        (said(0, "fill", order="E0", side="BUY", price="100.03", quantity="0.5"), "1 fills"),
    ],
)
def test_what_was_told_and_is_not_there_is_lost(tmp_path: Path, more: Heard, words: str) -> None:
    heard = a_store(tmp_path, *EXITS)

    assert lost([*heard, more], tmp_path) == [words]


def test_fill_that_was_told_twice_must_be_there_twice(tmp_path: Path) -> None:
    heard = a_store(tmp_path, *EXITS)
    fill = next(one for one in heard if one.name == "fill")

    assert lost([*heard, fill], tmp_path) == ["1 fills"]


def test_candles_with_a_hole_are_lost_candles(tmp_path: Path) -> None:
    heard = a_store(tmp_path, *EXITS, without=500)

    assert lost(heard, tmp_path) == ["1m has only 499 candles without a gap"]


def test_store_that_was_cut_to_half_its_size_is_no_store_any_more(tmp_path: Path) -> None:
    heard = a_store(tmp_path, *EXITS)
    size = (tmp_path / "store" / "data.mdb").stat().st_size

    halve(tmp_path)

    assert (tmp_path / "store" / "data.mdb").stat().st_size == size // 2
    with pytest.raises(StoreCorrupt):
        examine(tmp_path / "store")
    assert lost(heard, tmp_path)[0].startswith("the store: ")


def test_minute_is_too_long_never_is_longer_and_a_loss_is_a_failure() -> None:
    assert failed(judged("cut", Effect(59.9), [], "4 fills")) == []
    assert failed(judged("cut", Effect(60.0), [], "4 fills")) == ["cut: back in less than 60 s"]
    assert failed(judged("cut", Effect(None), [], "4 fills")) == ["cut: back in less than 60 s"]
    assert failed(judged("cut", Effect(1.0), ["1 fills"], "4 fills")) == ["cut: nothing lost"]


def test_program_without_a_trader_cannot_recover_from_anything(tmp_path: Path) -> None:
    with Program((), tmp_path, (sys.executable, "-c", "")) as program:
        assert struck(program, tmp_path, kill) == Effect(None, "it was never ready")
        assert kill(program, tmp_path) == Effect(None)
    halve(tmp_path)

    assert lost([], tmp_path)[0].startswith("the store: ")
