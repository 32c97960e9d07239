"""The page: one file that a browser shows without a network and without a script."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from domain import resampling
from domain.facts import Mode
from domain.horizons import CONFIDENCE_MIN
from domain.ledger import ZERO, Cause
from domain.market import Side
from domain.moments import spoken
from domain.performance import TRADES_MIN
from domain.trades import Trade
from domain.units import HOUR, Money
from persistence.report import charts
from persistence.report.charts import Chart, chart
from persistence.report.content import Report, label
from persistence.report.measures import Measured
from persistence.report.operations import FIGURE, Operations
from persistence.report.outlook import Outlook
from persistence.report.source import Source
from persistence.report.words import FILTERS

FOLDER = Path(__file__).parent

LABELS = {
    Mode.LIVE: "Binance's market as it happened; orders were filled on paper",
    Mode.DEMO: "an invented market: nothing here says how real trading would go",
    Mode.REPLAY: "a market of the past, played again; orders were filled on paper",
    None: "nobody wrote down where this market data came from",
}

LISTED_MAX = 1000
"""Trades in the page's list; `trades.csv` has them all."""

LATE = HOUR
"""A log that begins so much later than its ledger has lost something [ns]."""

DAYS_MIN = 30
"""Ratios of fewer daily returns say next to nothing."""

DEEPEST = 55
"""Share of colour in the strongest month [per cent]."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A month's return, and how strong its colour is [per cent]."""

    change: float
    strength: int


@dataclass(frozen=True, slots=True)
class Group:
    """Trades that have something in common."""

    name: str
    trades: int
    wins: int
    pnl: Money


