"""What a process and its children take of the machine, read from /proc."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
KIB = 1024


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at the program.

    Attributes:
        at: when we looked, by our own clock [s].
        processor: time that all its processes have taken so far, ended ones too [s].
        resident: memory that they hold now [bytes].
        peak: the most that one of them ever held [bytes].
        private: of `resident` what no file stands behind: a mapped store is left out [bytes].
    """

    at: float
    processor: float
    resident: int
    peak: int
    private: int


def sample(at: float, guardian: int, trader: int | None) -> Sample | None:
    """A look at the guardian and at the trader under it; None where the system has no /proc."""
    living = [process for process in (guardian, trader) if process is not None]
    memory = [found for process in living if (found := _memory(process)) is not None]
    taken = _processor(guardian, trader)
    if not memory or taken is None:
        return None
    return Sample(
        at=at,
        processor=taken,
        resident=sum(one.get("VmRSS", 0) for one in memory),
        peak=max(one.get("VmHWM", 0) for one in memory),
        private=sum(one.get("RssAnon", 0) for one in memory),
    )


def _memory(process: int) -> dict[str, int] | None:
    """The sizes in its status [bytes]; None where it is gone."""
    try:
        lines = (PROC / str(process) / "status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    parts = (line.split() for line in lines)
    return {x[0].rstrip(":"): int(x[1]) * KIB for x in parts if len(x) == 3 and x[2] == "kB"}  # noqa: PLR2004 - name, number, unit


def _processor(guardian: int, trader: int | None) -> float | None:
    """Time of the guardian, of its children that have ended, and of the one that lives [s]."""
    own = _times(guardian)
    if own is None:
        return None
    child = _times(trader) if trader is not None else None
    ticks = sum(own) + (sum(child[:2]) if child else 0)
    return ticks / os.sysconf("SC_CLK_TCK")


def _times(process: int) -> Sequence[int] | None:
    """Its ticks: user, system, and both of its children that were waited for."""
    try:
        line = (PROC / str(process) / "stat").read_text(encoding="utf-8")
    except OSError:
        return None
    fields = line.rpartition(")")[2].split()
    return [int(x) for x in fields[11:15]]
