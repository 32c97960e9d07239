"""The price with what is forecast for it, and the course of the equity."""

from collections.abc import Sequence
from functools import lru_cache
from math import isfinite
from typing import NamedTuple

from actors.dashboard.charts import Canvas, Point
from actors.dashboard.lines import Block, Line, Span, Style, fit, framed
from actors.dashboard.view import MINUTE_STALE, View
from actors.dashboard.words import dollars, gain, span_of_time, style_of
from domain.account import OPENING_BALANCE
from domain.horizons import CONTEXT, INTERVALS, MEDIAN, STEPS, TIMEFRAMES, Timeframe
from domain.signals import Forecast
from domain.units import Money

Size = tuple[int, int]
"""Columns and rows."""

SCALE = 11
"""Columns that a scale takes."""

SHOWN = TIMEFRAMES.index(Timeframe.M1)
"""The timeframe whose closes and forecast are drawn."""

DOTS_PER_CLOSE = 1.5
"""How far apart two closes are drawn at least."""

HEADROOM = 0.04
"""Share of the picture that stays free above and below."""


class Scale(NamedTuple):
    """Where values stand: the lowest and highest one, and rows of dots between them."""

    low: float
    high: float
    dots: int

    def y(self, value: float) -> float:
        """Row of dots from the top."""
        return (self.high - value) / (self.high - self.low) * (self.dots - 1)


def scale(values: Sequence[float], dots: int) -> Scale:
    """A scale that holds all values with some room around them."""
    low, high = min(values), max(values)
    room = (high - low) * HEADROOM or max(abs(high) * 1e-4, 1e-9)
    return Scale(low - room, high + room, dots)


def chart(view: View, size: Size) -> Block:
    """One-minute closes, the newest price, and the fan of its forecast."""
    columns, rows = size
    title = (Span("BTC/USDT 1m", "title"),)
    closes = _closes(view)
    if len(closes) < 2 or columns < SCALE + 8:  # noqa: PLR2004 - a line has two ends
        return framed(title, ((Span("no history yet", "dim"),),), size)
    rows_inside = rows - 2
    picture, held = _drawn(view.forecast, closes, (columns - 4 - SCALE, rows_inside))
    body = tuple(
        (*line, *label)
        for line, label in zip(picture, _labels(held, closes[-1], rows_inside), strict=True)
    )
    return framed(title, body, size, _made(view))


def _made(view: View) -> Line:
    if view.forecast is None:
        return ()
    age = view.age(view.forecast.at)
    when = Span(f"{span_of_time(age)} ago", "warn" if age > MINUTE_STALE else "dim")
    return Span("fan 80 and 95 %, ", "dim"), when


def _closes(view: View) -> tuple[float, ...]:
    """What the forecast rests on, then the closes since, then the newest price."""
    past: tuple[float, ...] = ()
    since = tuple(float(candle.close) for candle in view.candles)
    if view.forecast is not None:
        past = _history(view.forecast)
        since = tuple(float(c.close) for c in view.candles if c.close_time > view.forecast.at)
    now = () if view.quote is None else (float(view.quote.price),)
    return tuple(value for value in (*past, *since, *now) if isfinite(value))


@lru_cache(maxsize=2)
def _history(forecast: Forecast) -> tuple[float, ...]:
    return tuple(forecast.closes[SHOWN].tolist())


@lru_cache(maxsize=4)
def _drawn(
    forecast: Forecast | None, closes: tuple[float, ...], cells: Size
) -> tuple[Block, Scale]:
    canvas = Canvas(*cells)
    ahead = STEPS[-1] if forecast is not None else 0
    room = int(canvas.width / DOTS_PER_CLOSE) - ahead
    closes = closes[-max(2, min(CONTEXT, room)) :]
    stride = (canvas.width - 1) / (len(closes) - 1 + ahead)
    fan = _fan(forecast)
    held = scale([*closes, *(value for line in fan.values() for value in line)], canvas.height)
    begin = len(closes) - 1
    places = [(begin + step) * stride for step in (0, *STEPS)]

    def path(level: int) -> list[Point]:
        return [(x, held.y(value)) for x, value in zip(places, fan[level], strict=True)]

    for (_, lower, upper), style in zip(reversed(BOUNDS), FAN_STYLES, strict=True):
        if fan:
            canvas.band(path(upper), path(lower), style)
    if fan:
        canvas.path(path(MEDIAN), "strong")
    canvas.path([(i * stride, held.y(value)) for i, value in enumerate(closes)], "accent")
    return canvas.rows(), held


BOUNDS = (INTERVALS[0], INTERVALS[-1])
FAN_STYLES: tuple[Style, ...] = ("fan-wide", "fan")


def _fan(forecast: Forecast | None) -> dict[int, list[float]]:
    """Values of the median and of both intervals' bounds, from the newest close on."""
    if forecast is None:
        return {}
    last = float(forecast.closes[SHOWN, -1])
    levels = (MEDIAN, *(level for _, *pair in BOUNDS for level in pair))
    fan = {level: [last, *forecast.quantiles[SHOWN, :, level].tolist()] for level in levels}
    return fan if all(isfinite(value) for line in fan.values() for value in line) else {}


def _labels(held: Scale, last: float, rows: int) -> tuple[Line, ...]:
    """The highest and lowest value of the scale, and the newest one where it stands."""
    labels: list[Line] = [(Span(" " * SCALE),)] * rows
    labels[0], labels[-1] = _label(held.high, "dim"), _label(held.low, "dim")
    labels[min(rows - 1, max(0, round(held.y(last)) // 4))] = _label(last, "strong")
    return tuple(labels)


def _label(value: float, style: Style) -> Line:
    return fit((Span(f"{value:,.2f}".rjust(SCALE), style),), SCALE)[:1]


def equity(view: View, size: Size) -> Block:
    """The equity since the program began."""
    columns, rows = size
    title = (Span("Equity", "title"),)
    values = tuple(value for value in view.equity if isfinite(value))
    if len(values) < 2 or columns < SCALE + 8:  # noqa: PLR2004 - a line has two ends
        return framed(title, ((Span("no course yet", "dim"),),), size)
    picture, held = _course(values, (columns - 4 - SCALE, rows - 2))
    labels = _labels(held, values[-1], rows - 2)
    body = tuple((*line, *label) for line, label in zip(picture, labels, strict=True))
    return framed(title, body, size, _since_opening(view))


def _since_opening(view: View) -> Line:
    known = view.marked or view.accounted
    if known is None:
        return ()
    made = Money(known.equity - OPENING_BALANCE)
    return Span(f"{dollars(known.equity)} ", "strong"), Span(gain(made), style_of(made))


@lru_cache(maxsize=2)
def _course(values: tuple[float, ...], cells: Size) -> tuple[Block, Scale]:
    canvas = Canvas(*cells)
    held = scale(values, canvas.height)
    stride = (canvas.width - 1) / (len(values) - 1)
    points = [(i * stride, held.y(value)) for i, value in enumerate(values)]
    canvas.path(points, "good" if values[-1] >= values[0] else "bad")
    return canvas.rows(), held
