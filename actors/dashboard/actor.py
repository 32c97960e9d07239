"""The actor that hears of everything: logs each fact, shows each value, changes nothing."""

from collections.abc import Callable, Sequence
from typing import Protocol

from actors.actor import Actor, Mailbox
from actors.dashboard.fold import Fold
from actors.dashboard.view import View
from actors.messages import (
    Begin,
    Connected,
    DashboardInbox,
    EntrySent,
    Fetched,
    LineVitals,
    Measured,
    SignalLeaves,
    SupervisorInbox,
    Tick,
    Traffic,
    Vitals,
)
from domain.account import Marked
from domain.facts import Fact, Noted, Starting
from domain.market import Book, Candle, MarkPrice, Ticker, Trade
from domain.microstructure import MarketQuality
from domain.signals import Forecast, Signal
from domain.units import Nanos
from persistence.journal import Journal, encode


class Display(Protocol):
    """Where the dashboard shows what it knows."""

    def open(self) -> None:
        """Take the terminal or the pipe."""

    def fact(self, line: bytes) -> None:
        """Show one fact as the log has it, without its line break."""

    def draw(self, view: Callable[[], View]) -> None:
        """Show how things stand, unless that was done a moment ago; who does not, never asks."""

    def close(self) -> None:
        """Give it back; more than once does no harm."""


class Observer(Protocol):
    """Who hears all that the dashboard hears, in its thread, before it is shown."""

    def hear(self, message: DashboardInbox) -> None:
        """Take it in; quickly, and without ever failing."""


class DashboardActor(Actor[DashboardInbox]):
    """Folds a `View` from all messages and draws it on each tick.

    A `fold` that outlives the actor lets its next incarnation show what this one has seen; so do
    `observers`.
    """

    def __init__(
        self,
        display: Display,
        journal: Journal,
        *,
        supervisor: Mailbox[SupervisorInbox],
        fold: Fold | None = None,
        observers: Sequence[Observer] = (),
    ) -> None:
        super().__init__(supervisor)
        self._display = display
        self._journal = journal
        self._fold = fold or Fold()
        self._observers = tuple(observers)
        starting = self._fold.view().starting
        self._mode = None if starting is None else starting.mode
        self._now = Nanos(0)

    def receive(self, message: DashboardInbox) -> None:
        """Show it. Whatever is neither market data nor an order to us is a fact, and is logged."""
        for observer in self._observers:
            observer.hear(message)
        match message:
            case (
                Book()
                | Trade()
                | MarketQuality()
                | Ticker()
                | Marked()
                | Candle()
                | Forecast()
                | Signal()
                | MarkPrice()
                | Fetched()
                | Connected()
                | Vitals()
                | LineVitals()
                | Traffic()
            ):
                self._fold.market(message)
            case Tick(now):
                self._show(now)
            case Begin():
                self._display.open()
            case Measured() | SignalLeaves() | EntrySent():
                pass
            case _:
                self._record(message)

    def release(self) -> None:
        """Write what the log still waits for, and give the terminal back whatever happens."""
        try:
            self._end_log()
        finally:
            self._display.close()

    def _show(self, now: Nanos) -> None:
        self._now = now
        self._fold.tick(now)
        self._flush()
        self._display.draw(self._fold.view)

    def _record(self, fact: Fact) -> None:
        if isinstance(fact, Starting):
            self._mode = fact.mode
        line = encode(fact, self._mode)
        self._journal.append(fact.at, line)
        self._display.fact(line)
        self._fold.fact(fact)

    def _flush(self) -> None:
        """A log that cannot be written is a pity, not a reason to die."""
        try:
            self._journal.flush()
        except OSError as error:
            self._record(self._excuse(error))
        self._fold.lose(self._journal.lost)

    def _end_log(self) -> None:
        try:
            self._journal.close()
        except OSError as error:
            self._display.fact(encode(self._excuse(error), self._mode))

    def _excuse(self, error: OSError) -> Noted:
        return Noted(self._now, f"the log cannot be written: {error}")
