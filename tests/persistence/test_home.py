import os
import subprocess
import sys
from pathlib import Path

import pytest

from domain.errors import StoreBusy, StoreCorrupt
from persistence.environment import open_environment, open_to_read
from persistence.home import Home

ROOT = Path(__file__).parents[2]

HOLD = """
import sys
from pathlib import Path
from persistence.home import Home
home = Home(Path(sys.argv[1]))
home.claim()
print("held", flush=True)
sys.stdin.read()
"""


def test_second_process_is_refused_and_the_first_is_named(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"

        with pytest.raises(StoreBusy, match=f"process {holder.pid}"):
            Home(tmp_path).claim()

        holder.kill()
    with Home(tmp_path):
        pass


def test_released_home_can_be_claimed_again(tmp_path: Path) -> None:
    with Home(tmp_path) as home:
        home.release()

    with Home(tmp_path):
        pass


@pytest.mark.parametrize("umask", [0, 0o777], ids=oct)
def test_what_is_made_while_home_is_held_is_its_owners_alone(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with Home(tmp_path / "deep" / "home") as home:
            (home.models / "download").write_text("by a library")
            with pytest.raises(StoreBusy):
                Home(home.path).claim()
            (home.path / "later").touch()
        after = os.umask(0)
    finally:
        os.umask(before)

    found = [tmp_path / "deep", *(tmp_path / "deep").rglob("*")]
    assert after == umask
    assert {path.stat().st_mode & 0o777 for path in found if path.is_dir()} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in found if path.is_file()} == {0o600}


def test_home_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    with pytest.raises(StoreBusy, match="cannot be written"):
        Home(tmp_path / "file" / "home").claim()


def entered(path: Path, market: str) -> str:
    with Home(path) as home:
        return home.enter(market)


def test_demo_never_continues_a_live_ledger_and_nothing_is_lost(tmp_path: Path) -> None:
    entered(tmp_path, "live")
    (tmp_path / "store" / "data").write_text("live")
    (tmp_path / "state.json").write_text("live")

    assert entered(tmp_path, "demo-1") == "live"
    assert not (tmp_path / "state.json").exists()
    (tmp_path / "store" / "data").write_text("demo")

    assert entered(tmp_path, "live") == "demo-1"
    assert (tmp_path / "store" / "data").read_text() == "live"
    assert (tmp_path / "state.json").read_text() == "live"
    assert entered(tmp_path, "demo-1") == "live"
    assert (tmp_path / "store" / "data").read_text() == "demo"


def test_same_market_goes_on_where_it_was(tmp_path: Path) -> None:
    entered(tmp_path, "live")
    (tmp_path / "store" / "data").write_text("live")

    assert entered(tmp_path, "live") == ""
    assert (tmp_path / "store" / "data").read_text() == "live"


def test_what_is_set_aside_is_kept_under_a_new_name_each_time(tmp_path: Path) -> None:
    with Home(tmp_path) as home:
        for text in ("first", "second"):
            (home.store / "data").write_text(text)
            home.set_aside("replaced")

    kept = tmp_path / "parked"
    assert (kept / "replaced-1" / "store" / "data").read_text() == "first"
    assert (kept / "replaced-2" / "store" / "data").read_text() == "second"
    assert list(home.store.iterdir()) == []


def test_state_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreBusy, match="there is no state"):
        open_to_read(tmp_path / "store")


def test_file_that_is_no_database_is_corrupt(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").write_bytes(b"rubbish" * 4096)

    with pytest.raises(StoreCorrupt, match="no database of ours"):
        open_to_read(tmp_path)


def test_folder_that_is_a_file_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("")

    with pytest.raises(StoreBusy, match="cannot be opened"):
        open_environment(tmp_path / "store")
