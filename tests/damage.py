"""What a trader's disk may do to it."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from persistence.environment import open_environment

RUINS = ("deleted", "cut short", "damaged")
"""What can become of a store under a trader."""


def ruin(home: Path, how: str) -> None:
    """Delete the store, cut it short, or put a record in it that nobody can read."""
    assert how in RUINS
    if how == "deleted":
        shutil.rmtree(home / "store")
    elif how == "cut short":
        os.truncate(home / "store" / "data.mdb", 2 * 4096)
    else:
        with closing(open_environment(home / "store")) as environment:
            trips = environment.open_db(b"trips")
            with environment.begin(trips, write=True) as transaction:
                transaction.put(b"no key of ours", b"\xc1")


@contextmanager
def small_disk(path: Path) -> Iterator[Path]:
    """A file system of its own with little room; skips where we may not mount one."""
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(path)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)  # noqa: S607


def fill_up(disk: Path) -> Path:
    """Leave no room at all; returns the file whose end gives it back."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(bytes(4096))
            except OSError:
                return filler
