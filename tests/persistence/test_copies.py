from contextlib import closing
from errno import EACCES, EDQUOT, EIO, ENOENT, ENOSPC, EPERM, EROFS
from pathlib import Path

import lmdb
import pytest

from domain.errors import StateInvalid, StoreBusy, StoreCorrupt
from domain.ledger import NOTHING, funding
from domain.units import Nanos
from persistence.backups import StateFile
from persistence.checkpoints import CheckpointStore
from persistence.copies import KEPT, copies, copy, examine, put_back
from persistence.document import document
from persistence.environment import open_environment, tried, unwritable
from persistence.home import NEW, Home
from persistence.ledger import LedgerStore
from persistence.recovery import healed
from tests.builders import NOON, an_entry, money
from tests.persistence.test_tool import a_home


def a_copy(home: Home, stamp: str = "20250301_120000") -> Path:
    with closing(open_environment(home.store)) as environment:
        return copy(environment, home.backups, stamp)


def spend(home: Home) -> None:
    """One more funding payment: wallet 9997 becomes 9994."""
    with closing(open_environment(home.store)) as environment:
        LedgerStore(environment).append(funding(money(-3), an_entry(2)))


def damage(store: Path) -> None:
    """Cut the file short, as a disk that lost its end does."""
    with (store / "data.mdb").open("r+b") as file:
        file.truncate(3 * 4096)


def test_copy_of_a_store_that_is_in_use_adds_up_to_the_same(tmp_path: Path) -> None:
    home = a_home(tmp_path)

    made = a_copy(home)
    spend(home)

    assert examine(made).wallet == 9997
    assert examine(home.store).wallet == 9994


def test_a_day_of_copies_is_kept_and_one_that_is_not_whole_is_none(tmp_path: Path) -> None:
    home = a_home(tmp_path)
    (home.backups / "store_20250301_999999.new").mkdir()

    for number in range(KEPT + 2):
        a_copy(home, f"20250301_{number:06}")

    names = [path.name for path in copies(home.backups)]
    assert len(names) == KEPT
    assert (names[0], names[-1]) == ("store_20250301_000025", "store_20250301_000002")


def test_copy_that_does_not_add_up_says_that_the_store_is_damaged(tmp_path: Path) -> None:
    home = a_home(tmp_path)
    with closing(open_environment(home.store)) as environment:
        with environment.begin(environment.open_db(b"trips"), write=True) as transaction:
            transaction.put(bytes(8), b"\xc1")

        with pytest.raises(StoreCorrupt):
            StateFile(home, environment).save(document(NOON, NOTHING, (), 0.0))

    assert copies(home.backups) == ()


def test_copy_that_the_disk_does_not_take_is_no_reason_to_stop(tmp_path: Path) -> None:
    home = a_home(tmp_path)
    (home.backups / "store_20250301_120000").write_text("in the way")

    with closing(open_environment(home.store)) as environment:
        assert StateFile(home, environment).save(document(NOON, NOTHING, (), 0.0))


def test_good_store_is_left_as_it_is(tmp_path: Path) -> None:
    home = a_home(tmp_path)

    assert healed(home) == ""
    assert healed(Home(tmp_path / "nothing")) == ""


@pytest.mark.parametrize("how", ["cut", "hole", "rubbish"])
def test_store_that_cannot_be_trusted_gives_way_to_its_newest_good_copy(
    tmp_path: Path, how: str
) -> None:
    home = a_home(tmp_path)
    a_copy(home, "20250301_120000")
    damage(a_copy(home, "20250301_130000"))
    if how == "cut":
        damage(home.store)
    elif how == "hole":
        with closing(open_environment(home.store)) as environment:
            LedgerStore(environment).append(funding(money(-3), an_entry(9)))
    else:
        (home.store / "data.mdb").write_bytes(b"no database at all" * 1000)

    said = healed(home)

    assert "went back to backup store_20250301_120000" in said
    assert examine(home.store).wallet == 9997
    assert (home.path / "parked" / "replaced-1" / "store" / "data.mdb").exists()


def test_without_a_good_copy_nothing_is_touched(tmp_path: Path) -> None:
    home = a_home(tmp_path)
    damage(home.store)
    before = (home.store / "data.mdb").read_bytes()

    with pytest.raises(StoreCorrupt, match="no good backup"):
        healed(home)

    assert (home.store / "data.mdb").read_bytes() == before


def test_copy_that_is_not_good_is_not_put_back(tmp_path: Path) -> None:
    home = a_home(tmp_path)
    made = a_copy(home)
    damage(made)

    with home, pytest.raises(StoreCorrupt):
        put_back(home, made)

    assert examine(home.store).wallet == 9997


def test_crash_between_the_two_steps_of_a_swap_is_made_good_by_the_next_start(
    tmp_path: Path,
) -> None:
    home = a_home(tmp_path)
    made = a_copy(home)
    spend(home)
    made.replace(tmp_path / NEW)

    with Home(tmp_path):
        assert examine(home.store).wallet == 9997


def test_checkpoint_that_nobody_wrote_cannot_be_had(tmp_path: Path) -> None:
    home = a_home(tmp_path)

    with (
        closing(open_environment(home.store)) as environment,
        pytest.raises(StateInvalid, match="no checkpoint 7"),
    ):
        CheckpointStore(environment).at(7)


def test_store_that_is_gone_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreBusy):
        examine(tmp_path)


def test_disk_is_tried_by_writing_and_what_it_refuses_is_told_apart(tmp_path: Path) -> None:
    with closing(open_environment(a_home(tmp_path).store)) as environment:
        assert tried(environment) == ""

    assert not unwritable(OSError(ENOENT, "No such file"))
    assert not unwritable(ValueError(Nanos(28)))


@pytest.mark.parametrize("number", [ENOSPC, EDQUOT, EROFS, EACCES, EPERM, EIO])
def test_disk_that_is_full_read_only_or_not_ours_any_more_is_what_trading_waits_for(
    number: int,
) -> None:
    assert unwritable(OSError(number, "the disk refuses"))


@pytest.mark.parametrize("kind", [lmdb.DiskError, lmdb.ReadonlyError])
def test_so_is_one_that_refuses_the_store(kind: type[lmdb.Error]) -> None:
    assert unwritable(kind("the disk refuses"))
