"""The drawdown guard and the inputs of Kelly's size: what limits the next trade, and why."""

from collections.abc import Sequence
from math import isfinite

from actors.dashboard.lines import (
    Block,
    Line,
    Size,
    Span,
    Style,
    framed,
    width,
)
from actors.dashboard.trading import of_account
from actors.dashboard.view import View
from actors.dashboard.words import (
    NOTHING,
    dollars,
    number,
    percent,
    share,
    short_span,
)
from domain.account import KELLY_WINDOW, RoundTrip
from domain.drawdown import (
    REDUCED_FROM,
    STOPPED_FROM,
    Guard,
    drawdown,
    guard,
    risk_max,
    size_factor,
)
from domain.sizing import (
    PROBES_A_DAY,
    Odds,
    believed,
    fraction,
    promised,
    volatility_factor,
)

GUARD_ROWS = 9
KELLY_ROWS = 9

MEASURE_MAX = 0.10
"""Drawdown at the end of the measure [fraction]."""

_STATE_STYLE: dict[Guard, Style] = {
    Guard.NORMAL: "badge-live",
    Guard.REDUCED: "badge-note",
    Guard.RECOVERY: "badge-replay",
    Guard.STOPPED: "badge-alarm",
}

_STATE_RULE: dict[Guard, str] = {
    Guard.NORMAL: "full size",
    Guard.REDUCED: "a quarter less for each 1 % from 5 %",
    Guard.RECOVERY: "at most 0.5 % risk until a new best",
    Guard.STOPPED: "nothing until a person resumes",
}


def guarded(view: View, size: Size) -> Block:
    """The state machine of the drawdown, with the state it is in."""
    title = (Span("Drawdown guard", "title"),)
    mark = view.high_water
    if mark is None or view.marked is None:
        return framed(title, ((Span(NOTHING, "dim"),),), size)
    state = guard(mark, view.marked.equity)
    depth = drawdown(mark, view.marked.equity)
    columns = size[0] - 4
    rows = (
        _machine(state, columns),
        _measure(depth, columns),
        (Span("now         ", "dim"), Span(share(depth, 2), _depth_style(depth))),
        (Span("deepest     ", "dim"), Span(share(max(mark.deepest, depth), 2))),
        (Span("best equity ", "dim"), Span(dollars(mark.equity))),
        (Span("size left   ", "dim"), Span(f"{size_factor(depth):.0%}")),
        (Span("rule        ", "dim"), Span(_STATE_RULE[state])),
    )
    return of_account(view, title, rows, size)


def _machine(state: Guard, columns: int) -> Line:
    """All states, the present one standing out, also where there is no colour."""
    parts: list[Span] = []
    for one in Guard:
        here = one is state
        text = f"[{one.upper()}]" if here else f" {one} "
        parts.append(Span(text, _STATE_STYLE[one] if here else "dim"))
    line = tuple(parts)
    return line if width(line) <= columns else tuple(part for part in line if part.style != "dim")


def _measure(depth: float, columns: int) -> Line:
    """How deep, on a measure with its two limits."""
    room = max(12, columns - 6)
    places = {round(limit / MEASURE_MAX * (room - 1)) for limit in (REDUCED_FROM, STOPPED_FROM)}
    filled = round(min(1.0, max(0.0, depth / MEASURE_MAX)) * room) if isfinite(depth) else 0
    parts = [Span("▰" * filled, _depth_style(depth))]
    rest = "".join("┼" if place in places else "─" for place in range(filled, room))
    return (*parts, Span(rest, "frame"), Span(f" {MEASURE_MAX:.0%}", "dim"))


def _depth_style(depth: float) -> Style:
    if depth >= STOPPED_FROM:
        return "bad"
    return "warn" if depth >= REDUCED_FROM else "good"


def sized(view: View, size: Size) -> Block:
    """What Kelly's fraction is computed from, and what it comes to."""
    title = (Span("Kelly", "title"),)
    if view.marked is None:
        return framed(title, ((Span(NOTHING, "dim"),),), size)
    # A trip that a restored document tells without its value says nothing about odds.
    trips = [trip for trip in view.marked.account.recent if trip.notional]
    rows = tuple(_figure(figure, size[0] - 4) for figure in _figures(view, trips))
    held = f"{len(trips)} of {KELLY_WINDOW} trades"
    return of_account(view, title, rows, size, (Span(held, "dim"),))


