"""The price with what is forecast for it, the course of the equity, and small courses."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import ceil, floor, isfinite, log10
from typing import NamedTuple

from actors.dashboard.bars import Bar, bars
from actors.dashboard.charts import Canvas, Point
from actors.dashboard.lines import (
    Block,
    Line,
    Size,
    Span,
    Style,
    fit,
    framed,
    spread,
)
from actors.dashboard.view import MINUTE_STALE, View, Worth
from actors.dashboard.words import (
    clock,
    dollars,
    gain,
    number,
    short_span,
    span_of_time,
    style_of,
)
from domain.account import OPENING_BALANCE
from domain.horizons import INTERVALS, MEDIAN, STEPS, TIMEFRAMES, Timeframe
from domain.market import Side
from domain.signals import Forecast
from domain.units import Money, Nanos

SCALE = 11
"""Columns that a scale takes."""

HEADROOM = 0.04
"""Share of the picture that stays free above and below."""

AXIS_FROM = 9
"""Rows from which a chart has its times below it."""

CANDLES_FROM = 5
"""Rows from which candles can be told from each other; below, a line says more."""

TICK_ROWS = 4
"""Rows of a chart for each price on its scale, about."""

FAN_STYLES: tuple[Style, ...] = ("fan", "fan-mid", "fan-wide")
"""Of the 80, 90 and 95 % intervals."""

NEAR = 1e-4
"""Share of the equity within which the high-water mark is near however little moves."""

AHEAD = STEPS[-1]


class Scale(NamedTuple):
    """Where values stand: the lowest and highest one, and rows of dots between them."""

    low: float
    high: float
    dots: int

    def y(self, value: float) -> float:
        """Row of dots from the top."""
        return (self.high - value) / (self.high - self.low) * (self.dots - 1)


class Rule(NamedTuple):
    """A level of the price that is marked across the picture."""

    name: str
    price: float
    style: Style


def scale(values: Sequence[float], dots: int) -> Scale:
    """A scale that holds all values with some room around them."""
    low, high = min(values), max(values)
    room = (high - low) * HEADROOM or max(abs(high) * 1e-4, 1e-9)
    return Scale(low - room, high + room, dots)


def chart(view: View, timeframe: Timeframe, size: Size) -> Block:
    """Candles of a timeframe, the newest price, and the fan of its forecast."""
    columns, rows = size
    scaled = columns >= SCALED
    title = (Span(f"BTC/USDT {timeframe}" if columns >= NAMED else timeframe, "title"),)
    width, inside = columns - 4 - (SCALE if scaled else 0), rows - 2
    shown = bars(view, timeframe, max(2, width - AHEAD + 1))
    if len(shown) < 2 or width < AHEAD + 2 or inside < 1:  # noqa: PLR2004 - a line has two ends
        return framed(title, ((Span("no history yet", "dim"),),), size)
    axis = inside >= AXIS_FROM
    cells = (width, inside - axis)
    fan, begin = _fan(view.forecast, timeframe), _newest_known(view, shown)
    rules = _rules(view) if cells[1] >= CANDLES_FROM else ()
    picture, held = _drawn(fan, begin, shown, cells, rules)
    times = (_axis(shown, timeframe, width),) if axis else ()
    if not scaled:
        return framed(title, (*picture, *times), size, _reach(held))
    labels = _labels(held, (shown[-1].close, _how_new(view)), cells[1], rules)
    body = [(*line, *label) for line, label in zip(picture, labels, strict=True)]
    return framed(title, (*body, *times), size, _made(view))


SCALED = 48
"""Columns from which a chart has its scale beside it."""

NAMED = 36
"""Columns from which it says what it is a chart of."""


def _reach(held: Scale) -> Line:
    """From where to where the picture reaches, where there is no room for a scale."""
    return (Span(f"{held.low:,.0f} to {held.high:,.0f}", "dim"),)


def _how_new(view: View) -> Style:
    """How the newest price is written."""
    quote = view.quote
    return "stale" if quote is None or view.age(quote.at) > view.stale_after else "strong"


def _newest_known(view: View, shown: Sequence[Bar]) -> int:
    """The bar from whose close the fan begins: the newest that the forecast knows."""
    if view.forecast is None:
        return 0
    known = sum(bar.at <= view.forecast.at for bar in shown)
    return min(max(0, known - 1), len(shown) - 1)


def _made(view: View) -> Line:
    if view.forecast is None:
        return ()
    age = view.age(view.forecast.at)
    when = Span(f"{span_of_time(age)} ago", "warn" if age > MINUTE_STALE else "dim")
    return Span("fan 80 90 95 %, ", "dim"), when


def _rules(view: View) -> tuple[Rule, ...]:
    """Where the open position began, fails and comes true."""
    position = None if view.marked is None else view.marked.account.position
    if position is None:
        return ()
    side: Style = "good" if position.side is Side.BUY else "bad"
    return (
        Rule("entry", float(position.entry), side),
        Rule("stop", float(position.plan.stop), "bad"),
        Rule("target", float(position.plan.target), "good"),
    )


def _axis(shown: Sequence[Bar], timeframe: Timeframe, width: int) -> Line:
    """When the first bar began and the last one closes, and how far the fan reaches."""
    first = clock(Nanos(shown[0].at - timeframe.span))[:5]
    now = clock(Nanos(shown[-1].at - timeframe.span))[:5]
    ahead = short_span(Nanos(AHEAD * timeframe.span)).removesuffix(" 0s").removesuffix(" 0m")
    gap = max(1, len(shown) - len(first) - len(now) // 2 - 1)
    left = f"{first}{' ' * gap}{now}"
    return spread((Span(left, "dim"),), (Span(f"+{ahead}", "dim"),), width)


Fan = tuple[tuple[float, ...], ...]
"""The median, then both bounds of each interval, each at the last close and at STEPS."""


@lru_cache(maxsize=12)
def _fan(forecast: Forecast | None, timeframe: Timeframe) -> Fan:
    if forecast is None:
        return ()
    index = TIMEFRAMES.index(timeframe)
    last = float(forecast.closes[index, -1])
    levels = (MEDIAN, *(level for _, *pair in INTERVALS for level in pair))
    fan = tuple((last, *forecast.quantiles[index, :, level].tolist()) for level in levels)
    return fan if all(isfinite(value) for line in fan for value in line) else ()


def _drawn(
    fan: Fan, begin: int, shown: tuple[Bar, ...], cells: Size, rules: tuple[Rule, ...]
) -> tuple[Block, Scale]:
    """The picture and its scale; what has not changed since the last frame is not drawn again."""
    values = [x for bar in shown for x in (bar.high, bar.low)] + [x for line in fan for x in line]
    held = scale(values, 4 * cells[1])
    if cells[1] < CANDLES_FROM:
        canvas = _ground(fan, begin, (), held, (cells, rules)).copy()
        canvas.path([(2 * i, held.y(bar.close)) for i, bar in enumerate(shown)], "accent")
        return canvas.rows(), held
    canvas = _ground(fan, begin, shown[:-1], held, (cells, rules)).copy()
    _candle(canvas, len(shown) - 1, shown[-1], held)
    return canvas.rows(), held


@lru_cache(maxsize=12)
def _ground(
    fan: Fan,
    begin: int,
    closed: tuple[Bar, ...],
    held: Scale,
    rest: tuple[Size, tuple[Rule, ...]],
) -> Canvas:
    """The fan, the rules and the closed candles."""
    canvas = Canvas(*rest[0])
    for rule in rest[1]:
        if held.low < rule.price < held.high:
            for x in range(0, canvas.width, 6):
                canvas.dot(x, round(held.y(rule.price)), rule.style)
    if fan:
        _spread_out(canvas, fan, held, begin)
    for column, bar in enumerate(closed):
        _candle(canvas, column, bar, held)
    return canvas


def _candle(canvas: Canvas, column: int, bar: Bar, held: Scale) -> None:
    top, bottom = max(bar.open, bar.close), min(bar.open, bar.close)
    wick, body = (held.y(bar.high), held.y(bar.low)), (held.y(top), held.y(bottom))
    canvas.candle(column, wick, body, "rise" if bar.close >= bar.open else "fall")


def _spread_out(canvas: Canvas, fan: Fan, held: Scale, begin: int) -> None:
    """Draw the fan: the widest interval first, the median on top."""
    places = [2 * (begin + step) + 1 for step in (0, *STEPS)]

    def path(values: tuple[float, ...]) -> list[Point]:
        return [(x, held.y(value)) for x, value in zip(places, values, strict=True)]

    for index in reversed(range(len(INTERVALS))):
        lower, upper = fan[1 + 2 * index], fan[2 + 2 * index]
        canvas.band(path(upper), path(lower), FAN_STYLES[index])
    canvas.path(path(fan[0]), "strong")


def _labels(
    held: Scale, last: tuple[float, Style], rows: int, rules: Sequence[Rule] = ()
) -> tuple[Line, ...]:
    """Round values of the scale, the rules, and the newest value where it stands."""
    labels: list[Line] = [(Span(" " * SCALE),)] * rows
    for value in _round_values(held, rows):
        labels[_row(held, value, rows)] = _label(value, "dim")
    for rule in rules:
        if held.low < rule.price < held.high:
            labels[_row(held, rule.price, rows)] = (Span(rule.name.rjust(SCALE), rule.style),)
    labels[_row(held, last[0], rows)] = _label(*last)
    return tuple(labels)


def _round_values(held: Scale, rows: int) -> Sequence[float]:
    """Round values on the scale, one for every few rows.

    >>> _round_values(Scale(83_514.16, 86_587.69, 80), 20)
    [84000.0, 85000.0, 86000.0]
    >>> _round_values(Scale(9_999.33, 10_000.32, 20), 5)
    [10000.0]
    """
    rough = (held.high - held.low) / max(1, rows / TICK_ROWS)
    unit = 10.0 ** floor(log10(rough))
    step = next(unit * part for part in (1, 2, 5, 10) if unit * part >= rough)
    first, last = ceil(held.low / step), floor(held.high / step)
    return [count * step for count in range(first, min(last, first + rows) + 1)]


def _row(held: Scale, value: float, rows: int) -> int:
    return min(rows - 1, max(0, round(held.y(value)) // 4))


def _label(value: float, style: Style) -> Line:
    return fit((Span(f"{value:,.2f}".rjust(SCALE), style),), SCALE)[:1]


def equity(view: View, size: Size) -> Block:
    """The equity since the program began, under its high-water mark."""
    columns, rows = size
    title: Line = (Span("Equity", "title"),)
    worth = tuple(x for x in view.equity if isfinite(x.equity) and isfinite(x.high_water))
    if len(worth) < 2 or columns < SCALE + 8:  # noqa: PLR2004 - a line has two ends
        return framed(title, ((Span("no course yet", "dim"),),), size)
    near = _near(worth)
    mark = "and high-water mark" if near else f"below its high of {worth[-1].high_water:,.2f}"
    title = (*title, Span(f" {mark}", "dim"))
    picture, held = _course(worth, (columns - 4 - SCALE, rows - 2), near=near)
    style: Style = "stale" if view.account_late else "strong"
    labels = _labels(held, (worth[-1].equity, style), rows - 2)
    body = tuple((*line, *label) for line, label in zip(picture, labels, strict=True))
    foot = _stretch(worth[0].at, worth[-1].at)
    return framed(title, body, size, _since_opening(view), foot)


def worth(view: View, size: Size) -> Block:
    """The equity's course where there is room for little else."""
    if size[1] > SMALL and size[0] >= ROOMY:
        return equity(view, size)
    values = tuple(x.equity for x in view.equity)
    known = view.marked or view.accounted
    style: Style = "stale" if view.account_late else "strong"
    newest = Span("" if known is None else dollars(known.equity), style)
    return small(Course("Equity", values, newest), size)


