"""Test 5, recovery: killed, robbed of its store, cut off; soon back, and nothing lost.

Each fault strikes the real program on the ledger that the tests before it have written. What was
told by any run is held against the store that stands after the fault.
"""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from actors.validation.program import Heard, Program
from actors.validation.record import Kept, kept
from actors.validation.relay import Relay
from actors.validation.trading import as_booked, as_told
from actors.validation.verdict import Bench, Criterion
from domain.candles import unbroken
from domain.errors import PlasmaError
from domain.horizons import INGESTION
from domain.ledger import Cause

BENCH = Bench("5 recovery")

SECONDS_MAX = 60.0
"""Mission, "Test de recovery" [s]."""

START_SECONDS_MAX = 420.0
"""A start that takes longer has failed; ingestion alone may take 300 s."""

FAULT_SECONDS_MAX = 180.0
"""A trader that is killed is noticed at once, a ruined store when the next minute is written."""

PAGES_LEFT = 2 * 4096
"""What is left of a store that is cut short under a trader: its two meta pages [bytes]."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What came of a fault.

    Attributes:
        seconds: from when it struck until trading could go on; None where it never could.
        detail: what else there is to say of it.
    """

    seconds: float | None
    detail: str = ""


Strike = Callable[[Program, Path], Effect]
"""Done to a program that is ready, and to its HOME."""


def kill(program: Program, _home: Path) -> Effect:
    """End the trader under its guardian, at once."""
    killed = program.kill_trader()
    return Effect(None if killed is None else _again(program, "ready", killed))


def ruin(program: Program, home: Path) -> Effect:
    """Cut the store short under a trader that runs. The time counts from when it noticed."""
    data = home / "store" / "data.mdb"
    size, begun = data.stat().st_size, monotonic()
    os.truncate(data, PAGES_LEFT)
    ready = program.hear("ready", FAULT_SECONDS_MAX)
    died = program.died(begun)
    if ready is None or died is None:
        return Effect(None, "no other trader came to take its place")
    noticed = f"{PAGES_LEFT} of {size} bytes left; it traded on for {died - begun:.1f} s"
    return Effect(ready.at - died, noticed)


def find(program: Program, _home: Path) -> Effect:
    """Nothing: it was started on a store of which half is gone."""
    return Effect(program.of("ready")[0].at - program.begun, "from the start of the process")


def cut(relay: Relay) -> Strike:
    """Break the connection to the exchange's streams."""

    def strike(program: Program, _home: Path) -> Effect:
        begun = monotonic()
        count = relay.cut()
        restored = _again(program, "feed_restored", begun)
        lost = next((x.event["reason"] for x in program.of("feed_lost") if x.at >= begun), "unseen")
        program.hear("forecast", FAULT_SECONDS_MAX)
        return Effect(restored, f"{count} connections cut: {lost}")

    return strike


def struck(program: Program, home: Path, strike: Strike) -> Effect:
    """Strike a program once it has forecast."""
    if program.hear("ready", START_SECONDS_MAX) is None:
        return Effect(None, program.words[-1][1] if program.words else "it was never ready")
    program.hear("forecast", FAULT_SECONDS_MAX)
    return strike(program, home)


def halve(home: Path) -> None:
    """Cut the store of a trader that stands still to half its size, if it has one."""
    data = home / "store" / "data.mdb"
    if data.exists():
        os.truncate(data, data.stat().st_size // 2)


def _again(program: Program, name: str, since: float) -> float | None:
    """How long it takes until this event comes again [s]."""
    heard = program.hear(name, FAULT_SECONDS_MAX)
    return None if heard is None else heard.at - since


def judged(fault: str, effect: Effect, losses: Sequence[str], told: str) -> list[Criterion]:
    """The two criteria of a fault: how soon it was over, and that nothing was lost.

    Args:
        fault: its name.
        effect: what came of it.
        losses: what is not there any more, in words.
        told: what had to be there, in words.
    """
    seconds = effect.seconds
    after = "never" if seconds is None else f"after {seconds:.1f} s"
    figures = {} if seconds is None else {"seconds": seconds}
    return [
        BENCH.judge(
            f"{fault}: back in less than {SECONDS_MAX:.0f} s",
            "; ".join(filter(None, (after, effect.detail))),
            good=seconds is not None and seconds < SECONDS_MAX,
            **figures,
        ),
        BENCH.judge(
            f"{fault}: nothing lost",
            "; ".join(losses) or f"nothing of {told}",
            good=not losses,
            losses=len(losses),
        ),
    ]


def lost(heard: Sequence[Heard], home: Path) -> list[str]:
    """What was told and is not in the store, or is wrong with the store, in words."""
    try:
        found = kept(home / "store")
    except PlasmaError as error:
        return [f"the store: {error}"]
    missing = {
        "fills": (_fills(heard) - as_booked(found)).total(),
        "orders": len(_orders(heard) - found.orders),
        "funding payments": _funding(heard, found),
        "checkpoints": max(0, _checkpoint(heard) - found.checkpoint),
    }
    short = [
        f"{timeframe} has only {count} candles without a gap"
        for timeframe, series in found.candles.items()
        if (count := unbroken(series)) < INGESTION
    ]
    return [f"{count} {name}" for name, count in missing.items() if count] + short


def told(heard: Sequence[Heard]) -> str:
    """How much was told, in words."""
    fills, orders = _fills(heard).total(), len(_orders(heard))
    return f"{fills} fills, {orders} orders, {_checkpoint(heard) + 1} checkpoints, 6 candle series"


def _fills(heard: Sequence[Heard]) -> Counter[tuple[str, str, str, str]]:
    return Counter(as_told(x.event) for x in heard if x.name == "fill")


def _orders(heard: Sequence[Heard]) -> frozenset[str]:
    return frozenset(x.event["id"] for x in heard if x.name == "order")


def _funding(heard: Sequence[Heard], found: Kept) -> int:
    """How many funding payments are missing."""
    booked = sum(entry.cause is Cause.FUNDING for entry in found.entries)
    return max(0, sum(x.name == "funding" for x in heard) - booked)


def _checkpoint(heard: Sequence[Heard]) -> int:
    return max((int(x.event["sequence"]) for x in heard if x.name == "checkpoint"), default=-1)
