"""The charts of the page, as SVG that takes its colours from the page's style sheet.

Importing this module costs a second: Matplotlib comes along. Import it where charts are drawn.
"""

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from domain.horizons import LEVELS
from domain.market import Side
from domain.performance import Times, drawdowns
from domain.trades import Trade
from domain.units import Floats, Nanos
from persistence.report.curve import Curve
from persistence.report.outlook import Outlook
from persistence.report.skill import Skill
from persistence.report.source import Prices

INK, MUTED, GRID, ACCENT, GAIN, LOSS, PAPER = (f"#01020{n}" for n in range(3, 10))
"""Stand for the page's own colours; no such colour is ever shown."""

VARIABLES = dict(
    zip(
        (INK, MUTED, GRID, ACCENT, GAIN, LOSS, PAPER),
        ("ink", "muted", "grid", "accent", "gain", "loss", "paper"),
        strict=True,
    )
)

POINTS_MAX = 1200
"""A line of more points is thinned out; its extremes stay."""

MARKED_MAX = 400
"""Trades that are marked on the price; older ones are in the list."""

CROWD = 60
"""So many marks of one colour are drawn smaller."""

WIDTHS = {"wide": 10.4, "narrow": 4.5}
"""Inches; the page shows the one that fits."""

HALF_HEIGHT = 3.4
"""Of a chart that takes half of a wide screen [inches]."""

STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": GRID,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": MUTED,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "none",
    "font.size": 9.5,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.1,
    "lines.markeredgewidth": 0,
    "svg.fonttype": "none",
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
}

LINKS = 'xmlns:xlink="http://www.w3.org/1999/xlink" aria-hidden="true"'
"""Matplotlib's markers are links within the drawing."""

Draw = Callable[[Figure], None]


@dataclass(frozen=True, slots=True)
class Chart:
    """One picture in two shapes, with the sentence that says what it shows."""

    says: str
    wide: str
    narrow: str


def half(name: str, says: str, draw: Draw) -> Chart:
    """Draw what takes half of a wide screen, or all of a narrow one."""
    drawn = _svg(name, WIDTHS["narrow"], HALF_HEIGHT, draw)
    return Chart(says, drawn, drawn)


def chart(name: str, says: str, height: float, draw: Draw) -> Chart:
    """Draw for a wide screen and for a narrow one.

    Args:
        name: tells the chart's parts from those of the others on the page.
        says: what a person who does not see it is told.
        height: of the wide one [inches].
        draw: puts the axes into the figure.
    """
    shapes = {x: _svg(f"{name}-{x}", width, height, draw) for x, width in WIDTHS.items()}
    return Chart(says, **shapes)


