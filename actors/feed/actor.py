"""Feed: takes what the line delivers, keeps the candles whole, and passes the market on."""

from dataclasses import dataclass, field, replace
from itertools import chain
from typing import assert_never

from actors.actor import Actor, Mailbox
from actors.feed.baseline import Baseline
from actors.feed.criteria import Criteria
from actors.feed.ration import Ration
from actors.feed.series import Series, remarks
from actors.feed.source import Line
from actors.messages import (
    Arriving,
    Begin,
    BrokerInbox,
    CandlesClosed,
    ClocksCompared,
    Connected,
    DashboardInbox,
    Disconnected,
    Exhausted,
    FeedInbox,
    FeedReady,
    Fetched,
    ForecastInbox,
    HistoryReady,
    LineVitals,
    Measured,
    MicrostructureInbox,
    Noticed,
    Rejected,
    RiskInbox,
    StopRequested,
    SupervisorInbox,
    Tick,
    Traffic,
    Unreachable,
)
from domain.baselines import baselines
from domain.clock_offset import ClockOffset
from domain.facts import BadMessage, FeedDown, FeedUp, Gap, Ingested, Noted, Progress
from domain.horizons import CONTEXT, TIMEFRAMES, Timeframe
from domain.instrument import Instrument
from domain.market import Book, Candle, MarkPrice, Ticker, Trade
from domain.units import SECOND, Nanos

REPORTED_EACH_SECOND = 5
"""Bad messages told one by one within a second; of the rest, their number."""

CAUGHT_UP_MAX = 15
"""Of more minutes that came late, only so many are told one by one."""


