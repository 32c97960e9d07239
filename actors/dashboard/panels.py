"""What stands beside the mission's box: order book, forecast, health, events, start-up."""

from actors.dashboard.charts import bar, gauge
from actors.dashboard.lines import Block, Line, Span, Style, dimmed, fit, framed, plain, spread
from actors.dashboard.view import MINUTE_STALE, View
from actors.dashboard.words import (
    DIRECTION_STYLE,
    NOTHING,
    clock,
    gain,
    number,
    percent,
    quantity,
    round_dollars,
    sentence,
    share,
    short_dollars,
    span_of_time,
    style_of,
)
from domain.account import RoundTrip
from domain.facts import Fact, Progress
from domain.horizons import CONFIDENCE_MIN, TIMEFRAMES
from domain.market import DEPTH, Level, Side
from domain.microstructure import LIQUIDITY_MIN, PRESSURE_MIN, SPREAD_MAX, MarketQuality
from domain.signals import Signal
from domain.units import BASIS_POINTS

Size = tuple[int, int]
"""Columns and rows."""

KEYS = Span("p pause · q quit", "dim")

LADDER_ROWS = 2 * DEPTH + 1
MARKET_ROWS = LADDER_ROWS + 2
SIGNAL_ROWS = len(TIMEFRAMES) + 2
HEALTH_ROWS = 7
TRADES_ROWS = 4

WIDE = 46
"""Columns from which the book's figures stand beside it."""

QUALITY = 22
"""Columns of the figures."""


def market(view: View, size: Size) -> Block:
    """The order book as a ladder, and how good it is to trade in."""
    columns = size[0] - 4
    note = Span("MODELLED", "warn") if view.modelled else Span(f"top {DEPTH}", "dim")
    quality = _quality(view)
    rows: tuple[Line, ...]
    if columns < WIDE:
        rows = (*_ladder(view, columns), (), *quality)
    else:
        left = columns - QUALITY - 2
        rows = _with_quality(_ladder(view, left), quality, left + 2)
    return framed((Span("Book", "title"),), rows, size, (note,))


def _with_quality(ladder: tuple[Line, ...], quality: tuple[Line, ...], columns: int) -> Block:
    """The figures stand on the right, on every other row from the second."""
    figures = {2 * row + 2: figure for row, figure in enumerate(quality)}
    return tuple((*fit(line, columns), *figures.get(row, ())) for row, line in enumerate(ladder))


def _ladder(view: View, columns: int) -> tuple[Line, ...]:
    book = view.book
    if book is None:
        return ((Span("no book yet", "dim"),), *[()] * (2 * DEPTH))
    bids, asks = book.bids[:DEPTH], book.asks[:DEPTH]
    largest = max(level.quantity for level in (*bids, *asks))
    above = [_level(level, float(level.quantity / largest), columns, "ask") for level in asks]
    under = [_level(level, float(level.quantity / largest), columns, "bid") for level in bids]
    blanks: list[Line] = [()] * DEPTH
    age = view.age(book.at)
    middle = Span(f"{book.mid:,.2f}".rjust(10), "strong")
    ladder = (
        *blanks[len(above) :],
        *reversed(above),
        (middle, Span("  mid", "dim")),
        *under,
        *blanks[len(under) :],
    )
    if age <= view.stale_after:
        return ladder
    old: Line = (Span(middle.text, "stale"), Span(f"  {span_of_time(age)} old", "warn"))
    return *map(dimmed, ladder[:DEPTH]), old, *map(dimmed, ladder[DEPTH + 1 :])


def _level(level: Level, part: float, columns: int, style: Style) -> Line:
    # Seven characters hold five decimals of what is below ten.
    digits = max(0, 6 - len(str(int(level.quantity))))
    amount = f"{level.quantity:.{digits}f}".rjust(8)
    length = max(0, columns - 19)
    return (
        Span(f"{level.price:,.2f}".rjust(10), style),
        Span(f"{amount} "),
        Span(bar(part, length), style),
    )


def _quality(view: View) -> tuple[Line, ...]:
    quality = view.quality
    if quality is None:
        return ((Span("not measured yet", "dim"),),)
    figures = (
        ("Spread", number(quality.spread_bps), "bps", quality.spread_bps < SPREAD_MAX),
        ("Pressure", number(quality.pressure), _pressing(quality), True),
        ("Liquidity", short_dollars(quality.liquidity), "", quality.liquidity >= LIQUIDITY_MIN),
        ("Traded 1m", number(quality.traded, 1), "BTC", True),
    )
    rows = tuple(
        (
            Span(f"{name:<9}", "dim"),
            Span(f"{value:>8}", "text" if fine else "bad"),
            Span(f" {unit}", "dim"),
        )
        for name, value, unit, fine in figures
    )
    late = view.age(quality.at) > view.stale_after
    return tuple(map(dimmed, rows)) if late else rows


def _pressing(quality: MarketQuality) -> str:
    if quality.pressure >= PRESSURE_MIN:
        return "buy"
    return "sell" if quality.pressure <= 1 / PRESSURE_MIN else "even"


