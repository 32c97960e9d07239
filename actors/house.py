"""The house: every room, and who hears whom. The only place that knows all classes.

The same rooms are built for both ways of running them: `spawn` either starts an actor's thread or
only constructs it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from actors.actor import Address
from actors.broker import Books, BrokerActor
from actors.dashboard import DashboardActor, Display, Fold, Observer
from actors.feed import FeedActor, Line, Listeners, Series
from actors.forecast.actor import ForecastActor, Means, Memory, Told
from actors.forecast.engine import Forecaster
from actors.messages import (
    BrokerInbox,
    DashboardInbox,
    FeedInbox,
    FeedReady,
    ForecastInbox,
    HistoryReady,
    MicrostructureInbox,
    ModelReady,
    Pause,
    RiskInbox,
    SupervisorInbox,
    Suspended,
    TradingHalted,
)
from actors.microstructure import MicrostructureActor
from actors.risk import RiskActor
from domain.account import Marked
from domain.instrument import BTCUSDT, Instrument
from domain.market import Book, Ticker
from domain.microstructure import MarketQuality
from domain.terms import TERMS, Terms
from domain.units import Nanos
from persistence.checkpoints import CheckpointStore
from persistence.journal import Journal
from persistence.ledger import LedgerStore

Spawn = Callable[..., Any]
"""How an actor comes to be: `launch` in a thread, or the bare class in the loop."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where everybody lives. Books and what is derived from them never queue up.

    What stands (the rules, the account, that others are ready, a pause) is told again after a
    restart.
    """

    dashboard: Address[DashboardInbox] = field(
        default_factory=lambda: Address(Book, MarketQuality, Marked, Ticker)
    )
    broker: Address[BrokerInbox] = field(
        default_factory=lambda: Address(Book, standing=(Instrument,))
    )
    risk: Address[RiskInbox] = field(
        default_factory=lambda: Address(
            *(Book, MarketQuality, Marked),
            standing=(
                *(Instrument, FeedReady, Marked, ModelReady),
                *(Pause, Suspended, TradingHalted),
            ),
        )
    )
    microstructure: Address[MicrostructureInbox] = field(default_factory=Address)
    forecast: Address[ForecastInbox] = field(
        default_factory=lambda: Address(standing=(HistoryReady,))
    )
    feed: Address[FeedInbox] = field(default_factory=Address)
    supervisor: Address[SupervisorInbox] = field(default_factory=Address)

    @property
    def rooms(self) -> tuple[Address[Any], ...]:
        """All but the supervisor's, in the order of starting."""
        return (
            self.dashboard,
            self.broker,
            self.risk,
            self.microstructure,
            self.forecast,
            self.feed,
        )


@dataclass(frozen=True, slots=True)
class Stores:
    """What is on disk."""

    memory: Memory
    ledger: LedgerStore
    checkpoints: CheckpointStore
    save: Callable[[Nanos, Callable[[], dict[str, Any]]], str]


@dataclass(frozen=True, slots=True)
class Fittings:
    """What the rooms hold that touches the world."""

    line: Line
    display: Display
    journal: Journal
    load_model: Callable[[], Forecaster]
    sweep: Callable[[], None]
    stores: Stores
    stopwatch: Callable[[], float]
    seed: int
    observers: tuple[Observer, ...] = ()
    terms: Terms = TERMS


@dataclass(frozen=True, slots=True)
class Room:
    """One actor: its name, how it comes to be, and where it is reached."""

    name: str
    build: Callable[[Spawn], Any]
    address: Address[Any]


def rooms(at: Addresses, held: Fittings) -> tuple[Room, ...]:
    """All actors but the supervisor, in the order of starting: listeners before speakers."""
    risk, dashboard, supervisor = at.risk, at.dashboard, at.supervisor
    stores = held.stores
    heard = Listeners(at.microstructure, at.forecast, risk, at.broker, dashboard)
    told = {"dashboard": dashboard, "supervisor": supervisor}
    judged = {**told, "broker": at.broker, "terms": held.terms}
    # What outlives the dashboard, so that its next life shows what this one has seen.
    seen = {"fold": Fold(), "observers": held.observers}

    def show(spawn: Spawn) -> Any:
        return spawn(DashboardActor, held.display, held.journal, supervisor=supervisor, **seen)

    def broker(spawn: Spawn) -> Any:
        books = Books(stores.ledger, stores.checkpoints, stores.save)
        return spawn(BrokerActor, books, held.seed, risk=risk, **told)

    def forecast(spawn: Spawn) -> Any:
        means = Means(held.load_model, held.sweep)
        told = Told(at.forecast, risk, dashboard)
        return spawn(ForecastActor, means, stores.memory, told, supervisor=supervisor)

    def feed(spawn: Spawn) -> Any:
        series = Series(stores.memory.candles)
        return spawn(FeedActor, held.line, series, at.feed, heard, supervisor=supervisor)

    return (
        Room("DashboardActor", show, dashboard),
        Room("BrokerActor", broker, at.broker),
        Room("RiskActor", lambda spawn: spawn(RiskActor, BTCUSDT, held.stopwatch, **judged), risk),
        Room(
            "MicrostructureActor",
            lambda spawn: spawn(MicrostructureActor, risk=risk, **told),
            at.microstructure,
        ),
        Room("ForecastActor", forecast, at.forecast),
        Room("FeedActor", feed, at.feed),
    )
