"""The mission's box: always on screen, whatever else there is room for."""

import re

from actors.dashboard.lines import Block, Line, Span, Style, dimmed, fit, framed, plain, width
from actors.dashboard.view import BOOK_STALE, MINUTE_STALE, View, of_opening
from actors.dashboard.words import (
    DECISION_STYLE,
    NOTHING,
    dollars,
    gain,
    percent,
    quantity,
    round_dollars,
    share,
    span_of_time,
    style_of,
)
from domain.account import Account
from domain.drawdown import REDUCED_FROM, STOPPED_FROM
from domain.facts import Decision
from domain.horizons import TIMEFRAMES, Timeframe
from domain.market import Side
from domain.units import BASIS_POINTS, Nanos
from domain.version import VERSION

TITLE = f"PlasmaTrader v{VERSION.rpartition('.')[0]} Core"

ROWS = 18
"""Rows of the box with its frame."""

SHOWN = (Timeframe.M15, Timeframe.M30)
"""The timeframes whose signal is in the box, as the mission has it; a panel shows all six."""

GAP: Line = ()
BRANCH = Span("├─ ", "frame")
LAST = Span("└─ ", "frame")
BAR = Span(" │ ", "frame")


def mission(view: View, columns: int) -> Block:
    """The box, so many columns wide and ROWS high."""
    rows = (
        _price(view),
        GAP,
        *_bot(view),
        GAP,
        *_position(view),
        GAP,
        *_session(view),
        GAP,
        _status(view),
    )
    return framed((Span(TITLE, "title"),), rows, (columns, ROWS))


STRIP_ROWS = 4


def strip(view: View, columns: int) -> Block:
    """All that the box says in four lines without a frame, where another view needs the room."""
    long = (
        (*_price(view), BAR, *_bot(view)[0][1:]),
        (*_bot(view)[1][1:], BAR, *_bot(view)[2][2:]),
        (*_holding(view), BAR, Span("Wallet "), *_wallet(view)),
        (*_states(view), BAR, *_won(view)),
    )
    short = (
        (*_price(view), BAR, *_short_decision(view)),
        long[1],
        (*_holding(view)[:4], BAR, *_wallet(view)),
        (*_states(view)[:2], *_states(view)[3:], BAR, *_won(view)[:-1]),
    )
    return tuple(
        fit((Span(" "), *(one if width(one) < columns else other)), columns)
        for one, other in zip(long, short, strict=True)
    )


def _short_decision(view: View) -> Line:
    decided, *rest = _bot(view)[0][1:]
    sure = (Span(part.text.replace("Confidence: ", ""), part.style) for part in rest)
    return decided, *sure


def _holding(view: View) -> Line:
    if not view.holding:
        return Span("Position: "), *_held(view)
    return *_held(view), Span("  "), *unrealised(view)


def _states(view: View) -> Line:
    return _system(view), BAR, Span("Feed "), _feed(view), BAR, Span("Risk "), _risk(view)


def _won(view: View) -> Line:
    """Trades, how many of them won, the total."""
    if view.marked is None:
        return (Span(NOTHING, "dim"),)
    trades, rate, total = _trades(view)
    made, blank, part = total[1].text.partition(" ")
    style = total[1].style
    ended = rate[1], Span(" of "), trades[1], Span(" won")
    return *ended, BAR, Span(made, style), Span(blank + part, style)


def aged(spans: Line, age: Nanos, limit: Nanos) -> Line:
    """The spans as they are; dimmed and with their age where they are no longer current."""
    if age <= limit:
        return spans
    return (*dimmed(spans), Span(f"  {span_of_time(age)} old", "warn"))


def _price(view: View) -> Line:
    label = Span("BTC/USDT: ")
    if view.quote is None:
        return label, Span("waiting for the first price", "dim")
    arrow, style = _ARROWS[view.drift]
    change = view.change
    spans = (
        Span(dollars(view.quote.price), "strong"),
        Span(f" {arrow} ", style),
        Span(f"({percent(change)})", "dim" if change is None else style_of(change)),
    )
    return label, *aged(spans, view.age(view.quote.at), view.stale_after)


_ARROWS: dict[int, tuple[str, Style]] = {1: ("↗", "good"), 0: ("→", "dim"), -1: ("↘", "bad")}


def _bot(view: View) -> tuple[Line, Line, Line]:
    if view.starting_up:
        return _start_up(view)
    return _decision(view), _chronos(view), _logic(view)


def _start_up(view: View) -> tuple[Line, Line, Line]:
    """What is missing before anything can be decided."""
    met = sum(criterion.met for criterion in view.progress)
    pending = next((criterion for criterion in view.progress if not criterion.met), None)
    doing = "" if pending is None else f"{pending.criterion} {pending.done:,}/{pending.total:,}"
    return (
        (Span("Bot Decision: "), Span(Decision.ANALYZING.value, "accent"), Span(" (start-up)")),
        (LAST, Span("Start Criteria: "), Span(f"{met} of {len(view.progress)} met", "strong")),
        (LAST, Span("Pending: "), Span(plain(doing) or NOTHING, "dim" if not doing else "text")),
    )


