"""Everything that the dashboard hears, as Prometheus has it."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, Metric, ProcessCollector
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from actors.dashboard.process import resident
from actors.dashboard.telemetry.condition import CODES, Condition
from actors.dashboard.telemetry.gauges import (
    PREFIX,
    Newest,
    families,
    gauge,
    labelled_counter,
    labelled_gauge,
)
from actors.messages import (
    Connected,
    DashboardInbox,
    EntrySent,
    Measured,
    SignalLeaves,
    Tick,
    Traffic,
    Vitals,
)
from domain.account import Marked
from domain.facts import (
    EVENTS,
    ActorRestarted,
    BadMessage,
    Checkpointed,
    Closed,
    FeedUp,
    Filled,
    Forecasted,
    Gap,
    Liquidity,
    Mode,
    Ordered,
    OrderRefused,
    Ready,
    Signalled,
    Starting,
)
from domain.market import Book, Side, Ticker, Trade
from domain.microstructure import MarketQuality
from domain.orders import Kind, Refusal
from domain.signals import Direction
from domain.tally import FORECAST_SECONDS, ORDER_SECONDS

LABELS_MAX = 64
"""Values that one label takes; whatever comes after them is counted as OTHER."""

OTHER = "other"

_TAME = re.compile(r"[\w@.:/ +-]{1,64}", re.ASCII)
"""What may become a label: names come from the network, and nothing of it is printed unread."""

CAUSED_WITHIN = 60.0
"""An order that goes out so long after a signal was not caused by it [s]."""


class Names:
    """Labels from outside: short, printable, and not more of them than LABELS_MAX."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def tame(self, name: str) -> str:
        """The name itself, or OTHER."""
        if name in self._known:
            return name
        if len(self._known) >= LABELS_MAX or not _TAME.fullmatch(name):
            return OTHER
        self._known.add(name)
        return name


