"""Forecast: runs Chronos-Bolt at each minute's close and fuses what it says into one signal."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import assert_never

import numpy as np

from actors.actor import Actor, Mailbox
from actors.forecast.engine import Forecaster, checked
from actors.forecast.rehearsal import rehearse
from actors.forecast.tutor import Tutor
from actors.messages import (
    Begin,
    CandlesClosed,
    DashboardInbox,
    ForecastDue,
    ForecastInbox,
    HistoryReady,
    ModelReady,
    RiskInbox,
    SignalLeaves,
    SupervisorInbox,
    Tick,
)
from domain.candles import newest_run
from domain.facts import Forecasted, Noted, Signalled
from domain.fusion import HOURS_OF_20_DAYS, fuse, realised_volatility
from domain.horizons import CONTEXT, INGESTION, TIMEFRAMES, Timeframe
from domain.instrument import BTCUSDT
from domain.market import Candle
from domain.signals import Forecast
from domain.units import Floats, Nanos
from persistence.calibration import CalibrationStore
from persistence.candles import CandleStore
from persistence.forecasts import ForecastStore


@dataclass(frozen=True, slots=True)
class Memory:
    """What a forecaster reads when it begins, and keeps for its next life."""

    candles: CandleStore
    calibration: CalibrationStore
    forecasts: ForecastStore


@dataclass(frozen=True, slots=True)
class Means:
    """What a forecaster works with.

    Attributes:
        load: the model.
        sweep: called when a forecast is done and nobody waits.
    """

    load: Callable[[], Forecaster]
    sweep: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Told:
    """Whom a forecaster tells."""

    itself: Mailbox[ForecastInbox]
    risk: Mailbox[RiskInbox]
    dashboard: Mailbox[DashboardInbox]


class ForecastActor(Actor[ForecastInbox]):
    """Keeps the model's input; forecasts when a minute has closed.

    The input is read from the candle store, and again whenever what is told does not follow on
    what is held: a restarted forecaster and a repaired hole need no path of their own.

    That a forecast is due it tells itself. So the word comes after all that has closed while the
    forecast before it was made, and a slow forecast is followed by that of the newest minute: what
    was missed is not made up for.
    """

    def __init__(
        self,
        means: Means,
        memory: Memory,
        told: Told,
        *,
        supervisor: Mailbox[SupervisorInbox],
    ) -> None:
        super().__init__(supervisor)
        self._means = means
        self._store = memory.candles
        self._experience = memory.calibration
        self._said = memory.forecasts
        self._tutor: Tutor | None = None
        self._itself = told.itself
        self._risk = told.risk
        self._dashboard = told.dashboard
        self._model: Forecaster | None = None
        self._held: dict[Timeframe, Tail] = {}
        self._newest: dict[Timeframe, Outlook] = {}
        self._silent = False
        self._done = Nanos(0)

    def receive(self, message: ForecastInbox) -> None:
        """Forecast on what has closed."""
        match message:
            case Begin():
                self._model = self._means.load()
            case HistoryReady(at):
                self._read()
                self._begin(at)
                self._itself.tell(ForecastDue(at))
            case CandlesClosed(at, candles):
                self._begin(at)
                self._take(candles)
                self._itself.tell(ForecastDue(at))
            case ForecastDue(at):
                self._forecast(at)
            case Tick():
                pass
            case _:
                assert_never(message)

    def release(self) -> None:
        """Keep what was learnt."""
        if self._tutor is not None:
            self._tutor.save()

    def _read(self) -> None:
        self._newest = {}
        self._held = {
            timeframe: Tail.of(self._store.newest(timeframe, _kept(timeframe)))
            for timeframe in TIMEFRAMES
        }

    def _begin(self, at: Nanos) -> None:
        """Know what was learnt before; a model that is new here learns from the history."""
        if self._tutor is not None:
            return
        assert self._model is not None
        self._tutor = Tutor(self._experience, self._model.sha, at)
        if self._tutor.new:
            said = rehearse(self._tutor, self._model, self._history)
            self._tutor.save()
            self._dashboard.tell(Noted(at, said))

    def _history(self, timeframe: Timeframe) -> Sequence[Candle]:
        return self._store.newest(timeframe, INGESTION)

    def _take(self, candles: tuple[Candle, ...]) -> None:
        assert self._tutor is not None
        for candle in candles:
            self._tutor.learn(candle)
        held = self._held
        if not held or any(held[x.timeframe].ends != x.open_time for x in candles):
            self._read()
            return
        for candle in candles:
            held[candle.timeframe].append(candle)

    def _forecast(self, at: Nanos) -> None:
        """One batch a minute of what has closed; none where a timeframe has too few points."""
        minute = self._held[Timeframe.M1].ends
        if minute == self._done or not self._complete(at):
            return
        self._done = minute
        begun = perf_counter()
        self._look_ahead(minute)
        took_ms = (perf_counter() - begun) * 1000
        newest = [self._newest[timeframe] for timeframe in TIMEFRAMES]
        closes = np.array([one.closes for one in newest])
        quantiles = np.array([one.quantiles for one in newest])
        closes.flags.writeable = False
        quantiles.flags.writeable = False
        self._dashboard.tell(Forecasted(max(at, minute), took_ms, minute))
        forecast = Forecast(minute, closes, quantiles, self._volatility())
        assert self._model is not None
        self._said.put(forecast, self._model.sha)
        self._announce(forecast, max(at, minute))
        self._means.sweep()

    def _look_ahead(self, minute: Nanos) -> None:
        """Forecast the timeframes that have closed since they were forecast last."""
        assert self._model is not None
        assert self._tutor is not None
        due = [
            timeframe
            for timeframe, tail in self._held.items()
            if timeframe not in self._newest or self._newest[timeframe].ends != tail.ends
        ]
        closes = np.array([list(self._held[timeframe].closes)[-CONTEXT:] for timeframe in due])
        raw = checked(closes, self._model.forecast(closes))
        said = self._tutor.correct(minute, due, raw)
        for timeframe, points, quantiles in zip(due, closes, said, strict=True):
            self._newest[timeframe] = Outlook(self._held[timeframe].ends, points, quantiles)

    def _announce(self, forecast: Forecast, now: Nanos) -> None:
        assert self._model is not None
        signal = fuse(forecast, BTCUSDT)
        self._dashboard.tell(forecast)
        self._dashboard.tell(signal)
        self._dashboard.tell(
            Signalled(
                at=now,
                direction=signal.direction,
                confidence=round(signal.confidence, 6),
                expected_bps=round(signal.expected_bps, 6),
                probability=round(signal.probability, 6),
                gain=round(signal.gain, 6),
            )
        )
        model = self._model
        self._risk.tell(ModelReady(forecast.at, model.name, model.sha, model.verified))
        self._dashboard.tell(SignalLeaves(signal.at, perf_counter()))
        self._risk.tell(signal)

    def _complete(self, at: Nanos) -> bool:
        """Whether every timeframe has its points; said once when that changes for the worse."""
        short = [x for x, tail in self._held.items() if len(tail.closes) < CONTEXT]
        if short and not self._silent:
            points = len(self._held[short[0]].closes)
            text = f"no forecast: {short[0]} has {points} of {CONTEXT} points without a hole"
            self._dashboard.tell(Noted(at, text))
        self._silent = bool(short)
        return not short

    def _volatility(self) -> float:
        """Realised volatility of the last 20 days, from hourly closes [fraction per day]."""
        return realised_volatility(np.array(self._held[TIMEFRAMES[-1]].closes))


@dataclass(frozen=True, slots=True)
class Outlook:
    """The newest forecast of one timeframe; it stands until the next candle closes.

    Attributes:
        ends: when the newest candle of its input was complete.
        closes: the input [quote], shape (200,).
        quantiles: corrected, shape (5, 13) [quote].
    """

    ends: Nanos
    closes: Floats
    quantiles: Floats


@dataclass(slots=True)
class Tail:
    """The closes of one timeframe back to its last hole that could not be bridged.

    Attributes:
        closes: oldest first.
        ends: when the newest of them was complete; 0 where there is none.
    """

    closes: deque[float]
    ends: Nanos

    @classmethod
    def of(cls, candles: Sequence[Candle]) -> "Tail":
        """The tail of a series of stored candles."""
        if not candles:
            return cls(deque(), Nanos(0))
        tail = newest_run(candles)
        kept = _kept(candles[-1].timeframe)
        return cls(deque((float(x.close) for x in tail), maxlen=kept), tail[-1].close_time)

    def append(self, candle: Candle) -> None:
        """One more candle, which follows on the newest."""
        self.closes.append(float(candle.close))
        self.ends = candle.close_time


def _kept(timeframe: Timeframe) -> int:
    return HOURS_OF_20_DAYS + 1 if timeframe is TIMEFRAMES[-1] else CONTEXT
