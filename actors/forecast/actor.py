"""Forecast: runs Chronos-Bolt at each minute's close and fuses what it says into one signal."""

from collections.abc import Callable
from time import perf_counter
from typing import assert_never

import numpy as np

from actors.actor import Actor, Mailbox
from actors.forecast.engine import Forecaster
from actors.messages import (
    Begin,
    CandlesClosed,
    DashboardInbox,
    ForecastInbox,
    HistoryReady,
    ModelReady,
    RiskInbox,
    SupervisorInbox,
    Tick,
)
from domain.candles import bridged, unbroken
from domain.facts import Forecasted, Noted, Signalled
from domain.fusion import fuse
from domain.horizons import CONTEXT, TIMEFRAMES, Timeframe
from domain.instrument import BTCUSDT
from domain.market import Candle
from domain.signals import Forecast
from domain.units import Floats, Nanos
from persistence.candles import CandleStore

HOURS_OF_20_DAYS = 480
"""Hourly returns over which the realised volatility of 20 days is taken."""

HOURS_A_DAY = 24


class ForecastActor(Actor[ForecastInbox]):
    """Keeps the model's input; forecasts when a minute has closed.

    The input is read from the candle store, and again whenever what is told does not follow on
    what is held: a restarted forecaster and a repaired hole need no path of their own.
    """

    def __init__(
        self,
        load: Callable[[], Forecaster],
        store: CandleStore,
        *,
        risk: Mailbox[RiskInbox],
        dashboard: Mailbox[DashboardInbox],
        supervisor: Mailbox[SupervisorInbox],
    ) -> None:
        super().__init__(supervisor)
        self._load = load
        self._store = store
        self._risk = risk
        self._dashboard = dashboard
        self._model: Forecaster | None = None
        self._held: dict[Timeframe, list[Candle]] = {}
        self._silent = False

    def receive(self, message: ForecastInbox) -> None:
        """Forecast on what has closed."""
        match message:
            case Begin():
                self._model = self._load()
            case HistoryReady(at):
                self._read()
                self._forecast(at)
            case CandlesClosed(at, candles):
                self._take(candles)
                self._forecast(at)
            case Tick():
                pass
            case _:
                assert_never(message)

    def _read(self) -> None:
        self._held = {
            timeframe: list(self._store.newest(timeframe, _kept(timeframe)))
            for timeframe in TIMEFRAMES
        }

    def _take(self, candles: tuple[Candle, ...]) -> None:
        held = self._held
        if not held or any(not _follows(held[x.timeframe], x) for x in candles):
            self._read()
            return
        for candle in candles:
            series = held[candle.timeframe]
            series.append(candle)
            del series[: -_kept(candle.timeframe)]

    def _forecast(self, at: Nanos) -> None:
        """One batch of all timeframes; nothing where one of them has too few points."""
        assert self._model is not None
        closes = self._closes()
        if closes is None:
            return
        minute = self._held[Timeframe.M1][-1].close_time
        begun = perf_counter()
        quantiles = self._model.forecast(closes)
        took_ms = (perf_counter() - begun) * 1000
        closes.flags.writeable = False
        quantiles.flags.writeable = False
        forecast = Forecast(minute, closes, quantiles, self._volatility())
        self._dashboard.tell(Forecasted(max(at, minute), took_ms, minute))
        self._announce(forecast)

    def _announce(self, forecast: Forecast) -> None:
        assert self._model is not None
        signal = fuse(forecast, BTCUSDT)
        self._dashboard.tell(forecast)
        self._dashboard.tell(signal)
        self._dashboard.tell(
            Signalled(
                at=signal.at,
                direction=signal.direction,
                confidence=round(signal.confidence, 6),
                expected_bps=round(signal.expected_bps, 6),
                probability=round(signal.probability, 6),
            )
        )
        self._risk.tell(ModelReady(forecast.at, self._model.name, self._model.sha))
        self._risk.tell(signal)

    def _closes(self) -> Floats | None:
        """The model's input, shape (6, 200), short holes bridged; None where it is incomplete."""
        series = [bridged(self._held[timeframe][-CONTEXT:]) for timeframe in TIMEFRAMES]
        short = [
            (timeframe, unbroken(candles))
            for timeframe, candles in zip(TIMEFRAMES, series, strict=True)
            if unbroken(candles) < CONTEXT
        ]
        if short and not self._silent:
            timeframe, points = short[0]
            at = self._held[Timeframe.M1][-1].close_time if self._held[Timeframe.M1] else Nanos(0)
            text = f"no forecast: {timeframe} has {points} of {CONTEXT} points without a hole"
            self._dashboard.tell(Noted(at, text))
        self._silent = bool(short)
        if short:
            return None
        return np.array([[float(x.close) for x in candles[-CONTEXT:]] for candles in series])

    def _volatility(self) -> float:
        """Realised volatility of the last 20 days, from hourly closes [fraction per day]."""
        closes = np.array([float(candle.close) for candle in self._held[TIMEFRAMES[-1]]])
        return float(np.diff(np.log(closes)).std() * np.sqrt(HOURS_A_DAY))


def _kept(timeframe: Timeframe) -> int:
    return HOURS_OF_20_DAYS + 1 if timeframe is TIMEFRAMES[-1] else CONTEXT


def _follows(series: list[Candle], candle: Candle) -> bool:
    return bool(series) and series[-1].close_time == candle.open_time
