"""Puts one run together: where the market comes from, where the state lives, who shows it."""

import faulthandler
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from actors.clock import Clock, SteadyClock, wall_clock
from actors.dashboard import Display, Headless, Observer
from actors.dashboard.outside import Outside
from actors.feed import Line, Source
from actors.feed.demo import DemoSource
from actors.feed.paced import LoopLine, PacedLine
from actors.forecast.actor import Memory
from actors.forecast.engine import Forecaster
from actors.forecast.engines import Choice, choose
from actors.forecast.sweeping import Sweeper
from actors.house import Addresses, Fittings, Stores, rooms
from actors.loop import Loop
from actors.pulse import Pulse, crashed
from actors.settings import Settings
from actors.terminal import heeded
from actors.threads import SIGNALS, Terms, run
from domain import terms as policy
from domain.errors import printable
from domain.facts import Fact, Mode, Noted, Starting
from domain.version import VERSION
from persistence.backups import StateFile
from persistence.calibration import CalibrationStore
from persistence.candles import CandleStore
from persistence.checkpoints import CheckpointStore
from persistence.copies import inode, rescue
from persistence.environment import open_environment, tried
from persistence.forecasts import ForecastStore
from persistence.home import Home
from persistence.journal import Journal
from persistence.ledger import LedgerStore
from persistence.logs import Complaints, shortened
from persistence.recovery import healed, logged
from persistence.redo import RedoLog

if TYPE_CHECKING:
    from actors.dashboard.screen import Canvas


def trade(settings: Settings, canvas: "Canvas | None" = None) -> int:
    """Run until the end, in a terminal that is ours already, or not; returns the exit status.

    Raises:
        PlasmaError: something that the user named cannot be used, or the state cannot.
    """
    begun = monotonic()
    source = _source(settings)
    with _outside(settings) as outside, Home(settings.home) as home, ExitStack() as held:
        held.enter_context(_keep_logs(home))
        entered = _enter(home, settings, source)
        note = "; ".join(filter(None, (entered, healed(home, crashed=crashed()), outside.note)))
        source = _resumed(source, settings, home)
        run = _Run(settings, home, source, lambda: monotonic() - begun)
        run.observers, run.canvas = outside.observers, canvas
        reason, status = run.deterministic(note) if settings.deterministic else run.threaded(note)
        outside.ended(reason, status)
    if canvas is not None:
        canvas.close()  # what is said now must not vanish with our screen
    if status:
        sys.stderr.write(f"plasmatrader: {printable(reason)}\n")
    return status


@dataclass(frozen=True, slots=True)
class Outfit:
    """What a run is given in place of its own.

    Attributes:
        choice: the model.
        display: who is shown the facts.
        terms: the policy's numbers.
    """

    choice: Choice
    display: Display
    terms: policy.Terms = policy.TERMS


def run_through(settings: Settings, home: Home, source: Source, outfit: Outfit) -> tuple[str, int]:
    """Run a source to its end in the deterministic loop, in an empty HOME that is ours.

    Returns:
        Why it ended, and the exit status.
    """
    begun = monotonic()
    home.enter(source.identity)
    run = _Run(settings, home, source, lambda: monotonic() - begun, outfit)
    return run.deterministic("")


def _outside(settings: Settings) -> AbstractContextManager[Outside]:
    """Who watches; imported here, because to most runs nobody does."""
    if settings.metrics is None and not settings.alert_urls:
        return nullcontext(Outside())
    from actors.dashboard.telemetry.service import opened  # noqa: PLC0415

    return opened(settings)


@contextmanager
def _keep_logs(home: Home) -> Iterator[None]:
    """Write down what went wrong, and where we were when a library or the guardian ended us."""
    logging.raiseExceptions = False  # a full disk must not write on the screen instead
    logging.basicConfig(handlers=[Complaints(home.log)])
    shortened(home.log / "crashes.log")
    with (home.log / "crashes.log").open("a", encoding="utf-8") as crashes:
        faulthandler.enable(crashes)
        try:
            yield
        finally:
            faulthandler.disable()


def _source(settings: Settings) -> Source | None:
    """Where the market comes from; None for the live one."""
    if settings.demo:
        return DemoSource(seed=settings.seed)
    if settings.replay is None:
        return None
    # Imported here: readers of archives come with libraries that no other market needs.
    from actors.feed.archive import Archive  # noqa: PLC0415
    from actors.feed.recording import Recording  # noqa: PLC0415

    path, end = settings.replay, settings.end
    if _is_recording(path):
        return Recording(path, settings.history, settings.start, end)
    return Archive(path, settings.history, settings.start, end, seed=settings.seed)


def _is_recording(path: Path) -> bool:
    """Raw frames are gzipped; candle archives are not."""
    return path.suffix == ".gz" or (path.is_dir() and any(path.glob("*.gz")))


def _enter(home: Home, settings: Settings, source: Source | None) -> str:
    """Make the state that of this market; returns what a person should know of it."""
    identity = "live" if source is None else source.identity
    parked = home.enter(identity)
    notes = [f"the state of {parked} is kept in {home.path / 'parked' / parked}"] if parked else []
    if settings.replay is not None and any(home.store.iterdir()):
        notes.append(f"the earlier run of this replay is kept in {home.set_aside(identity)}")
    return "; ".join(notes)


def _resumed(source: Source | None, settings: Settings, home: Home) -> Source | None:
    """The demo goes on where it stopped; a replay begins anew; a live market is where it is."""
    if not settings.demo:
        return source
    with closing(open_environment(home.store)) as environment:
        checkpoint, _ = CheckpointStore(environment).newest()
    if source is None or checkpoint is None or checkpoint.at <= source.start:
        return source
    return DemoSource(seed=settings.seed, start=checkpoint.at)


