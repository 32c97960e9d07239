"""What each timeframe expects, how sure it is, and how often that has come true."""

from functools import lru_cache

from actors.dashboard import pictures
from actors.dashboard.lines import (
    Block,
    Line,
    Size,
    Span,
    Style,
    below,
    beside,
    dimmed,
    fit,
    framed,
)
from actors.dashboard.view import MINUTE_STALE, Score, View
from actors.dashboard.words import (
    DIRECTION_STYLE,
    NOTHING,
    clock,
    number,
    percent,
    share,
    span_of_time,
    style_of,
)
from domain.horizons import CONFIDENCE_MIN, INTERVALS, LEVELS, TIMEFRAMES, WEIGHTS, Timeframe
from domain.signals import Forecast, Signal
from domain.units import BASIS_POINTS, Nanos

TABLE_ROWS = len(TIMEFRAMES) + 3

JUDGED_MIN = 20
"""Judged forecasts below which a share says little, and is dimmed."""

FAN_LEAST = (52, 12)
"""Columns and rows from which a fan chart of one timeframe can stand among six."""

SMALL_FAN = (31, 9)
"""The same where it has no scale; two stand beside each other."""


def table(view: View, size: Size) -> Block:
    """A row a timeframe: direction, expected move, chance, weight; then the calibration."""
    title = (Span("Chronos-Bolt", "title"),)
    if view.signal is None or view.forecast is None:
        return framed(title, ((Span("no forecast yet", "dim"),),), size)
    chances = _chances(view.forecast)
    rows = tuple(
        (*_expected(view.signal, number, chances[number]), *_came_true(view.scores[number]))
        for number in range(len(TIMEFRAMES))
    )
    shown, note = _dated(view, view.signal.at, rows, _fused(view.signal))
    return framed(title, (_head(), *shown), size, note)


def _dated(view: View, at: Nanos, rows: tuple[Line, ...], fused: Line) -> tuple[Block, Line]:
    """Rows and a note of this moment: with its age, and dimmed where it is no longer current."""
    age = view.age(at)
    if age <= MINUTE_STALE:
        return rows, (*fused, Span(f", {span_of_time(age)} ago", "dim"))
    old = Span(f", {span_of_time(age)} ago", "warn")
    return tuple(map(dimmed, rows)), (*dimmed(fused), old)


def _head() -> Line:
    came = "".join(f"{f'{coverage:.0%}':>5}" for coverage, _, _ in INTERVALS)[1:]
    return (
        Span("      expect   p up weight", "dim"),
        Span(" │ ", "frame"),
        Span(f"{came} judged", "dim"),
    )


def _fused(known: Signal) -> Line:
    sure = known.confidence >= CONFIDENCE_MIN
    return (
        Span(f"{known.direction} ", DIRECTION_STYLE[known.direction]),
        Span(share(known.confidence), "strong" if sure else "dim"),
        Span(f", p {share(known.probability)}, {number(known.expected_bps, 1)} bps", "dim"),
    )


def _expected(known: Signal, index: int, chance: float) -> Line:
    expected = known.by_timeframe[index]
    arrow = "↗" if expected > 0 else "↘" if expected < 0 else "→"
    style = style_of(expected)
    return (
        Span(f"{TIMEFRAMES[index]:<4}"),
        Span(f"{arrow}{percent(expected / BASIS_POINTS):>8}", style),
        Span(f"{share(chance):>7}"),
        Span(f"{WEIGHTS[index]:>6.0%}", "dim"),
    )


def _came_true(score: Score) -> Line:
    style: Style = "text" if score.total >= JUDGED_MIN else "dim"
    parts = [share(hits / score.total, 0) if score.total else NOTHING for hits in score.inside]
    told = f"{''.join(f'{part:>5}' for part in parts)}{score.total:>7,}"[1:]
    return Span(" │ ", "frame"), Span(told, style)


@lru_cache(maxsize=2)
def _chances(forecast: Forecast) -> tuple[float, ...]:
    """Chance of each timeframe that its last step ends above its last close."""
    import numpy as np  # noqa: PLC0415 - whoever has a forecast has numpy; the first screen has none

    return tuple(
        float(1 - np.interp(forecast.closes[i, -1], forecast.quantiles[i, -1], LEVELS))
        for i in range(len(TIMEFRAMES))
    )