def _decision(view: View) -> Line:
    decided = view.decision
    label = Span("Bot Decision: ")
    if decided is None:
        return label, Span(Decision.ANALYZING.value, "accent")
    state = Span(decided.state.value, DECISION_STYLE[decided.state])
    sure = () if view.signal is None else (Span(f" (Confidence: {share(view.signal.confidence)})"),)
    return label, *aged((state, *sure), view.age(decided.at), MINUTE_STALE)


def _chronos(view: View) -> Line:
    label = Span("Chronos Signal: ")
    if view.signal is None:
        return LAST, label, Span("no forecast yet", "dim")
    parts: list[Span] = []
    for timeframe in SHOWN:
        expected = view.signal.by_timeframe[TIMEFRAMES.index(timeframe)] / BASIS_POINTS
        comma = Span(", " if parts else "")
        parts += (comma, Span(percent(expected), style_of(expected)), Span(f" ({timeframe})"))
    return LAST, label, *aged(tuple(parts), view.age(view.signal.at), MINUTE_STALE)


def _logic(view: View) -> Line:
    decided = view.decision
    reason = NOTHING if decided is None else decided.reason
    late = decided is not None and view.age(decided.at) > MINUTE_STALE
    told = CENTS.sub(r"\1", plain(reason))
    return LAST, Span("Entry Logic: "), Span(told, "stale" if late else "text")


CENTS = re.compile(r"(\d{4,})\.\d+")
"""Of prices: the box has no room for them, and the view of the trading has them."""


def _position(view: View) -> tuple[Line, Line]:
    return (Span("Active Position: "), *_held(view)), (Span("Current P&L: "), *unrealised(view))


def _held(view: View) -> Line:
    if view.marked is None:
        return (Span(NOTHING, "dim"),)
    position = view.marked.account.position
    if position is None:
        return (Span("none", "dim"),)
    side = Span("LONG", "good") if position.side is Side.BUY else Span("SHORT", "bad")
    text = f" {quantity(position.quantity)} BTC @ {round_dollars(position.entry)}"
    return _valued(view, (side, Span(text, "strong")))


def _valued(view: View, spans: Line) -> Line:
    """Something of the account, dimmed where nobody has valued that of late."""
    return dimmed(spans) if view.account_late else spans


def unrealised(view: View) -> Line:
    """What the open position would bring, with its age where that is no longer current."""
    amount = view.unrealised
    if amount is None or view.marked is None:
        return (Span(NOTHING, "dim"),)
    style = style_of(amount)
    spans = (Span(gain(amount), style), Span(f" ({percent(of_opening(amount), 3)})", style))
    return aged(spans, view.age(view.valued_at), max(view.stale_after, BOOK_STALE))


def _session(view: View) -> tuple[Line, ...]:
    return (
        (Span("Session Stats:"),),
        *((BRANCH, *line) for line in _trades(view)),
        (LAST, Span("Wallet Balance: "), *_wallet(view)),
    )


def _trades(view: View) -> tuple[Line, Line, Line]:
    labels = Span("Total Trades: "), Span("Win Rate: "), Span("Total P&L: ")
    if view.marked is None:
        unknown = Span(NOTHING, "dim")
        return (labels[0], unknown), (labels[1], unknown), (labels[2], unknown)
    account = view.marked.account
    style = style_of(account.pnl)
    total = f"{gain(account.pnl)} ({percent(of_opening(account.pnl))})"
    return (
        (labels[0], *_valued(view, (Span(f"{account.trades:,}", "strong"),))),
        (labels[1], *_valued(view, (_win_rate(account),))),
        (labels[2], *_valued(view, (Span(total, style),))),
    )


def _win_rate(account: Account) -> Span:
    if account.trades == 0:
        return Span(NOTHING, "dim")
    return Span(share(account.wins / account.trades), "strong")


def _wallet(view: View) -> Line:
    if view.marked is not None:
        spans = (Span(f"{dollars(view.marked.account.wallet)} USDT", "strong"),)
        return aged(spans, view.age(view.marked.at), view.account_stale)
    if view.accounted is not None:
        return (Span(f"{dollars(view.accounted.balance)} USDT", "strong"),)
    return (Span(NOTHING, "dim"),)


def _status(view: View) -> Line:
    system, feed, risk = _system(view), _feed(view), _risk(view)
    return Span("System: "), system, BAR, Span("Feed: "), feed, BAR, Span("Risk: "), risk


def _system(view: View) -> Span:
    if view.halted:
        return Span("●HALTED", "bad")
    if view.ending:
        return Span("●STOPPING", "warn")
    if view.starting_up or view.starting is None:
        return Span("○STARTING", "warn")
    return Span(f"●{view.starting.mode}", "good")


def _feed(view: View) -> Span:
    if view.feed_down is not None:
        return Span(f"●LOST {span_of_time(view.age(view.feed_down.at))}", "bad")
    if view.fed is None:
        return Span("○WAITING", "dim")
    age = view.age(view.fed)
    if age > view.stale_after:
        return Span(f"●SILENT {span_of_time(age)}", "warn")
    return Span("●STABLE", "good")


def _risk(view: View) -> Span:
    used = view.drawdown_used
    if used is None:
        return Span(NOTHING, "dim")
    if view.account_late:
        return Span(share(used, 0), "stale")
    reduced = used >= REDUCED_FROM / STOPPED_FROM
    return Span(share(used, 0), "bad" if used >= 1 else "warn" if reduced else "good")