def _live(settings: Settings, held: ExitStack, now: SteadyClock) -> Line:
    """The line to Binance. Imported here: a demo and a replay need no network."""
    from actors.feed.endpoints import Endpoints  # noqa: PLC0415
    from actors.feed.frames import Recorder  # noqa: PLC0415
    from actors.feed.live import LiveLine, Venue  # noqa: PLC0415

    recorder = None if settings.record is None else Recorder(settings.record)
    if recorder is not None:
        held.callback(recorder.close)
    endpoints = Endpoints(
        settings.rest, settings.websocket, settings.futures_rest, settings.futures_websocket
    )
    return LiveLine(Venue(endpoints, now), recorder)


def _watch(home: Home) -> Callable[[], str]:
    """Says when the store that stands in HOME is no longer the one that is there now."""
    ours = inode(home.store)

    def lost() -> str:
        return "" if inode(home.store) == ours else f"{home.store} was taken away under a trader"

    return lost


class _Run:
    """One run of the house."""

    def __init__(
        self,
        settings: Settings,
        home: Home,
        source: Source | None,
        stopwatch: Callable[[], float],
        outfit: Outfit | None = None,
    ) -> None:
        self._settings = settings
        self._home = home
        self._source = source
        self._stopwatch = stopwatch
        self._at = Addresses()
        self._pulse = Pulse()
        self._to_end = ExitStack()
        self._loaded = threading.Event()
        name = "embedded" if settings.demo and settings.model == "auto" else settings.model
        self._outfit = outfit
        self.observers: tuple[Observer, ...] = ()
        self.canvas: Canvas | None = None
        choice = choose(name, settings.engine, home.models) if outfit is None else outfit.choice
        self._choice = choice

    def deterministic(self, note: str) -> tuple[str, int]:
        """One thread, a virtual clock, nothing synced to disk: it can be run again."""
        assert self._source is not None
        with (
            closing(open_environment(self._home.store, durable=False)) as environment,
            self._to_end,
        ):
            fittings = self._fittings(environment, LoopLine(self._source))
            running = Loop(rooms(self._at, fittings), self._at)
            before = {
                number: signal.signal(number, running.note_signal) for number in heeded(SIGNALS)
            }
            try:
                stop = running.run(self._source, self._settings.duration, self._opening(note))
            finally:
                for number, handler in before.items():
                    signal.signal(number, handler)
        return stop.reason, stop.status

    def threaded(self, note: str) -> tuple[str, int]:
        """A thread for each actor."""
        with closing(open_environment(self._home.store)) as environment, ExitStack() as held:
            redo = held.enter_context(closing(logged(self._home, environment)))
            line = self._line(held)
            built = rooms(self._at, self._fittings(environment, line, redo))
            duration, opening = self._settings.duration, self._opening(note)
            lost = _watch(self._home)
            terms = Terms(duration, opening, partial(tried, environment), lost, self._pulse)
            ended = run(built, self._at, terms)
            if lost():
                rescue(environment, self._home)
        return ended.reason, ended.status

    def _line(self, held: ExitStack) -> Line:
        everyone = (*self._at.rooms, self._at.supervisor)
        if self._source is not None:
            paced = PacedLine(
                self._source, self._settings.speed, everyone, self._backlog, self._loaded
            )
            held.callback(paced.stop)
            return paced
        now = SteadyClock()
        clock = Clock(everyone, now)
        clock.start()
        held.callback(clock.stop)
        return _live(self._settings, held, now)

    def _backlog(self) -> int:
        return max(address.waiting for address in self._at.rooms)

    def _fittings(self, environment: Any, line: Line, redo: RedoLog | None = None) -> Fittings:
        durable = not self._settings.deterministic
        state = StateFile(self._home, environment if durable else None, durable=durable)
        self._to_end.callback(state.close)
        stores = Stores(
            Memory(
                CandleStore(environment), CalibrationStore(environment), ForecastStore(environment)
            ),
            LedgerStore(environment, redo),
            CheckpointStore(environment, redo),
            state.keep,
        )
        return Fittings(
            line=line,
            display=self._display(),
            journal=Journal(self._home.log),
            load_model=self._load,
            sweep=Sweeper().sweep,
            stores=stores,
            stopwatch=self._stopwatch,
            seed=self._settings.seed,
            terms=self._terms(),
            observers=self.observers,
        )

    def _terms(self) -> policy.Terms:
        if self._outfit is not None:
            return self._outfit.terms
        return policy.EAGER if self._settings.eager else policy.TERMS

    def _load(self) -> Forecaster:
        model = self._choice.open()
        self._loaded.set()
        return model

    def _display(self) -> Display:
        if self._outfit is not None:
            return self._outfit.display
        if not self._settings.watched:
            return Headless(self._at.supervisor)
        from actors.dashboard.screen import Screen  # noqa: PLC0415 - only a terminal needs it

        reports = self._home.path / "reports"
        return Screen(self._at.risk, self._at.supervisor, reports=reports, canvas=self.canvas)

    def _opening(self, note: str) -> tuple[Fact, ...]:
        """What is told first."""
        source = self._source
        at = wall_clock() if source is None else source.start
        mode = Mode.LIVE if source is None else source.mode
        book = "modelled" if source is not None and source.modelled else "real"
        died = self._pulse.recovered
        recovered = f"the trader before this one died ({died}); this one goes on" if died else ""
        eager = "--eager: every confident signal is traded on" if self._settings.eager else ""
        notes = (*self._choice.located.notes, note, recovered, eager)
        return (
            Starting(at, mode, VERSION, book),
            *(Noted(at, text) for text in notes if text),
        )
