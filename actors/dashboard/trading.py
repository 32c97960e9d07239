"""What we hold, what we ordered, what came of it, and what was refused."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import islice, zip_longest

from actors.dashboard.lines import (
    Block,
    Line,
    Size,
    Span,
    Style,
    dimmed,
    fit,
    framed,
    plain,
    spread,
    width,
)
from actors.dashboard.mission import unrealised
from actors.dashboard.view import MINUTE_STALE, Refused, Ticket, View
from actors.dashboard.words import (
    NOTHING,
    clock,
    dollars,
    gain,
    number,
    percent,
    quantity,
    round_dollars,
    share,
    short_span,
    style_of,
)
from domain.account import Position, RoundTrip
from domain.margin import initial_margin, liquidation_price, margin_ratio
from domain.market import Side
from domain.orders import Kind
from domain.units import Nanos

POSITION_ROWS = 8

ROOMY = 52
"""Columns from which a trade has its unit."""

TWO_COLUMNS = 60
"""Columns from which the position's figures stand in two columns."""


Fact = tuple[str, str]
"""Name and figure."""


def position(view: View, size: Size) -> Block:
    """The open position with everything that can end it."""
    title = (Span("Position", "title"),)
    if view.marked is None:
        return framed(title, ((Span(NOTHING, "dim"),),), size)
    held = view.marked.account.position
    if held is None:
        return framed(title, ((Span("none: nothing is open", "dim"),),), size)
    columns = size[0] - 4
    facts = _facts(view, held)
    if size[1] >= len(facts) + 3:
        rows = tuple(_fact(*fact, columns) for fact in facts)
    elif columns >= TWO_COLUMNS:
        rows = _in_pairs(facts, (columns * 4 // 7, columns - columns * 4 // 7))
    else:  # what is held stands above every view
        brief = [(SHORT.get(name, name), value) for name, value in facts[1:]]
        rows = _in_pairs((*brief[1:], brief[0]), (columns // 2, columns - columns // 2))
    return of_account(view, title, (_way(view, held, columns), *rows), size, unrealised(view))


def _in_pairs(facts: Sequence[Fact], widths: tuple[int, int]) -> tuple[Line, ...]:
    """Two in a row."""
    pairs = zip_longest(facts[::2], facts[1::2], fillvalue=("", ""))
    return tuple(
        (*fit(_fact(*one, widths[0] - 1), widths[0]), *_fact(*two, widths[1])) for one, two in pairs
    )


SHORT = {
    "liquidation": "liq.",
    "costs so far": "costs",
    "mark price": "mark",
    "funding rate": "funding",
}
"""Names where there is little room."""


def of_account(
    view: View, title: Line, rows: tuple[Line, ...], size: Size, note: Line = ()
) -> Block:
    """A panel about the account: dimmed, with its age, where nobody has valued it of late."""
    if view.marked is None or not view.account_late:
        return framed(title, rows, size, note)
    age = Span(f"{short_span(view.age(view.account_at))} old", "warn")
    return framed(title, tuple(map(dimmed, rows)), size, (age,))


def _facts(view: View, held: Position) -> tuple[Fact, ...]:
    """Name and figure, an even number of them."""
    word = "LONG" if held.side is Side.BUY else "SHORT"
    left = Nanos(max(0, held.plan.expires - (view.now or held.opened)))
    mark, rate = _mark_price(view)
    return (
        ("held", f"{word} {quantity(held.quantity)} BTC @ {round_dollars(held.entry)}"),
        ("margin", _margin(view, held)),
        ("stop", dollars(held.plan.stop)),
        ("target", dollars(held.plan.target)),
        ("liquidation", _liquidation(held)),
        ("costs so far", f"${held.costs:,.4f}"),
        ("opened", f"{clock(held.opened)}, {short_span(view.age(held.opened))} ago"),
        ("expires", f"{clock(held.plan.expires)}, in {short_span(left)}"),
        ("mark price", mark),
        ("funding rate", rate),
    )


def _mark_price(view: View) -> tuple[str, str]:
    """The venue's price and rate, with their age where they are no longer current."""
    known = view.mark
    if known is None:
        return NOTHING, NOTHING
    age = view.age(known.at)
    old = f"  {short_span(age)} old" if age > MINUTE_STALE else ""
    return dollars(known.mark) + old, percent(float(known.rate), 4) + old


def _margin(view: View, held: Position) -> str:
    """What the position holds of the wallet, and how much of that it must keep."""
    margin = dollars(initial_margin(held))
    price = None if view.marked is None else view.marked.price
    return margin if price is None else f"{margin}, {share(margin_ratio(held, price))} needed"


def _liquidation(held: Position) -> str:
    """Where the venue would end the position; without borrowed money a long one has no such price.

    >>> from domain.orders import Plan
    >>> plan = Plan(*map(Decimal, (90, 110)), 0)
    >>> [
    ...     _liquidation(Position(side, Decimal(1), Decimal(100), 0, plan, 0, 0, 0))
    ...     for side in (Side.BUY, Side.SELL)
    ... ]
    ['none, fully backed', '$199.20']
    """
    price = liquidation_price(held)
    return dollars(price) if price else "none, fully backed"


def _fact(name: str, value: str, columns: int) -> Line:
    """What comes after a comma is left out where there is no room for it."""
    label = f"{name:<13}" if columns >= ROOM else f"{name:<8}"
    fits = len(label) + len(value) <= columns
    return Span(label, "dim"), Span(value if fits else value.partition(",")[0])


ROOM = 30
"""Columns from which a figure has its whole name."""


def _way(view: View, held: Position, columns: int) -> Line:
    """Where the price stands between the stop and the target."""
    stop, target = Span("stop ", "bad"), Span(" target", "good")
    room = columns - 12
    price = None if view.quote is None else view.quote.price
    span = held.plan.target - held.plan.stop
    if price is None or room < 3 or span == 0:  # noqa: PLR2004 - a way has two sides
        return (stop, Span(NOTHING, "dim"), target)
    gone = min(Decimal(1), max(Decimal(0), (price - held.plan.stop) / span))
    begun = min(Decimal(1), max(Decimal(0), (held.entry - held.plan.stop) / span))
    here, entry = round(gone * (room - 1)), round(begun * (room - 1))
    line = ["─"] * room
    line[entry] = "┼"
    before, after = "".join(line[:here]), "".join(line[here + 1 :])
    style: Style = "good" if (price - held.entry) * held.side.sign >= 0 else "bad"
    return stop, Span(before, "frame"), Span("●", style), Span(after, "frame"), target


def orders(view: View, scroll: int, size: Size) -> Block:
    """Orders, newest first, with what became of each."""
    room = size[1] - 2
    first = min(scroll, max(0, len(view.tickets) - 1))
    rows = [_order(ticket, size[0] - 4) for ticket in view.tickets[first : first + room]]
    note = (Span(f"{len(view.tickets)}", "dim"),) if view.tickets else ()
    return framed((Span("Orders", "title"),), rows or [(Span("none yet", "dim"),)], size, note)


def _order(ticket: Ticket, columns: int) -> Line:
    order = ticket.order
    style: Style = "good" if order.side is Side.BUY else "bad"
    left = (
        Span(f"{clock(order.at)} ", "dim"),
        Span(f"{order.side:<4} ", style),
        Span(_what(ticket, columns)),
        *_fate(ticket),
    )
    fits = (x for x in _execution(ticket) if width(left) + len(x.text) < columns)
    return spread(left, tuple(islice(fits, 1)), columns)


def _what(ticket: Ticket, columns: int) -> str:
    """How much by which kind of order, in columns where there is room for them."""
    size, kind = quantity(ticket.order.quantity), plain(ticket.order.kind)
    return f"{size:<8} {kind:<18} " if columns >= WIDE else f"{size} {kind} "


WIDE = 100
"""Columns from which an order's figures stand below each other."""


def _fate(ticket: Ticket) -> Line:
    if 0 < ticket.filled >= ticket.order.quantity:
        return (Span(f"filled @ {dollars(ticket.paid / ticket.filled)}", "text"),)
    if ticket.refusal:
        return (Span(plain(ticket.refusal), "dim" if ticket.canceled else "warn"),)
    if ticket.filled > 0:
        return (Span(f"partly filled, {quantity(ticket.filled)}", "accent"),)
    waits = ticket.order.kind != Kind.MARKET
    return (Span(f"waits for {dollars(ticket.order.price)}" if waits else "on its way", "accent"),)


def _execution(ticket: Ticket) -> Line:
    """Slippage, latency and fee, in the order of preference for less and less room."""
    slipped = ticket.slippage_bps
    if slipped is None or ticket.latency_ms is None:
        return ()
    slip, took = f"{number(slipped, 1)} bps", f"{number(ticket.latency_ms, 0)} ms"
    texts = f"{slip}  {took}  ${ticket.fee:.4f}", f"{slip} {took}", slip
    return tuple(Span(text, "dim") for text in texts)


def trades(view: View, scroll: int, size: Size) -> Block:
    """Closed round trips, newest first, with why they ended."""
    known = None if view.marked is None else view.marked.account
    recent = () if known is None else known.recent[::-1]
    first = min(scroll, max(0, len(recent) - 1))
    chosen = recent[first : first + size[1] - 2]
    rows = [_trade(trip, view.endings.get(trip.at, ""), size[0] - 4) for trip in chosen]
    note = () if known is None else (Span(f"{known.trades:,} ever", "dim"),)
    return framed(
        (Span("Closed Trades", "title"),), rows or [(Span("none yet", "dim"),)], size, note
    )


def _trade(trip: RoundTrip, why: str, columns: int) -> Line:
    side = Span("LONG  ", "good") if trip.side is Side.BUY else Span("SHORT ", "bad")
    size, price = quantity(trip.quantity), round_dollars(trip.entry)
    text = f"{size:<7} BTC @ {price:<11} " if columns >= ROOMY else f"{size} @ {price} "
    made = Span(f" {gain(trip.pnl):>9}", style_of(trip.pnl))
    left = Span(f"{clock(trip.at)} ", "dim"), side, Span(text)
    room = columns - len(made.text)
    fits = (told for told in (why, _without_figures(why)) if len(told) <= room - width(left))
    return (*fit((*left, Span(plain(next(fits, "")), "dim")), max(0, room)), made)


def _without_figures(why: str) -> str:
    """The reason in fewer words.

    >>> _without_figures("stop 84433.49")
    'stop'
    """
    return " ".join(word for word in why.split() if not word[0].isdigit())


def _reason(view: View, refused: Refused, columns: int) -> Line:
    """The sentence where there is room for it, else the code in small letters."""
    count = Span(f"{refused.count:>4,} ", "warn")
    ago = f"  {short_span(view.age(refused.at))} ago"
    code = refused.code.replace("_", " ").lower()
    room = columns - len(count.text)
    for text, when in ((refused.reason, ago), (code, ago), (code, "")):
        if text and len(text) + len(when) <= room:
            return count, Span(plain(text)), Span(when, "dim")
    return count, Span(plain(code))


def refused(view: View, size: Size) -> Block:
    """Why orders were refused, the most frequent reason first."""
    rows = [_reason(view, x, size[0] - 4) for x in view.refused[: size[1] - 2]]
    total = sum(x.count for x in view.refused)
    note = (Span(f"{total:,}", "dim"),) if total else ()
    return framed((Span("Refused", "title"),), rows or [(Span("none", "dim"),)], size, note)
