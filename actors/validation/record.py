"""What one run of the program left: its events, what it took, how it ended; and its store."""

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from actors.validation.meter import Sample
from actors.validation.program import DIED, Heard, Program
from domain.horizons import TIMEFRAMES, Timeframe
from domain.ledger import Entry
from domain.market import Candle
from domain.moments import instant
from domain.units import EVER, SECOND, Nanos
from persistence.candles import CandleStore
from persistence.checkpoints import CheckpointStore
from persistence.copies import examined
from persistence.environment import open_to_read
from persistence.forecasts import ForecastRecord, ForecastStore
from persistence.ledger import LedgerStore


@dataclass(frozen=True, slots=True)
class Record:
    """One run of the program.

    Attributes:
        begun: when it was started, by our own clock [s].
        heard: its events, in the order in which it told them.
        samples: what it took, oldest first; empty where the system has no /proc.
        words: lines on its standard error.
        status: how it exited.
    """

    begun: float
    heard: tuple[Heard, ...]
    samples: tuple[Sample, ...] = ()
    words: tuple[str, ...] = ()
    status: int = 0

    @classmethod
    def of(cls, program: Program) -> "Record":
        """What a program that has ended left."""
        assert program.status is not None, "it still runs"
        words = tuple(words for _, words in program.words)
        heard, samples = tuple(program.heard), tuple(program.samples)
        return cls(program.begun, heard, samples, words, program.status)

    def of_name(self, name: str) -> tuple[Heard, ...]:
        """The events of one name."""
        return tuple(one for one in self.heard if one.name == name)

    @property
    def ready(self) -> Heard | None:
        """When trading could begin for the first time; None where it never could."""
        return next(iter(self.of_name("ready")), None)

    @property
    def crashes(self) -> int:
        """How often the guardian had to start it again."""
        return sum(DIED in words for words in self.words)

    @property
    def seconds(self) -> float:
        """Market time from the first `ready` to the last event [s]; 0 where it was never ready."""
        if self.ready is None:
            return 0.0
        return max(moment(one) for one in self.heard) - moment(self.ready)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a store holds, its ledger added up and found whole.

    Attributes:
        candles: of each timeframe, oldest first.
        forecasts: of each timeframe, oldest first.
        entries: the ledger, oldest first.
        orders: keys of all orders that ever went out.
        checkpoint: number of the newest checkpoint; -1 where there is none.
    """

    candles: Mapping[Timeframe, tuple[Candle, ...]]
    forecasts: Mapping[Timeframe, tuple[ForecastRecord, ...]]
    entries: tuple[Entry, ...]
    orders: frozenset[str]
    checkpoint: int


def kept(store: Path) -> Kept:
    """Everything in a store that no trader writes.

    Raises:
        PlasmaError: there is none, it cannot be read, or its ledger does not add up.
    """
    with closing(open_to_read(store)) as environment:
        examined(environment)
        ledger = LedgerStore(environment)
        candles, forecasts = CandleStore(environment), ForecastStore(environment)
        newest, _ = CheckpointStore(environment).newest()
        return Kept(
            {x: candles.between(x, Nanos(0), EVER) for x in TIMEFRAMES},
            {x: forecasts.between(x, Nanos(0), EVER) for x in TIMEFRAMES},
            ledger.since(0),
            frozenset(order.id for order in ledger.orders()),
            -1 if newest is None else newest.sequence,
        )


def moment(heard: Heard) -> float:
    """Market time of an event [s]."""
    return instant(heard.event["at"]) / SECOND


def middle(values: Iterable[float]) -> float:
    """The median; 0 of nothing."""
    found = list(values)
    return median(found) if found else 0.0