SMALL = 6
"""Rows up to which a course has no scale."""

ROOMY = 40
"""Columns from which it has one."""


def _stretch(begin: Nanos, end: Nanos) -> Line:
    """From when to when, as a foot."""
    return (Span(f"{clock(begin)} to {clock(end)}", "dim"),)


def _since_opening(view: View) -> Line:
    known = view.marked or view.accounted
    if known is None:
        return ()
    made = Money(known.equity - OPENING_BALANCE)
    if view.account_late:
        age = Span(f"  {span_of_time(view.age(view.account_at))} old", "warn")
        return Span(dollars(known.equity), "stale"), age
    return Span(f"{dollars(known.equity)} ", "strong"), Span(gain(made), style_of(made))


@lru_cache(maxsize=2)
def _course(worth: tuple[Worth, ...], cells: Size, *, near: bool) -> tuple[Block, Scale]:
    canvas = Canvas(*cells)
    values = [x.equity for x in worth]
    best = [x.high_water for x in worth]
    held = scale([*values, *(best if near else ())], canvas.height)
    if near:
        canvas.path(_across(canvas, best, held), "fan")
    canvas.path(_across(canvas, values, held), "good" if values[-1] >= values[0] else "bad")
    return canvas.rows(), held


def _near(worth: tuple[Worth, ...]) -> bool:
    """Whether the mark can be drawn as well: a far one would press the course flat."""
    values = [x.equity for x in worth]
    range_ = max(max(values) - min(values), abs(values[-1]) * NEAR)
    return max(x.high_water for x in worth) - min(values) <= 4 * range_