def equity(curve: Curve) -> Draw:
    """What the account was worth, and how far below its best."""

    def draw(figure: Figure) -> None:
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        at, worth = _thinned(curve.at, curve.equity)
        deep_at, depth = _thinned(curve.at, -100 * drawdowns(curve.equity))
        above.axhline(curve.equity[0], color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
        above.plot(_dates(at), worth, color=ACCENT, linewidth=1.4)
        above.fill_between(_dates(at), worth, worth.min(), color=ACCENT, alpha=0.10, linewidth=0)
        above.yaxis.set_major_formatter(_plain(worth))
        above.set_title("Equity, USDT", loc="left", fontsize=9.5, color=MUTED)
        below.fill_between(_dates(deep_at), depth, 0, color=LOSS, alpha=0.25, linewidth=0)
        below.plot(_dates(deep_at), depth, color=LOSS, linewidth=0.9)
        below.yaxis.set_major_locator(MaxNLocator(3))
        below.yaxis.set_major_formatter(FuncFormatter(_percent))
        below.set_title("Drawdown", loc="left", fontsize=9.5, color=MUTED)
        _calendar(below)

    return draw


def marks(prices: Prices, trades: Sequence[Trade]) -> Draw:
    """The price, with each trade from its entry to its exit."""
    shown = trades[-MARKED_MAX:]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        first = shown[0].opened if len(shown) < len(trades) else 0
        inside = prices.at >= first
        at, close = _thinned(prices.at[inside], prices.close[inside])
        if len(at):
            axes.plot(_dates(at), close, color=MUTED, linewidth=0.8, alpha=0.8)
        for colour, won in ((LOSS, False), (GAIN, True)):
            these = [trade for trade in shown if (trade.pnl > 0) is won]
            if these:
                _mark(axes, these, colour)
        axes.yaxis.set_major_formatter(_plain(close))
        _calendar(axes)

    return draw


def distribution(trades: Sequence[Trade]) -> Draw:
    """How many trades brought how much."""
    pnl = np.array([float(trade.pnl) for trade in trades])

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        counts, edges = np.histogram(pnl, _edges(pnl))
        colours = [GAIN if edge >= 0 else LOSS for edge in edges[:-1]]
        axes.bar(edges[:-1], counts, np.diff(edges) * 0.92, align="edge", color=colours)
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.axvline(pnl.mean(), color=ACCENT, linewidth=1.2, linestyle=(0, (4, 3)))
        axes.set_xlabel("USDT")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(visible=False, axis="x")

    return draw


def costs(parts: Sequence[tuple[str, float]]) -> Draw:
    """From what the prices gave to what was left; the first and the last part are sums."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        names = [name for name, _ in parts]
        amounts = np.array([amount for _, amount in parts])
        begins = np.concatenate(((0.0,), np.cumsum(amounts[:-1])))
        begins[-1] = 0.0
        colours = [GAIN if amount >= 0 else LOSS for amount in amounts]
        axes.barh(names, amounts, left=begins, color=colours, height=0.6)
        axes.axvline(0, color=INK, linewidth=0.8)
        ends = np.concatenate((begins, begins + amounts))
        low, high = min(ends.min(), 0.0), max(ends.max(), 0.0)
        room = (high - low) or 1.0
        for row, amount in enumerate(amounts):
            axes.text(high + 0.04 * room, row, _short(amount), va="center")
        axes.set_xlim(low - 0.04 * room, high + 0.34 * room)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(_plain(ends))
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("USDT")

    return draw


def skill(skills: Sequence[Skill]) -> Draw:
    """How often the signals were right, with the range in which the truth lies."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for number, found in enumerate(skills):
            _bar(axes, number - 0.12, found.right / found.count, found.interval, MUTED)
            if found.sure_interval is not None:
                rate = found.sure_right / found.sure
                _bar(axes, number + 0.12, rate, found.sure_interval, ACCENT)
        axes.axhline(50, color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.set_xticks(range(len(skills)), [found.timeframe for found in skills])
        axes.yaxis.set_major_formatter(FuncFormatter(_percent))
        axes.grid(visible=False, axis="x")

    return draw


def calibration(outlooks: Sequence[Outlook]) -> Draw:
    """A picture a timeframe: how much fell below each quantile against how much should have."""

    def draw(figure: Figure) -> None:
        pictures = figure.subplots(2, 3, sharex=True, sharey=True).ravel()
        for axes, outlook in zip(pictures, outlooks, strict=False):
            axes.plot((0, 100), (0, 100), color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
            should, did = 100 * np.array(LEVELS), 100 * np.array(outlook.below)
            axes.plot(should, did, ".-", color=ACCENT, markersize=5)
            axes.set_title(outlook.timeframe, loc="left", fontsize=9.5, color=MUTED)
            axes.set_xticks((10, 50, 90))
            axes.set_yticks((10, 50, 90))
        for axes in pictures[len(outlooks) :]:
            axes.set_axis_off()
        figure.supxlabel("should fall below, %", fontsize=9.5, color=MUTED)
        figure.supylabel("fell below, %", fontsize=9.5, color=MUTED)

    return draw


def beaten(outlooks: Sequence[Outlook]) -> Draw:
    """How much less each timeframe's forecasts lose than a random walk."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        known = [(x.timeframe, 100 * x.skill) for x in outlooks if x.skill is not None]
        names, skills = [name for name, _ in known], [skill for _, skill in known]
        axes.barh(names, skills, color=[GAIN if x > 0 else LOSS for x in skills], height=0.6)
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(FuncFormatter(_percent))
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")

    return draw


def _bar(axes: Axes, x: float, rate: float, interval: tuple[float, float], colour: str) -> None:
    reach = [[100 * (rate - interval[0])], [100 * (interval[1] - rate)]]
    axes.errorbar([x], [100 * rate], reach, fmt="o", color=colour, markersize=5, elinewidth=2)


def _mark(axes: Axes, trades: Sequence[Trade], colour: str) -> None:
    """Lines from entry to exit; a triangle where it began says which way, a dot where it ended."""
    size = 5.5 if len(trades) < CROWD else 3.5
    times = _dates(np.array([(trade.opened, trade.closed) for trade in trades], np.int64))
    prices = np.array([(float(trade.entry), float(trade.exit)) for trade in trades])
    gaps = np.full((len(trades), 1), np.nan)
    axes.plot(np.hstack((times, gaps)).ravel(), np.hstack((prices, gaps)).ravel(), color=colour)
    axes.plot(times[:, 1], prices[:, 1], "o", color=colour, markersize=size * 0.8)
    for side, shape in ((Side.BUY, "^"), (Side.SELL, "v")):
        these = np.array([trade.side is side for trade in trades])
        axes.plot(times[these, 0], prices[these, 0], shape, color=colour, markersize=size * 1.2)


def _edges(pnl: Floats) -> Floats:
    """Equal bins, zero being one of their edges, so that no bar mixes gains with losses."""
    span = float(max(pnl.max(), 0) - min(pnl.min(), 0)) or 1.0
    width = span / max(6, min(40, int(2 * np.sqrt(len(pnl)))))
    lowest, highest = np.floor(min(pnl.min(), 0) / width), np.floor(max(pnl.max(), 0) / width) + 1
    edges = np.asarray(np.arange(lowest, highest + 1) * width)
    edges[0], edges[-1] = min(edges[0], pnl.min()), max(edges[-1], pnl.max())  # despite rounding
    return edges


def _thinned(at: Times, values: Floats) -> tuple[Times, Floats]:
    """The line by the lowest and the highest point of each of so many parts."""
    if len(at) <= POINTS_MAX:
        return at, values
    parts = np.array_split(np.arange(len(at)), POINTS_MAX // 2)
    kept = {0, len(at) - 1}
    for part in parts:
        kept |= {int(part[values[part].argmin()]), int(part[values[part].argmax()])}
    places = np.array(sorted(kept))
    return at[places], values[places]


def _dates(at: Times) -> Floats:
    return np.asarray(date2num(at.astype("datetime64[ns]")), np.float64)


def _calendar(axes: Axes) -> None:
    locator = AutoDateLocator(minticks=3, maxticks=7)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axes.margins(x=0.01)


def _short(amount: float) -> str:
    """An amount with its sign and as many decimals as it needs."""
    return _signed(f"{amount:+,.{2 if abs(amount) >= 1 else 4}f}") if amount else "0"


def _percent(value: float, _: int) -> str:
    digits = f"{value:.6f}".rstrip("0").rstrip(".")
    return _signed(f"{digits} %")


def _signed(text: str) -> str:
    """The text with a real minus sign."""
    return text.replace("-", "\N{MINUS SIGN}")


def _plain(values: Floats) -> FuncFormatter:
    """Numbers with thousands apart and the decimals that the range of these values needs."""
    span = float(np.ptp(values)) if len(values) else 0.0
    decimals = int(np.clip(2 - np.floor(np.log10(span or 1.0)), 0, 6))
    return FuncFormatter(lambda value, _: _signed(f"{value:,.{decimals}f}"))


def _svg(name: str, width: float, height: float, draw: Draw) -> str:
    with mpl.rc_context({**STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure)
        written = io.StringIO()
        # Figure.savefig would lay everything out twice.
        FigureCanvasSVG(figure).print_svg(written, metadata={"Date": None, "Creator": None})
    return _inline(written.getvalue(), name)


def _inline(svg: str, name: str) -> str:
    """The drawing as a part of a page: colours and letters are the page's, names its own."""
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"<(metadata|style).*?</\1>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<svg[^>]*(viewBox=\"[^\"]*\")[^>]*>", rf"<svg \1 {LINKS}>", svg, count=1)
    svg = re.sub(r"font-family: [^;\"]*", "font-family: var(--letters)", svg)
    svg = re.sub(r" d=\"[^\"]*\"", _shortened, svg)
    for colour, variable in VARIABLES.items():
        svg = svg.replace(colour, f"var(--{variable})")
    used = set(re.findall(r"#([\w.-]+)", svg))
    svg = re.sub(r" id=\"([^\"]*)\"", lambda x: x.group(0) if x.group(1) in used else "", svg)
    return re.sub(r"( id=\"|#)([\w.-]+)(?=[\")])", rf"\1{name}-\2", svg)


def _shortened(path: re.Match[str]) -> str:
    """A path whose points are told to a hundredth of a pixel."""
    return re.sub(r"(\.\d\d)\d+", r"\1", path.group(0).replace("\n", ""))


def first_marked(trades: Sequence[Trade]) -> Nanos | None:
    """When the first trade that is marked was opened, where older ones are not."""
    return trades[-MARKED_MAX].opened if len(trades) > MARKED_MAX else None
