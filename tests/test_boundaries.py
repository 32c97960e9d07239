"""A broker that is killed just before any of its writes, and a disk that loses its power then.

strace injects the kills and records the writes; where it may not, these tests are skipped.
"""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from persistence.home import Home
from persistence.recovery import healed
from persistence.tool import verified
from tests.fills import Fill, booked, told
from tests.power import TRACER, laid_out, replayed
from tests.program import ROOT

pytestmark = pytest.mark.timeout(0 if "PLASMATRADER_PROOFS" in os.environ else 120)

PROOFS = "PLASMATRADER_PROOFS" in os.environ

BOUNDARIES = "pwrite64,pwritev,writev,write,fdatasync,fsync,ftruncate,rename,unlink"
"""All system calls by which a trader changes its disk."""

SAMPLE = 40
"""Of all boundaries, every so manieth comes with all tests."""


@cache
def no_tracer() -> str:
    """Why programs cannot be traced here; '' where they can."""
    strace = shutil.which("strace")
    if strace is None:
        return "strace is not installed"
    done = subprocess.run([strace, "-f", "true"], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"nothing can be traced here: {done.stderr[-200:]}"


def ran(home: Path, trips: int, *tracer: str) -> subprocess.CompletedProcess[str]:
    """The broker alone, to its end or to its death."""
    program = (sys.executable, "-m", "tests.broker_alone", str(home), str(trips))
    traced = ("strace", "-f", "-qq", *tracer) if tracer else ()
    return subprocess.run(
        [*traced, *program], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )


def fills(said: str) -> Counter[Fill]:
    """The fills that were told; a last line that is torn tells nothing."""
    return told(json.loads(x) for x in said.splitlines(keepends=True) if x.endswith("\n"))


def boundaries(folder: Path) -> list[tuple[str, int]]:
    """Each write of a round trip: which system call, and which one of its kind."""
    trace = folder / "trace"
    done = ran(folder / "counted", 1, "-e", f"trace={BOUNDARIES}", "-o", str(trace))
    assert done.returncode == 0, done.stderr
    lines = [line.partition("(")[0].split() for line in trace.read_text().splitlines()]
    counts = Counter(call for thread, call in lines if thread == lines[0][0])
    return [(call, n) for call, count in counts.items() for n in range(1, count + 1)]


def test_broker_killed_before_any_of_its_writes_books_every_fill_once(tmp_path: Path) -> None:
    if reason := no_tracer():
        pytest.skip(reason)

    for call, number in boundaries(tmp_path)[:: 1 if PROOFS else SAMPLE]:
        home = tmp_path / f"{call}-{number}"
        inject = f"inject={call}:signal=SIGKILL:when={number}"
        killed = ran(home, 1, "-o", "/dev/null", "-e", f"trace={call}", "-e", inject)
        assert killed.returncode != 0
        heard = fills(killed.stdout)
        went_on = ran(home, 1)

        assert went_on.returncode == 0, f"{inject}: {went_on.stderr}"
        assert heard + fills(went_on.stdout) <= booked(home), inject
        lines, status = verified(home)
        assert status == 0, f"{inject}: {lines}"


def test_disk_that_loses_its_power_at_any_write_holds_every_fill_that_was_told(
    tmp_path: Path,
) -> None:
    if reason := no_tracer():
        pytest.skip(reason)
    home, trace = tmp_path / "home", tmp_path / "trace"
    done = ran(home, 1, *TRACER, "-o", str(trace))
    assert done.returncode == 0, done.stderr
    generator, seen = np.random.default_rng(7), set[int]()

    for number, (disk, said) in enumerate(replayed(trace, home)):
        for share in (0.0, 0.5, 1.0) if PROOFS or number % 7 == 0 else ():
            files = disk.after_a_cut(generator, share)
            known = hash(tuple((path, bytes(data)) for path, data in sorted(files.items())))
            if known in seen:
                continue
            seen.add(known)
            found = Home(laid_out(files, tmp_path / f"cut-{number}-{share}"))

            note = healed(found)

            place = f"after call {number}, with {share:.0%} of what was on its way: {note}"
            assert "went" not in note, place
            heard = fills(said.decode())
            if heard:
                assert heard <= booked(found.path), place
                lines, status = verified(found.path)
                assert status == 0, f"{place}: {lines}"
    print(f"{len(seen)} disks")  # noqa: T201
    assert len(seen) > 20