def calibration(view: View, size: Size) -> Block:
    """What the shares mean, and since when they are counted."""
    since = view.scored_since
    judged = sum(score.total for score in view.scores)
    rows: tuple[Line, ...] = (
        (Span("since     ", "dim"), Span(NOTHING if since is None else f"{clock(since)} UTC")),
        (Span("judged    ", "dim"), Span(f"{judged:,} forecasts, as their candles closed")),
        *(_coverage(view, i) for i in range(len(INTERVALS))),
    )
    return framed((Span("Calibration", "title"),), rows, size)


CALIBRATION_ROWS = 4 + len(INTERVALS)

BAR = 20
"""Columns of a coverage bar."""


def _coverage(view: View, index: int) -> Line:
    """How much fell inside the interval, beside how much should have."""
    wanted = INTERVALS[index][0]
    judged = sum(score.total for score in view.scores)
    label = Span(f"{wanted:.0%} band  ", "dim")
    if not judged:
        return label, Span(NOTHING, "dim")
    came = sum(score.inside[index] for score in view.scores) / judged
    filled = round(came * BAR)
    style: Style = "accent" if judged >= JUDGED_MIN else "dim"
    bar = Span("▰" * filled, style), Span("▱" * (BAR - filled), "dim")
    return label, *bar, Span(f" {share(came)} inside")


def fans(view: View, timeframe: Timeframe, size: Size) -> Block:
    """All six timeframes where there is room for six, else the chosen one."""
    columns, rows = size
    across = _across(size)
    if across == 1:
        return pictures.chart(view, timeframe, size)
    down = len(TIMEFRAMES) // across
    heights = [rows // down + (i < rows % down) for i in range(down)]
    widths = [columns // across + (i < columns % across) for i in range(across)]
    blocks = []
    for row, height in enumerate(heights):
        line: Block = tuple(() for _ in range(height))
        for column, width in enumerate(widths):
            one = TIMEFRAMES[row * across + column]
            line = beside(line, pictures.chart(view, one, (width, height)))
        blocks.append(line)
    return below(blocks)


def _across(size: Size) -> int:
    """How many fan charts stand beside each other: 3, 2, or the chosen one alone.

    >>> _across((136, 58)), _across((160, 30)), _across((66, 38)), _across((80, 9))
    (2, 3, 2, 1)
    """
    for across, (columns, rows) in ((2, FAN_LEAST), (3, FAN_LEAST), (2, SMALL_FAN)):
        if size[0] >= across * columns and size[1] >= len(TIMEFRAMES) // across * rows:
            return across
    return 1


def signal(view: View, size: Size) -> Block:
    """What each timeframe expects, as bars, and what that comes to."""
    title = (Span("Chronos-Bolt", "title"),)
    known = view.signal
    if known is None:
        return framed(title, ((Span("no forecast yet", "dim"),),), size)
    columns = size[0] - 4
    largest = max((abs(expected) for expected in known.by_timeframe), default=0.0) or 1.0
    rows = tuple(
        _bar(timeframe, expected, expected / largest, columns)
        for timeframe, expected in zip(TIMEFRAMES, known.by_timeframe, strict=False)
    )
    shown, note = _dated(view, known.at, rows, _fused(known)[:2])
    return framed(title, shown, size, note)


def _bar(name: str, expected: float, part: float, columns: int) -> Line:
    """A bar to the right for a rise, to the left for a fall."""
    half = max(0, (columns - 16) // 2)
    length = round(min(1.0, abs(part)) * half) if part == part else 0  # noqa: PLR0124 - NaN
    style = style_of(expected)
    falling = ("█" * length if expected < 0 else "").rjust(half)
    rising = ("█" * length if expected >= 0 else "").ljust(half)
    return (
        Span(f"{name:<5}", "dim"),
        Span(percent(expected / BASIS_POINTS).rjust(8), style),
        Span("  "),
        *fit((Span(falling, style),), half),
        Span("│", "frame"),
        Span(rising, style),
    )
