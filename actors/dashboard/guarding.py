"""The drawdown guard and the inputs of Kelly's size: what limits the next trade, and why."""

from collections.abc import Sequence
from math import isfinite

from actors.dashboard.lines import Block, Line, Span, Style, framed, width
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
from domain.sizing import KELLY_TRADES_MIN, PROBES_A_DAY, kelly, volatility_factor

Size = tuple[int, int]
"""Columns and rows."""

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
    mark = view.high_water
    if mark is None or view.marked is None:
        return framed(title, ((Span(NOTHING, "dim"),),), size)
    trips = view.marked.account.recent
    figures = (*_record(trips), *_limits(view, _kelly(trips)))
    rows = tuple(_figure(figure, size[0] - 4) for figure in figures)
    held = f"{len(trips)} of {KELLY_WINDOW} trades"
    return of_account(view, title, rows, size, (Span(held, "dim"),))


Figure = tuple[str, str, str]
"""Name, value, remark."""


def _figure(figure: Figure, columns: int) -> Line:
    """One figure; the remark only where all of it fits."""
    name, value, remark = figure
    line = Span(f"{name:<17}", "dim"), Span(value)
    room = columns - width(line) - 2
    return (*line, Span(f"  {remark}", "dim")) if len(remark) <= room else line


def _record(trips: Sequence[RoundTrip]) -> tuple[Figure, ...]:
    won = sum(trip.pnl > 0 for trip in trips)
    rate = share(won / len(trips)) if trips else NOTHING
    odds = _odds(trips)
    fraction = _kelly(trips)
    known = NOTHING if fraction is None else percent(fraction, 1)
    why = f"from {KELLY_TRADES_MIN} trades on" if fraction is None else "(bp - q) / b"
    return (
        ("win rate p", rate, f"{won} won"),
        ("odds b", NOTHING if odds is None else number(odds), "gain to loss"),
        ("Kelly f*", known, why),
    )


def _kelly(trips: Sequence[RoundTrip]) -> float | None:
    """Kelly's fraction; a trip that a restored document tells without its value is left out."""
    return kelly([trip for trip in trips if trip.notional])


def _odds(trips: Sequence[RoundTrip]) -> float | None:
    """Average gain of a winner over the average loss of a loser, as returns."""
    returns = [float(trip.pnl / trip.notional) for trip in trips if trip.notional]
    won = [x for x in returns if x > 0]
    lost = [-x for x in returns if x <= 0]
    if not won or not sum(lost):
        return None
    return (sum(won) / len(won)) / (sum(lost) / len(lost))


def _limits(view: View, fraction: float | None) -> tuple[Figure, ...]:
    """What stands between the fraction and the risk of the next trade."""
    mark, marked = view.high_water, view.marked
    assert mark is not None
    assert marked is not None
    state, depth = guard(mark, marked.equity), drawdown(mark, marked.equity)
    volatility = None if view.signal is None else view.signal.volatility
    factor = None if volatility is None else volatility_factor(volatility)
    return (
        ("volatility 20d", share(volatility, 2), "a day"),
        ("vol. factor", NOTHING if factor is None else number(factor), "min(1, 2 % / vol.)"),
        ("guard's limit", share(risk_max(state), 2), f"{size_factor(depth):.0%} of the size"),
        ("next trade risks", *_risked(fraction, factor, risk_max(state), size_factor(depth))),
    )


def _risked(
    fraction: float | None, factor: float | None, limit: float, left: float
) -> tuple[str, str]:
    if left == 0:
        return share(0.0, 2), "stopped"
    if fraction is None or fraction <= 0:
        return "a probe", f"at most {PROBES_A_DAY} in 24 h"
    if factor is None:
        return NOTHING, ""
    return share(min(fraction, limit) * factor * left, 2), "of the equity"


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
