"""The lines of the log of facts that tell what the ledger does not hold.

One folder keeps the lines of all runs. A replay that is run again, or a demo that goes on from its
last checkpoint, lives the same hours twice; only the later life is in the ledger, so a run takes
away what was written before it about the time from its own start on.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import chain, groupby
from operator import attrgetter
from pathlib import Path
from sys import intern

import msgspec

from domain.errors import StoreBusy
from domain.facts import Mode
from domain.signals import Direction
from domain.units import MILLISECOND, MINUTE, Nanos
from persistence.logs import day_of, pieces

NAME = re.compile(rb'"event":"(\w+)"')

STEP_BACK_MAX = MINUTE
"""Facts of one run may come this much out of order [ns]."""


class Line(msgspec.Struct, gc=False):
    """What every line has."""

    at: datetime
    mode: str = ""

    @property
    def time(self) -> Nanos:
        """When it happened, to the millisecond."""
        return Nanos(round(self.at.timestamp() * 1000) * MILLISECOND)


class Start(Line):
    """The program began."""

    version: str = ""
    book: str = ""


class Stop(Line):
    """The program ended in order."""


class Model(Line):
    """The program was ready to trade with this model."""

    model: str = ""
    model_sha: str = ""


class Signal(Line, kw_only=True):
    """The fused forecast."""

    direction: Direction
    confidence: float | None
    expected_bps: float | None
    probability: float | None = None


class Wait(Line, kw_only=True):
    """A decision."""

    state: str
    reason: str


class Refusal(Line, kw_only=True):
    """An order that stayed here or came back."""

    code: str
    reason: str


class Execution(Line, kw_only=True):
    """A fill."""

    order: str
    price: Decimal
    quantity: Decimal
    latency_ms: float | None
    slippage_bps: float | None


class Worth(Line, kw_only=True):
    """The account, marked to market."""

    balance: Decimal
    equity: Decimal


class Death(Line, kw_only=True):
    """An actor died and lives again."""

    actor: str
    error: str


class Halt(Line, kw_only=True):
    """Trading was stopped."""

    reason: str


class Lost(Line, kw_only=True):
    """Market data stopped coming."""

    reason: str


class Found(Line, kw_only=True):
    """Market data flowed again."""

    seconds: float | None


DECODERS: dict[bytes, msgspec.json.Decoder[Line]] = {
    name: msgspec.json.Decoder(kind)
    for name, kind in {
        b"starting": Start,
        b"stopped": Stop,
        b"ready": Model,
        b"signal": Signal,
        b"decision": Wait,
        b"refused": Refusal,
        b"fill": Execution,
        b"account": Worth,
        b"actor_restarted": Death,
        b"halted": Halt,
        b"feed_lost": Lost,
        b"feed_restored": Found,
    }.items()
}


@dataclass(frozen=True, slots=True)
class Part:
    """A day of the log.

    Attributes:
        lines: those that belong to a ledger, in the order in which they happened.
        broken: how many could not be read.
    """

    lines: tuple[Line, ...]
    broken: int


def parts(folder: Path, mode: Mode | None, first: Nanos, last: Nanos) -> Iterator[Part]:
    """The lines of this mode between two moments, both included, a day at a time.

    Raises:
        StoreBusy: a file of the log cannot be read.
    """
    for _, day in groupby(pieces(folder), key=day_of):
        try:
            found, broken = _decoded(day)
        except OSError as error:
            raise StoreBusy(f"{error.filename} cannot be read ({error.strerror})") from error
        modes = _modes(mode)
        yield Part(
            tuple(x for x in _lived(found) if x.mode in modes and first <= x.time <= last), broken
        )


def _modes(mode: Mode | None) -> tuple[str, ...]:
    """What a line may be labelled with; the first version's lines have no label."""
    return ("", *(tuple(Mode) if mode is None else (mode,)))


def _decoded(day: Iterable[Path]) -> tuple[list[Line], int]:
    """The lines of a day's files that we read, and how many of them make no sense."""
    found, broken, mode = [], 0, ""
    for raw in chain.from_iterable(map(_raw, day)):
        name = NAME.search(raw)
        decoder = DECODERS.get(name.group(1)) if name else None
        if decoder is None:
            broken += name is None
            continue
        try:
            line = decoder.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            broken += 1
            continue
        # Before each line named its mode, only the start of a run did.
        mode = line.mode = intern(line.mode or mode)
        found.append(line)
    return found, broken


def _raw(path: Path) -> Iterator[bytes]:
    """The lines of a file; none where a trader has just removed it to make room."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        yield from (line for line in file if line.strip())


def _lived(lines: list[Line]) -> list[Line]:
    """The lines less those whose time a later run lived again."""
    runs: list[list[Line]] = [[]]
    for line in lines:
        before = runs[-1][-1] if runs[-1] else None
        if before is not None and _begins(before, line):
            runs.append([])
            for run in runs:
                run[:] = [x for x in run if x.mode != line.mode or x.at < line.at]
        runs[-1].append(line)
    return sorted((line for run in runs for line in run), key=attrgetter("at"))


def _begins(before: Line, line: Line) -> bool:
    back = (before.at - line.at).total_seconds() * 10**9 > STEP_BACK_MAX
    return back or isinstance(line, Start) or isinstance(before, Stop)