Figure = tuple[str, str, str]
"""Name, value, remark."""


def _figure(figure: Figure, columns: int) -> Line:
    """One figure with as much of the remark as fits, comma by comma."""
    name, value, remark = figure
    line = Span(f"{name:<17}", "dim"), Span(value)
    room = columns - width(line) - 2
    for told in (remark, remark.partition(",")[0]):
        if len(told) <= room:
            return (*line, Span(f"  {told}", "dim"))
    return line


def _figures(view: View, trips: Sequence[RoundTrip]) -> tuple[Figure, ...]:
    if view.signal is None or view.quote is None:
        odds, edge = None, None
    else:
        odds = believed(trips, promised(view.signal, view.quote.price))
        edge = fraction(odds)
    return (*_edge(view, trips, odds), *_limits(view, edge))


def _edge(view: View, trips: Sequence[RoundTrip], odds: Odds | None) -> tuple[Figure, ...]:
    """The record, and for as long as it is short the forecast's promise, in one."""
    won = sum(trip.pnl > 0 for trip in trips)
    seen = f"won {share(won / len(trips))}" if trips else "no trades yet"
    if odds is None or view.signal is None:
        unknown = (("chance p", seen), ("odds b", "gain to loss"), ("Kelly f*", "(bp - q) / b"))
        return tuple((name, NOTHING, remark) for name, remark in unknown)
    ratio = odds.gain / odds.loss if odds.loss else None
    return (
        ("chance p", share(odds.chance), f"{seen}, forecast {share(view.signal.probability)}"),
        ("odds b", NOTHING if ratio is None else number(ratio), "gain to loss"),
        ("Kelly f*", percent(fraction(odds), 1), "(bp - q) / b"),
    )


def _limits(view: View, edge: float | None) -> tuple[Figure, ...]:
    """What stands between the fraction and the risk of the next trade."""
    mark, marked = view.high_water, view.marked
    assert mark is not None
    assert marked is not None
    state, depth = guard(mark, marked.equity), drawdown(mark, marked.equity)
    volatility = None if view.signal is None else view.signal.volatility
    factor = None if volatility is None else volatility_factor(volatility)
    return (
        ("volatility 20d", share(volatility, 2), "a day"),
        ("vol. factor", NOTHING if factor is None else number(factor), "2 % / vol., at most 1"),
        ("guard's limit", share(risk_max(state), 2), f"{size_factor(depth):.0%} of the size"),
        ("next trade risks", *_risked(edge, factor, state, size_factor(depth))),
    )


def _risked(edge: float | None, factor: float | None, state: Guard, left: float) -> tuple[str, str]:
    """As `domain.sizing.size` has it."""
    if state is Guard.STOPPED:
        return share(0.0, 2), "stopped"
    if edge is None or factor is None:
        return NOTHING, ""
    if edge <= 0:
        return "a probe", f"at most {PROBES_A_DAY} in 24 h"
    return share(min(edge, risk_max(state)) * factor * left, 2), "of the equity"


def exposure(view: View, size: Size) -> Block:
    """What has been paid and received so far, and what is at risk now."""
    title = (Span("Account", "title"),)
    if view.marked is None:
        return framed(title, ((Span(NOTHING, "dim"),),), size)
    account = view.marked.account
    held = account.position
    open_for = NOTHING if held is None else short_span(view.age(held.opened))
    figures = (
        ("wallet", dollars(account.wallet)),
        ("realised", dollars(account.realised)),
        ("fees", dollars(account.fees)),
        ("funding", dollars(account.funding)),
        ("exposure", NOTHING if held is None else dollars(held.cost)),
        ("open for", open_for),
    )
    rows = tuple((Span(f"{name:<12}", "dim"), Span(value)) for name, value in figures)
    return of_account(view, title, rows, size)


EXPOSURE_ROWS = 8