def _across(canvas: Canvas, values: Sequence[float], held: Scale) -> list[Point]:
    """The values at even steps over the whole width."""
    stride = (canvas.width - 1) / (len(values) - 1)
    return [(i * stride, held.y(value)) for i, value in enumerate(values)]


class Course(NamedTuple):
    """A small picture of how a figure went.

    Attributes:
        title: what it is.
        values: oldest first.
        newest: the newest one in words.
        limit: a level that means something, None where there is none.
        told: a value in words, for the lowest and the highest one.
    """

    title: str
    values: tuple[float, ...]
    newest: Span
    limit: float | None = None
    told: Callable[[float], str] = number


def small(course: Course, size: Size) -> Block:
    """A figure over the last minutes, with its newest value in the frame."""
    columns, rows = size
    values = tuple(value for value in course.values if isfinite(value))[-2 * (columns - 4) :]
    title = (Span(course.title, "title"),)
    if len(values) < 2:  # noqa: PLR2004 - a line has two ends
        return framed(title, ((Span("no course yet", "dim"),),), size, (course.newest,))
    picture = _small(values, course.limit, (columns - 4, rows - 2))
    low, high = course.told(min(values)), course.told(max(values))
    foot = (Span(f"{low} to {high}", "dim"),)
    return framed(title, picture, size, (course.newest,), foot)


@lru_cache(maxsize=6)
def _small(values: tuple[float, ...], limit: float | None, cells: Size) -> Block:
    canvas = Canvas(*cells)
    held = scale(values, canvas.height)
    if limit is not None and held.low < limit < held.high:
        for x in range(0, canvas.width, 4):
            canvas.dot(x, round(held.y(limit)), "warn")
    first = canvas.width - len(values)
    canvas.path([(first + i, held.y(value)) for i, value in enumerate(values)], "accent")
    return canvas.rows()
