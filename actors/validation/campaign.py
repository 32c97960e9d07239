"""Runs the five tests, one after the other, on one ledger."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from time import monotonic

from actors.validation import endurance, ingestion, prediction, recovery, trading
from actors.validation.program import Heard, Program
from actors.validation.record import Kept, Record, kept, moment
from actors.validation.recovery import Strike
from actors.validation.relay import Relay
from actors.validation.verdict import Criterion
from domain.errors import PlasmaError

STEADY_SPEED = 60.0
"""At most so fast is the demo where each single minute counts."""

STEADY_MINUTES = 10
"""Market time over which the demo's forecasts are looked at [minutes]."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Market:
    """What the program trades on.

    Attributes:
        arguments: that choose it, and the model.
        speed: times real time for the long run; None where the market has its own pace.
        streams: base URLs of the streams, tried in order; empty on the demo.
    """

    arguments: tuple[str, ...]
    speed: float | None = None
    streams: tuple[str, ...] = ()

    @property
    def live(self) -> bool:
        """Whether there is a network between it and us."""
        return self.speed is None

    def command(self, speed: float = inf, stream: str = "") -> tuple[str, ...]:
        """The program's arguments, no faster than this, over one stream or all of them."""
        streams = (stream,) if stream else self.streams
        pace = () if self.speed is None else ("--speed", f"{min(speed, self.speed):g}")
        return (*self.arguments, *pace, *(x for url in streams for x in ("--ws", url)))


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is asked.

    Attributes:
        hours: market time of the endurance test.
        patience: how much longer to wait for the trading test's orders [hours of market time].
        minutes: market time of the demo's steady run.
    """

    hours: float
    patience: float
    minutes: float = STEADY_MINUTES


@dataclass(slots=True)
class Campaign:
    """The five tests on one market, in one HOME that is new."""

    market: Market
    extent: Extent
    home: Path
    say: Say
    heard: list[Heard] = field(default_factory=list)

    def run(self) -> Iterator[Criterion]:
        """Every criterion, as soon as it is judged."""
        first = self._steady()
        stored = self._kept()
        yield from ingestion.judged(first, stored.candles if stored else {})
        if first.ready is None:
            yield from self._not_run(first)
            return
        runs = (first,) if self.market.live else (first, self._long())
        yield from self._judged_long(runs, self._kept())
        yield from self._faults()

    def _judged_long(self, runs: Sequence[Record], stored: Kept | None) -> Iterator[Criterion]:
        """Prediction by the first run, endurance by the last, trading by all of them."""
        live = self.market.live
        yield from prediction.judged(runs[0], stored.forecasts if stored else {}, live=live)
        if stored is None:
            yield trading.BENCH.judge("a ledger that adds up", "it does not", good=False)
        else:
            yield from trading.judged(runs, stored)
        yield from endurance.judged(runs[-1], self.extent.hours, live=live)

    def _not_run(self, first: Record) -> Iterator[Criterion]:
        why = f"never ready: {first.words[-1] if first.words else f'status {first.status}'}"
        for test in (prediction, trading, endurance, recovery):
            yield test.BENCH.judge("the program gets ready to trade", why, good=False)

    def _steady(self) -> Record:
        """The first run: the demo's is short and slow, a live one is the long one too."""
        if self.market.live:
            return self._long()
        minutes = self.extent.minutes
        self.say(f"ingestion and prediction: {minutes:g} minutes of market time")
        with self._program(self.market.command(STEADY_SPEED)) as program:
            self._wait(program, Lasted(minutes / 60, 0.0, 0))
            return self._ended(program)

    def _long(self) -> Record:
        hours, patience = self.extent.hours, self.extent.patience
        self.say(
            f"trading and endurance: {hours:g} h of market time, "
            f"up to {patience:g} h more until {trading.ORDERS_MIN} orders are executed"
        )
        before = trading.executed([one.event for one in self.heard])
        with self._program(self.market.command()) as program:
            wanted = trading.ORDERS_MIN - before
            self._wait(program, Lasted(hours, patience, wanted, self.say))
            return self._ended(program)

    def _faults(self) -> Iterator[Criterion]:
        """Test 5."""
        command = self.market.command(STEADY_SPEED)
        yield from self._struck("forced restart (SIGKILL)", command, recovery.kill)
        yield from self._struck("store cut short while it runs", command, recovery.ruin)
        recovery.halve(self.home)
        yield from self._struck("store cut short while it stands", command, recovery.find)
        if not self.market.live:
            yield recovery.BENCH.leave("stream cut", "the demo has no stream that could be cut")
            return
        with Relay(self.market.streams[0]) as relay:
            command = self.market.command(stream=relay.url)
            yield from self._struck("stream cut", command, recovery.cut(relay))

    def _struck(self, fault: str, command: Sequence[str], strike: Strike) -> list[Criterion]:
        """One fault, and what is left after it."""
        self.say(f"recovery: {fault}")
        with self._program(command) as program:
            effect = recovery.struck(program, self.home, strike)
            self._ended(program)
        losses = recovery.lost(self.heard, self.home)
        return recovery.judged(fault, effect, losses, recovery.told(self.heard))

    def _program(self, command: Sequence[str]) -> Program:
        return Program(command, self.home)

    def _wait(self, program: Program, lasted: "Lasted") -> None:
        """Until it is ready, and then until it has lasted; or until it ends by itself."""
        due = monotonic() + recovery.START_SECONDS_MAX
        if program.listen(lambda: bool(program.heard) and program.heard[-1].name == "ready", due):
            program.listen(lambda: lasted.enough(program.heard), inf)

    def _ended(self, program: Program) -> Record:
        program.stop()
        self.heard += program.heard
        return Record.of(program)

    def _kept(self) -> Kept | None:
        try:
            return kept(self.home / "store")
        except PlasmaError as error:
            self.say(f"the store cannot be read: {error}")
            return None


class Lasted:
    """Whether a run has lasted for its hours, and has executed its orders or had time enough."""

    def __init__(
        self, hours: float, patience: float, orders: int, say: Say = lambda _: None
    ) -> None:
        self._least, self._most = hours * 3600, (hours + patience) * 3600
        self._say = say
        self._told = 0
        self._wanted = orders
        self._begun: float | None = None
        self._looked = 0
        self._lasted = 0.0
        self._filled: set[str] = set()

    def enough(self, heard: Sequence[Heard]) -> bool:
        """Asked again and again with all that was heard so far, each event is looked at once."""
        for one in heard[self._looked :]:
            self._take(one)
        self._looked = len(heard)
        self._tell()
        traded = len(self._filled) >= self._wanted or self._lasted >= self._most
        return self._lasted >= self._least and traded

    def _tell(self) -> None:
        """Each tenth of a run that takes hours."""
        tenths = int(10 * self._lasted / max(self._least, 3600.0))
        if tenths > self._told:
            self._told = tenths
            self._say(f"  {self._lasted / 3600:.1f} h, {len(self._filled)} orders executed")

    def _take(self, one: Heard) -> None:
        if one.name == "ready" and self._begun is None:
            self._begun = moment(one)
        if one.name == "fill":
            self._filled.add(one.event["order"])
        if self._begun is not None:
            self._lasted = max(self._lasted, moment(one) - self._begun)