def page(report: Report) -> str:
    """The report as HTML; all text from outside is escaped."""
    loader = jinja2.FileSystemLoader(FOLDER)
    environment = jinja2.Environment(
        loader=loader,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= FILTERS
    return environment.get_template("page.html.j2").render(_context(report))


def _context(report: Report) -> dict[str, Any]:
    source, run, operations = report.source, report.run, report.operations
    return {
        "charts": _charts(report),
        "confidence_min": CONFIDENCE_MIN,
        "css": _style(),
        "curve": report.curve,
        "days_min": resampling.DAYS_MIN,
        "draws": resampling.DRAWS,
        "entries": len(source.kept.entries),
        "fills": len(source.history.filled),
        "groups": _groups(run.trades),
        "label": label(source.kept.mode),
        "label_says": LABELS[source.kept.mode],
        "listed": LISTED_MAX,
        "marked_since": charts.first_marked(run.trades),
        "months": _months(run.months),
        "name": source.name,
        "no_skill": _no_skill(source),
        "outlooks": source.outlooks,
        "operations": operations,
        "position": source.history.last.position,
        "prices": len(source.prices.at),
        "refusals": _refusals(operations),
        "run": run,
        "search": report.search,
        "skills": report.skills,
        "waits": {} if operations is None else operations.waits,
        "warnings": warnings(report),
    }


def _style() -> Markup:
    """The style sheet as it is: in a style element nothing is escaped."""
    loaded = (FOLDER / "page.css").read_text(encoding="utf-8")
    return Markup(loaded)  # noqa: S704 - it is our own file


def _charts(report: Report) -> dict[str, Chart | None]:
    run, found = report.run, dict[str, Chart | None]()
    found["equity"] = chart(
        "equity", "Equity over time, with the drawdown below it", 4.3, charts.equity(report.curve)
    )
    for name in ("costs", "distribution", "marks", "skill", "calibration", "beaten"):
        found[name] = None
    if run.trading.turnover > 0:
        says = "What the prices gave, what each kind of cost took, and what was left"
        found["costs"] = charts.half("costs", says, charts.costs(_costs(run)))
    if run.trades:
        draw = charts.marks(report.source.prices, run.trades)
        found["marks"] = chart("marks", "The price, with every trade's entry and exit", 4.6, draw)
        says = "How many trades brought how much"
        found["distribution"] = charts.half("spread", says, charts.distribution(run.trades))
    if report.skills:
        says = "How often the signals were right, by minutes ahead, with 95 % ranges"
        found["skill"] = chart("skill", says, 3.0, charts.skill(report.skills))
    return found | _outlook_charts(report.source.outlooks)


def _outlook_charts(outlooks: Sequence[Outlook]) -> dict[str, Chart | None]:
    found = dict[str, Chart | None]()
    if outlooks:
        says = "How much fell below each quantile against how much should have, by timeframe"
        found["calibration"] = charts.half("calibration", says, charts.calibration(outlooks))
    if any(outlook.skill is not None for outlook in outlooks):
        says = "How much less the forecasts lose than a random walk, by timeframe"
        found["beaten"] = charts.half("beaten", says, charts.beaten(outlooks))
    return found


def _costs(run: Measured) -> Sequence[tuple[str, float]]:
    """From the gain at the mid prices to what was realised after all costs."""
    trading = run.trading
    kept = trading.gross - trading.fees + trading.funding
    rest = [("fees", -trading.fees), ("funding", trading.funding), ("result", kept)]
    if trading.slippage is None:
        return [("price moves", trading.gross), *rest]
    slipped = [("price moves", trading.gross + trading.slippage), ("slippage", -trading.slippage)]
    return [*slipped, *rest]


def _months(months: dict[tuple[int, int], float]) -> dict[int, list[Cell | None]]:
    """A row a year: twelve months, and the year."""
    strongest = max((abs(change) for change in months.values()), default=0) or 1
    rows: dict[int, list[Cell | None]] = defaultdict(lambda: [None] * 13)
    growth: dict[int, float] = defaultdict(lambda: 1.0)
    for (year, month), change in months.items():
        rows[year][month - 1] = Cell(change, round(DEEPEST * abs(change) / strongest))
        growth[year] *= 1 + change
    for year, grown in growth.items():
        rows[year][12] = Cell(grown - 1, 0)
    return dict(rows)


def _groups(trades: Sequence[Trade]) -> list[Group]:
    """Trades by side, then by what ended them."""
    found: dict[str, list[Trade]] = defaultdict(list)
    for trade in trades:
        found["long" if trade.side is Side.BUY else "short"].append(trade)
    ends: dict[str, list[Trade]] = defaultdict(list)
    for trade in trades:
        ends[f"ended by {FIGURE.sub('', trade.reason).strip() or 'a reason unknown'}"].append(trade)
    return [_group(name, these) for name, these in (*found.items(), *sorted(ends.items()))]


def _group(name: str, trades: Sequence[Trade]) -> Group:
    pnl = Money(sum((trade.pnl for trade in trades), ZERO))
    return Group(name, len(trades), sum(trade.pnl > 0 for trade in trades), pnl)


def _refusals(operations: Operations | None) -> dict[str, int]:
    if operations is None:
        return {}
    return {f"{code}: {reason}": count for (code, reason), count in operations.refusals.items()}


def _no_skill(source: Source) -> str:
    if source.log is None:
        return "there is no log of this ledger"
    if len(source.prices.at) == 0:
        return "there are no candles of this period in the store"
    return "no signal in the log has its price, then and later, in the store"


def _thinned(source: Source) -> list[str]:
    """That the log is not whole, where it is not."""
    if source.log is None or not source.log.thinned:
        return []
    day = f"{source.log.thinned[:4]}-{source.log.thinned[4:6]}-{source.log.thinned[6:]}"
    told = (
        f"Of the log up to {day} only what happened is left: what it told each minute was removed "
        "to make room (it keeps 100 MB). Signals, reasons to wait and the account's marks are of "
        "the time since; orders, fills, refusals and faults, trades and money are of all."
    )
    return [told]


def warnings(report: Report) -> list[str]:
    """What a reader must know before the first figure."""
    run, operations, kept = report.run, report.operations, report.source.kept
    found = []
    if not run.trading.significant:
        count = {0: "No trade was", 1: "Only one trade was"}.get(
            run.trading.trades, f"Only {run.trading.trades} trades were"
        )
        found.append(
            f"{count} closed. With fewer than {TRADES_MIN} trades "
            "the figures below are not significant: chance alone could have made them."
        )
    if run.ratios.days < DAYS_MIN:
        many = f"{run.ratios.days} daily return{'' if run.ratios.days == 1 else 's'}"
        found.append(
            f"Sharpe, Sortino and Calmar ratios rest on {many}, part days included; "
            "scaled up to a year they say next to nothing."
        )
    if operations is not None and "modelled" in operations.books:
        found.append("The order book was MODELLED from candles: spreads and slippage are assumed.")
    if operations is None:
        found.append(
            "There is no log of this ledger: latencies, refusals, signals and uptime are unknown."
        )
    elif operations.since - kept.entries[0].at > LATE:
        found.append(
            f"The log begins at {spoken(operations.since)} UTC, later than the ledger: what it "
            "said before was removed to make room (it keeps 100 MB), or never written. Latencies, "
            "refusals, signals and uptime are of what is left; trades and money are of all."
        )
    found += _thinned(report.source)
    if kept.entries[0].cause is Cause.RESTORED:
        since = spoken(kept.entries[0].at)
        found.append(
            f"The ledger begins with a document restored at {since} UTC; what was before it "
            "is not in these figures."
        )
    return found