@dataclass(slots=True)
class Outage:
    """Since when all have been told that the line is down; None where it is not."""

    since: Nanos | None = None


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who hears the market; all lives of the feed share them, and what they were told last."""

    microstructure: Mailbox[MicrostructureInbox]
    forecast: Mailbox[ForecastInbox]
    risk: Mailbox[RiskInbox]
    broker: Mailbox[BrokerInbox]
    dashboard: Mailbox[DashboardInbox]
    outage: Outage = field(default_factory=Outage)


class FeedActor(Actor[FeedInbox]):
    """Keeps candles without holes; hands books, trades and closed candles to the others."""

    def __init__(
        self,
        line: Line,
        series: Series,
        home: Mailbox[FeedInbox],
        listeners: Listeners,
        *,
        supervisor: Mailbox[SupervisorInbox],
    ) -> None:
        super().__init__(supervisor)
        self._line = line
        self._series = series
        self._home = home
        self._microstructure = listeners.microstructure
        self._forecast = listeners.forecast
        self._risk = listeners.risk
        self._broker = listeners.broker
        self._dashboard = listeners.dashboard
        self._criteria = Criteria(networked=line.networked, streamed=line.streamed)
        self._baseline = Baseline()
        self._now = Nanos(0)
        self._ingested = False
        self._ready = False
        self._announced = False
        self._given_up = False
        self._outage = listeners.outage
        self._waiting: tuple[Candle, ...] = ()
        self._asked: int | None = None  # so many minutes, in one go
        self._bad = Ration(REPORTED_EACH_SECOND, SECOND)

    def receive(self, message: FeedInbox) -> None:
        """Pass the market on; keep the candles whole; follow the line's ups and downs."""
        match message:
            case Book() as book:
                self._pass_time(book.at)
                self._criteria.hear(book=True)
                self._measure(book)
                for mailbox in (self._microstructure, self._risk, self._broker, self._dashboard):
                    mailbox.tell(book)
            case Trade() as trade:
                self._pass_time(trade.at)
                self._microstructure.tell(trade)
                self._broker.tell(trade)
                self._dashboard.tell(trade)
            case Candle() as candle:
                self._pass_time(candle.close_time)
                self._minute(candle)
            case Ticker() as ticker:
                self._criteria.hear(book=False)
                self._dashboard.tell(ticker)
            case MarkPrice() as mark:
                self._broker.tell(mark)
                self._dashboard.tell(mark)
            case Tick(now):
                self._pass_time(now)
                self._count_bad()
                self._prove(now)
            case _:
                self._hear_line(message)

    def _measure(self, book: Book) -> None:
        usual = self._baseline.hear(book)
        if usual is not None:
            self._dashboard.tell(usual)

    def release(self) -> None:
        """Close the line."""
        self._line.close()

    def _hear_line(
        self,
        message: Begin
        | Instrument
        | Connected
        | Disconnected
        | ClocksCompared
        | Noticed
        | Unreachable
        | Rejected
        | Fetched
        | Arriving
        | LineVitals
        | Traffic
        | Measured
        | Exhausted,
    ) -> None:
        match message:
            case Begin():
                self._line.open(self._home, self._series.have())
            case Instrument() as rules:
                self._risk.tell(rules)
                self._broker.tell(rules)
            case Arriving(at, candles, wanted):
                self._pass_time(at)
                self._show_history(candles, wanted, met=False)
            case Fetched() as fetched:
                self._pass_time(fetched.at)
                self._take(fetched)
            case Unreachable(reason, status):
                self._supervisor.tell(StopRequested(reason, status, market=False))
            case Exhausted() as end:
                self._end(end)
            case _:
                self._note_line(message)

    def _end(self, end: Exhausted) -> None:
        if end.summary:
            self._dashboard.tell(Noted(end.at, end.summary))
        self._supervisor.tell(StopRequested("the source has no more data", market=False))

    def _pass_time(self, now: Nanos) -> None:
        self._now = max(self._now, now)

    def _note_line(
        self,
        message: Connected
        | Disconnected
        | ClocksCompared
        | Noticed
        | Rejected
        | LineVitals
        | Traffic
        | Measured,
    ) -> None:
        match message:
            case Connected():
                self._pass_time(message.at)
                self._dashboard.tell(message)
                self._say_it_is_back()
            case Disconnected(at, reason):
                self._pass_time(at)
                self._say_it_is_down(reason)
            case ClocksCompared(at, offset):
                self._pass_time(at)
                self._compare(offset)
            case Noticed(at, text):
                self._dashboard.tell(Noted(max(self._now, at), text))
            case Rejected():
                self._report(message)
            case LineVitals() | Traffic() | Measured():
                self._dashboard.tell(message)
            case _:
                assert_never(message)

    def _say_it_is_down(self, reason: str) -> None:
        self._criteria.lose()
        if self._outage.since is None:
            self._outage.since = self._now
            self._dashboard.tell(FeedDown(self._now, reason))

    def _say_it_is_back(self) -> None:
        if self._outage.since is not None:
            down = (self._now - self._outage.since) / SECOND
            self._outage.since = None
            self._dashboard.tell(FeedUp(self._now, down))

    def _report(self, rejected: Rejected) -> None:
        self._count_bad()
        if self._bad.passes(self._now):
            at = max(self._now, rejected.at)
            self._dashboard.tell(BadMessage(at, rejected.stream, rejected.reason))

    def _count_bad(self) -> None:
        """Of a flood that is over, tell how many were not told."""
        if more := self._bad.kept_back(self._now):
            reason = f"{more} more bad messages within a second"
            self._dashboard.tell(BadMessage(self._now, "all", reason))

    def _take(self, fetched: Fetched) -> None:
        """Candles we asked for: the history at start, or what a hole was missing."""
        expected = self._series.expected
        faults = self._series.take(fetched.candles)
        for fault in faults:
            self._dashboard.tell(BadMessage(self._now, "klines", fault))
        if not self._ingested:
            self._begin(fetched)
        elif self._asked is not None:
            repaired = min(self._asked, len(fetched.candles) - len(faults))
            self._dashboard.tell(fetched)
            self._dashboard.tell(Gap(self._now, Timeframe.M1, self._asked, repaired))
        elif fetched.candles:
            self._catch_up(fetched, expected or Nanos(0))
            self._dashboard.tell(fetched)
        self._asked = None
        waiting, self._waiting = self._waiting, ()
        for candle in waiting:
            self._accept(candle)

    def _catch_up(self, fetched: Fetched, expected: Nanos) -> None:
        """Minutes came late: they close in their order. What is old, or much, is read anew."""
        late = self._series.closed_from(expected)
        changed = any(one.open_time < expected for one in fetched.candles)
        if changed or len(late) > CAUGHT_UP_MAX:
            self._forecast.tell(HistoryReady(self._now, TIMEFRAMES))
        for closed in late[-CAUGHT_UP_MAX:]:
            self._forecast.tell(CandlesClosed(closed[0].close_time, closed))

    def _begin(self, fetched: Fetched) -> None:
        history = self._series.history()
        candles = tuple(chain.from_iterable(history.values()))
        told = Ingested(self._now, len(candles), fetched.seconds, fetched.repaired)
        self._dashboard.tell(told)
        self._show_history(len(candles), len(candles), met=True)
        self._dashboard.tell(replace(fetched, candles=candles))
        short = [x for x in TIMEFRAMES if self._criterion(x) < CONTEXT]
        if short:
            names = ", ".join(f"{x} has {self._series.points(x)}" for x in short)
            reason = (
                f"start criterion not met: {CONTEXT} points without a gap are needed, but {names}; "
                "give earlier candles with --history, or a later --from"
            )
            self._give_up(reason)
            return
        self._baseline.know(baselines(history))
        for remark in remarks(history):
            self._dashboard.tell(Noted(self._now, remark))
        self._ingested = True
        self._forecast.tell(HistoryReady(self._now, TIMEFRAMES))
        self._get_ready()

    def _show_history(self, candles: int, wanted: int, *, met: bool) -> None:
        self._dashboard.tell(Progress(self._now, "history", candles, wanted, met, "candles"))

    def _criterion(self, timeframe: Timeframe) -> int:
        points = min(self._series.points(timeframe), CONTEXT)
        progress = Progress(
            self._now, f"{timeframe} candles", points, CONTEXT, points >= CONTEXT, "gap-free points"
        )
        self._dashboard.tell(progress)
        return points

    def _get_ready(self) -> None:
        """Say that the market may be traded, as soon as it may; again and again, once it may."""
        for line in self._criteria.progress(self._now):
            self._dashboard.tell(line)
        if self._ingested and self._criteria.met:
            self._ready = True
            self._risk.tell(FeedReady(self._now))

    def _prove(self, now: Nanos) -> None:
        """Time passes: look how the start criteria do."""
        if self._ready:
            return
        self._criteria.pass_time(now)
        if not self._announced:
            self._announced = True
            for timeframe in TIMEFRAMES:
                self._criterion(timeframe)
        reason = self._criteria.failure(now)
        if reason:
            self._give_up(reason)
        else:
            self._get_ready()

    def _give_up(self, reason: str) -> None:
        if not self._given_up:
            self._given_up = True
            self._supervisor.tell(StopRequested(reason, status=3, market=False))

    def _compare(self, offset: ClockOffset) -> None:
        """The clocks were compared, at the start and now and then."""
        self._criteria.compare(offset)
        if self._ready and not offset.tolerable:
            text = f"the exchange's clock is {offset} from ours; set this machine's clock"
            self._dashboard.tell(Noted(self._now, text))

    def _minute(self, candle: Candle) -> None:
        """A minute closed: in its turn, again, or after a hole."""
        expected = self._series.expected
        if expected is None or not self._ingested or candle.open_time < expected:
            return
        if self._asked is not None:
            self._waiting = (*self._waiting, candle)
        elif candle.open_time > expected:
            self._ask(expected, candle)
        else:
            self._accept(candle)

    def _ask(self, expected: Nanos, candle: Candle) -> None:
        """Candles are missing before this one: fetch just those, then go on with it."""
        span = candle.timeframe.span
        self._asked = (candle.open_time - expected) // span
        self._waiting = (candle,)
        self._line.refetch(candle.timeframe, expected, Nanos(candle.open_time - span))

    def _accept(self, candle: Candle) -> None:
        if self._series.expected is not None and candle.open_time < self._series.expected:
            return
        closed = self._series.close(candle)
        self._dashboard.tell(candle)
        self._forecast.tell(CandlesClosed(candle.close_time, closed))
        self._get_ready()