def signal(view: View, size: Size) -> Block:
    """What each timeframe expects, and what that comes to."""
    title = (Span("Chronos-Bolt", "title"),)
    known = view.signal
    if known is None:
        return framed(title, ((Span("no forecast yet", "dim"),),), size)
    columns = size[0] - 4
    largest = max((abs(expected) for expected in known.by_timeframe), default=0.0) or 1.0
    rows = (
        _expected(timeframe, expected, expected / largest, columns)
        for timeframe, expected in zip(TIMEFRAMES, known.by_timeframe, strict=False)
    )
    age = view.age(known.at)
    late: Style = "warn" if age > MINUTE_STALE else "dim"
    note = (*_fused(known), Span(f", {span_of_time(age)} ago", late))
    return framed(title, tuple(rows), size, note)


def _expected(name: str, expected: float, part: float, columns: int) -> Line:
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
        Span(falling, style),
        Span("│", "frame"),
        Span(rising, style),
    )


def _fused(known: Signal) -> Line:
    sure = known.confidence >= CONFIDENCE_MIN
    return (
        Span(f"{known.direction} ", DIRECTION_STYLE[known.direction]),
        Span(share(known.confidence), "strong" if sure else "dim"),
        Span(f", p {share(known.probability)}", "dim"),
    )


def health(view: View, size: Size) -> Block:
    """What runs, what went wrong, what is saved."""
    ready, saved, counts = view.ready, view.checkpoint, view.counts
    model = NOTHING if ready is None else plain(f"{ready.model} {ready.model_sha[:8]}")
    state = "not yet"
    if saved is not None:
        state = f"#{saved.sequence:,}, {span_of_time(view.age(saved.at))} ago"
    troubles = (
        ("restarts", counts.restarts),
        ("feed losses", counts.feed_losses),
        ("gaps", counts.gaps),
        ("bad messages", counts.bad_messages),
        ("refusals", counts.refusals),
        ("log lines lost", counts.lost_lines),
    )
    cells = [_trouble(name, count) for name, count in troubles]
    rows = (
        (Span("model   ", "dim"), Span(model)),
        (Span("saved   ", "dim"), Span(state)),
        *(
            (*fit(one, (size[0] - 4) // 2), *two)
            for one, two in zip(cells[::2], cells[1::2], strict=True)
        ),
    )
    return framed((Span("Health", "title"),), rows, size)


def trades(view: View, size: Size) -> Block:
    """Closed round trips, newest first."""
    recent = () if view.marked is None else view.marked.account.recent[::-1]
    rows = [_trade(trip) for trip in recent[: size[1] - 2]] or [(Span("none yet", "dim"),)]
    return framed((Span("Closed Trades", "title"),), rows, size)


def _trade(trip: RoundTrip) -> Line:
    side = Span("LONG  ", "good") if trip.side is Side.BUY else Span("SHORT ", "bad")
    text = f"{quantity(trip.quantity)} BTC @ {round_dollars(trip.entry)}"
    made = Span(gain(trip.pnl).rjust(10), style_of(trip.pnl))
    return Span(f"{clock(trip.at)}  ", "dim"), side, Span(f"{text:<26}"), made


def _trouble(name: str, count: int) -> Line:
    return Span(f"{count:>5,} ", "warn" if count else "text"), Span(name, "dim")


def events(view: View, size: Size) -> Block:
    """The newest events, newest last; without a frame where there is no room for one."""
    columns, rows = size
    if rows < 3:  # noqa: PLR2004 - two edges and one row
        lines = _newest(view, rows)
        lines += [()] * (rows - len(lines))
        return (*(fit(line, columns) for line in lines[:-1]), _with_keys(lines[-1], columns))
    return framed((Span("Events", "title"),), _newest(view, rows - 2), size, (KEYS,))


def _newest(view: View, rows: int) -> list[Line]:
    return [_event(fact) for fact in view.tail[-rows:]]


def _event(fact: Fact) -> Line:
    return Span(f"{clock(fact.at)}  ", "dim"), sentence(fact)


def _with_keys(line: Line, columns: int) -> Line:
    room = columns - len(KEYS.text) - 2
    return spread(fit(line, room), (KEYS,), columns)


def start_up(view: View, size: Size) -> Block:
    """Each start criterion with how far it is."""
    columns = size[0] - 4
    rows = [line for criterion in view.progress for line in _criterion(criterion, columns)]
    met = sum(criterion.met for criterion in view.progress)
    note = (Span(f"{met}/{len(view.progress)}", "dim"),) if view.progress else ()
    return framed((Span("Start-up", "title"),), rows or [(Span("begins", "dim"),)], size, note)


def _criterion(criterion: Progress, columns: int) -> tuple[Line, ...]:
    mark = Span("✓ ", "good") if criterion.met else Span("○ ", "warn")
    name = (mark, Span(plain(criterion.criterion), "text" if criterion.met else "strong"))
    count = (Span(f"{criterion.done:,}/{criterion.total:,}", "dim"),)
    length = max(0, columns - 2)
    filled = gauge(criterion.done, criterion.total, length)
    detail = (Span("  "), Span(plain(criterion.detail), "dim"))
    pending = ((Span("  "), Span(filled, "accent")),) if not criterion.met else ()
    return spread(name, count, columns), *pending, *((detail,) if criterion.detail else ())