class Counts:
    """What is counted by its events."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(PREFIX + name, text, labels, registry=registry)

        def histogram(name: str, text: str, bounds: Iterable[float]) -> Histogram:
            return Histogram(PREFIX + name, text, buckets=tuple(bounds), registry=registry)

        self.events = counter("events", "Everything that happened, by its name.", "event")
        self.refusals = counter("refusals", "Orders that stayed here or came back.", "code")
        self.restarts = counter("actor_restarts", "Actors that died and live again.", "actor")
        self.bad = counter("bad_messages", "Frames that could not be accepted.", "stream")
        self.connections = counter("connections", "Lines to the market that began to deliver.")
        self.down = counter("feed_down_seconds", "Market time without market data.")
        self.missing = counter("gap_candles", "Candles that were missing.", "outcome")
        self.orders = counter("orders", "Orders that went out.", "side", "kind")
        self.fills = counter("fills", "Executions.", "side", "liquidity")
        self.closed = counter("closed_trades", "Positions that were closed.", "result")
        self.signals = counter("signals", "Signals.", "direction")
        self.forecast = histogram("forecast_seconds", "One run of the model.", FORECAST_SECONDS)
        self.answer = histogram(
            "signal_to_order_seconds",
            "From a signal to the order it caused, written down and sent.",
            ORDER_SECONDS,
        )
        self._begin()

    def _begin(self) -> None:
        """Whatever can be counted begins at zero, so that its first time is a rise."""
        for counter, values in (
            (self.events, EVENTS.values()),
            (self.refusals, [refusal.name for refusal in Refusal]),
            (self.missing, ("repaired", "lost")),
            (self.closed, ("won", "lost")),
            (self.signals, Direction),
            (self.bad, ("all", "klines", "recording", "unknown")),
        ):
            for value in values:
                counter.labels(str(value))
        for side in Side:
            for liquidity in Liquidity:
                self.fills.labels(str(side), str(liquidity))
            self.orders.labels(str(side), str(Kind.MARKET))


class Meters:
    """Folds messages into a registry of its own; told by one thread, read by any."""

    def __init__(
        self,
        mode: Mode,
        condition: Condition,
        alerts: Callable[[], Mapping[str, int]],
        guardian: int | None = None,
    ) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._alerts = alerts
        self._guardian = guardian
        self._counts = Counts(self._registry)
        self._newest = Newest()
        self._condition = condition
        self._refusals, self._streams = Names(), Names()
        self._signal: SignalLeaves | None = None
        self._registry.register(_Asked(self._collect))
        self.registry: Collector = Labelled(self._registry, {"mode": str(mode)})
        self._handlers = {**self._of_market(), **self._of_facts()}

    def hear(self, message: DashboardInbox) -> None:
        """Take it in."""
        kind = type(message)
        handler = self._handlers.get(kind)
        if handler is not None:
            handler(message)
        name = EVENTS.get(kind)
        if name is not None:
            self._counts.events.labels(name).inc()

    def _of_market(self) -> dict[type, Callable[[Any], None]]:
        def keep(name: str) -> Callable[[Any], None]:
            return lambda message: setattr(self._newest, name, message)

        return {
            Tick: self._tick,
            Book: self._book,
            Trade: self._feed,
            Ticker: self._ticker,
            MarketQuality: keep("quality"),
            Marked: keep("marked"),
            Vitals: self._look,
            Traffic: self._traffic,
            Measured: self._measure,
            Connected: lambda _: self._counts.connections.inc(),
            SignalLeaves: self._leave,
            EntrySent: self._send,
            Starting: keep("starting"),
            Ready: keep("ready"),
            Checkpointed: keep("checkpoint"),
        }

    def _of_facts(self) -> dict[type, Callable[[Any], None]]:
        counts = self._counts
        return {
            Forecasted: lambda fact: counts.forecast.observe(max(0.0, fact.took_ms / 1000)),
            Signalled: lambda fact: counts.signals.labels(str(fact.direction)).inc(),
            Ordered: lambda fact: counts.orders.labels(str(fact.side), str(fact.kind)).inc(),
            Filled: lambda fact: counts.fills.labels(str(fact.side), str(fact.liquidity)).inc(),
            Closed: lambda fact: counts.closed.labels("won" if fact.pnl > 0 else "lost").inc(),
            OrderRefused: lambda fact: counts.refusals.labels(self._refusals.tame(fact.code)).inc(),
            BadMessage: lambda fact: counts.bad.labels(self._streams.tame(fact.stream)).inc(),
            ActorRestarted: lambda fact: counts.restarts.labels(fact.actor).inc(),
            FeedUp: lambda fact: counts.down.inc(max(0.0, fact.seconds)),
            Gap: self._gap,
        }

    def _tick(self, tick: Tick) -> None:
        self._newest.now = tick.now

    def _book(self, book: Book) -> None:
        self._newest.book, self._newest.fed = book, book.at

    def _ticker(self, ticker: Ticker) -> None:
        self._newest.ticker, self._newest.fed = ticker, ticker.at

    def _feed(self, trade: Trade) -> None:
        self._newest.fed = trade.at

    def _traffic(self, traffic: Traffic) -> None:
        self._newest.received = traffic.received

    def _look(self, vitals: Vitals) -> None:
        if self._newest.vitals is None:
            for room in vitals.rooms:
                self._counts.restarts.labels(room.name)
        self._newest.vitals = vitals

    def _measure(self, measured: Measured) -> None:
        self._newest.spans[measured.span] = measured.times

    def _leave(self, signal: SignalLeaves) -> None:
        self._signal = signal

    def _send(self, entry: EntrySent) -> None:
        """An entry answers the signal before it, once."""
        signal, self._signal = self._signal, None
        if signal is not None and 0 <= entry.moment - signal.moment < CAUSED_WITHIN:
            self._counts.answer.observe(entry.moment - signal.moment)

    def _gap(self, gap: Gap) -> None:
        self._counts.missing.labels("repaired").inc(max(0, gap.repaired))
        self._counts.missing.labels("lost").inc(max(0, gap.missing - gap.repaired))

    def _collect(self) -> Iterator[Metric]:
        yield from families(self._newest, self._condition.quiet)
        yield from _health(self._condition)
        memory = {"trader": resident()}
        if self._guardian is not None:
            memory["guardian"] = resident(self._guardian)
        known = {name: size for name, size in memory.items() if size is not None}
        yield labelled_gauge("memory_bytes", "Held by each process.", "process", known)
        yield labelled_counter("alerts", "What became of alerts.", "outcome", self._alerts())


def _health(condition: Condition) -> Iterator[Metric]:
    codes = {reason.code for reason in condition.reasons()}
    yield from gauge("trading", "Whether nothing keeps it from trading.", float(not codes))
    stands = {code: float(code in codes) for code in CODES}
    yield labelled_gauge("not_trading", "What keeps it from trading.", "reason", stands)


class _Asked(Collector):
    """A collector that asks when it is asked itself."""

    def __init__(self, collect: Callable[[], Iterator[Metric]]) -> None:
        self._collect = collect

    def collect(self) -> Iterator[Metric]:
        """What there is now."""
        return self._collect()


class Labelled(Collector):
    """The same metrics, each sample with these labels too.

    A demo's equity must never be taken for a live one, in whatever panel it is shown.
    """

    def __init__(self, inner: Collector, labels: dict[str, str]) -> None:
        self._inner = inner
        self._labels = labels

    def collect(self) -> Iterator[Metric]:
        """What there is now."""
        for family in self._inner.collect():
            family.samples = [
                self._labelled(sample)
                for sample in family.samples
                if not sample.name.endswith("_created")  # the library's own, and nobody's use
            ]
            if family.samples:
                yield family

    def _labelled(self, sample: Sample) -> Sample:
        labels = {name: _encodable(value) for name, value in sample.labels.items()}
        return sample._replace(labels={**self._labels, **labels})


def _encodable(text: str) -> str:
    """The text as UTF-8 can have it: a model's folder may be called by bytes that are none."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
