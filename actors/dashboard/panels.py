"""What stands beside the mission's box: order book, trades of others, health, events, start-up."""

from collections.abc import Sequence
from decimal import Decimal
from math import exp, log

from actors.dashboard.charts import bar, gauge
from actors.dashboard.desk import Desk, logged
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
    plain,
    spread,
    width,
)
from actors.dashboard.pictures import Course, small
from actors.dashboard.view import View
from actors.dashboard.words import (
    NOTHING,
    clock,
    fine,
    number,
    sentence,
    short_dollars,
    span_of_time,
)
from domain.facts import Fact, Progress
from domain.market import DEPTH, Level, Trade
from domain.microstructure import LIQUIDITY_MIN, PRESSURE_MIN, SPREAD_MAX, MarketQuality

LADDER_ROWS = 2 * DEPTH + 1
MARKET_ROWS = LADDER_ROWS + 2
HEALTH_ROWS = 7

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
    length = max(0, columns - 19)
    return (
        Span(f"{level.price:,.2f}".rjust(10), style),
        Span(f"{amount(level.quantity):>8} "),
        Span(bar(part, length), style),
    )


def amount(size: Decimal) -> str:
    """A quantity in seven characters, five decimals of what is below ten."""
    return f"{size:.{max(0, 6 - len(str(int(size))))}f}"


def _quality(view: View) -> tuple[Line, ...]:
    quality = view.quality
    if quality is None:
        return ((Span("not measured yet", "dim"),),)
    figures = (
        ("Spread", fine(quality.spread_bps), "bps", quality.spread_bps < SPREAD_MAX),
        ("Pressure", number(quality.pressure), _pressing(quality), True),
        ("Liquidity", short_dollars(quality.liquidity), "", quality.liquidity >= LIQUIDITY_MIN),
        ("Traded 1m", number(quality.traded, 1), "BTC", True),
    )
    rows = tuple(
        (
            Span(f"{name:<9}", "dim"),
            Span(f"{value:>8}", "text" if met else "bad"),
            Span(f" {unit}", "dim"),
        )
        for name, value, unit, met in figures
    )
    late = view.age(quality.at) > view.stale_after
    return tuple(map(dimmed, rows)) if late else rows


def _pressing(quality: MarketQuality) -> str:
    if quality.pressure >= PRESSURE_MIN:
        return "buy"
    return "sell" if quality.pressure <= 1 / PRESSURE_MIN else "even"


def health(view: View, size: Size) -> Block:
    """What runs, what went wrong, what is saved."""
    ready, saved, counts = view.ready, view.checkpoint, view.counts
    verified = " verified" * (ready is not None and ready.verified)
    model = NOTHING if ready is None else plain(f"{ready.model} {ready.model_sha[:8]}{verified}")
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


def _trouble(name: str, count: int) -> Line:
    return Span(f"{count:>5,} ", "warn" if count else "text"), Span(name, "dim")


def tape(view: View, scroll: int, size: Size) -> Block:
    """Trades of others, newest first; green where the buyer crossed the spread."""
    newest = view.tape[::-1]
    first = min(scroll, max(0, len(newest) - 1))
    valued = size[0] - 4 >= VALUED
    rows = [_print(trade, valued=valued) for trade in newest[first : first + size[1] - 2]]
    note: Line = ()
    if newest:
        age = view.age(newest[0].at)
        late = age > view.stale_after
        rows = [dimmed(row) for row in rows] if late else rows
        note = (Span(f"{span_of_time(age)} {'old' if late else 'ago'}", "warn" if late else "dim"),)
    return framed((Span("Trades", "title"),), rows or [(Span("none yet", "dim"),)], size, note)


VALUED = 36
"""Columns from which a trade of others has its value."""


def _print(trade: Trade, *, valued: bool) -> Line:
    """A trade; an arrow says which side crossed the spread, also where there is no colour."""
    fell = trade.buyer_is_maker
    style: Style = "fall" if fell else "rise"
    value = short_dollars(float(trade.price * trade.quantity)) if valued else ""
    return (
        Span(f"{clock(trade.at)} ", "dim"),
        Span(f"{'↘' if fell else '↗'}{trade.price:>10,.2f}", style),
        Span(f"{amount(trade.quantity):>8}"),
        Span(f"{value:>8}" if valued else "", "dim"),
    )


def courses(view: View, size: Size) -> Block:
    """Spread, pressure and liquidity over the last minutes, beside or below each other."""
    columns, rows = size
    figures = _courses(view)
    if rows >= 3 * COURSE_ROWS:
        heights = [rows // 3 + (i < rows % 3) for i in range(3)]
        return below(small(x, (columns, y)) for x, y in zip(figures, heights, strict=True))
    widths = [columns // 3 + (i < columns % 3) for i in range(3)]
    one, two, three = (small(x, (y, rows)) for x, y in zip(figures, widths, strict=True))
    return beside(beside(one, two), three)


COURSE_ROWS = 5


def _as_ratio(logarithm: float) -> str:
    """A pressure in words; it is drawn by its logarithm, so that 2 and 1/2 are as far from even."""
    return number(exp(min(logarithm, LARGE)))


LARGE = 700.0
"""Logarithm of the largest number that there is, about."""


def _courses(view: View) -> tuple[Course, Course, Course]:
    samples, now = view.samples, view.quality
    late = now is None or view.age(now.at) > view.stale_after
    style: Style = "stale" if late else "strong"
    spread_now = NOTHING if now is None else f"{fine(now.spread_bps)} bps"
    pressure_now = NOTHING if now is None else f"{number(now.pressure)} {_pressing(now)}"
    liquidity_now = NOTHING if now is None else short_dollars(now.liquidity)
    spreads = tuple(sample.spread_bps for sample in samples)
    pressures = tuple(log(sample.pressure) for sample in samples if sample.pressure > 0)
    liquidities = tuple(sample.liquidity for sample in samples)
    return (
        Course("Spread", spreads, Span(spread_now, style), SPREAD_MAX, fine),
        Course("Pressure", pressures, Span(pressure_now, style), log(1.0), _as_ratio),
        Course("Liquidity", liquidities, Span(liquidity_now, style), LIQUIDITY_MIN, short_dollars),
    )


def events(view: View, desk: Desk, size: Size) -> Block:
    """The events that the filter lets through, newest last, scrolled back as far as wanted."""
    columns, rows = size
    if rows < 3:  # noqa: PLR2004 - two edges and one row
        lines = _newest(view, desk, rows)
        return tuple(fit(line, columns) for line in (*lines, *[()] * (rows - len(lines))))
    note = _listed(desk)
    return framed((Span("Events", "title"),), _newest(view, desk, rows - 2), size, note)


def _newest(view: View, desk: Desk, rows: int) -> list[Line]:
    shown = logged(view, desk)
    end = max(min(rows, len(shown)), len(shown) - desk.scroll)
    return [_event(fact) for fact in shown[max(0, end - rows) : end]]


def _listed(desk: Desk) -> Line:
    """What of the events is not to be seen."""
    filtered = (Span(f"/{plain(desk.filter)}", "accent"),) if desk.filter else ()
    back = (Span(f" {desk.scroll:,} newer below", "warn"),) if desk.scroll else ()
    return (*filtered, *back)


def _event(fact: Fact) -> Line:
    return Span(f"{clock(fact.at)}  ", "dim"), sentence(fact)


def start_up(view: View, size: Size) -> Block:
    """How far the start is in all, and each start criterion with how far it is."""
    columns, known = size[0] - 4, view.progress
    met = sum(criterion.met for criterion in known)
    title = (Span("Start-up", "title"),)
    if not known:
        return framed(title, [(Span("looking for the market", "dim"),)], size)
    whole = sum(_part(criterion) for criterion in known) / len(known)
    filled = gauge(int(whole * PARTS), PARTS, max(0, columns - 5))
    rows = [
        (Span(filled, "good" if met == len(known) else "accent"), Span(f"{whole:>5.0%}", "dim")),
        *_criteria(known, columns, size[1] - 3),
    ]
    note = (Span(f"{met} of {len(known)} met", "dim"),)
    return framed(title, rows, size, note)


PARTS = 1000
"""How finely the whole start is told."""


def _part(criterion: Progress) -> float:
    """How far a criterion is, from 0 to 1; what is done and yet not met is not all."""
    if criterion.met:
        return 1.0
    return min(0.9, criterion.done / criterion.total) if criterion.total > 0 else 0.0


def _criteria(known: Sequence[Progress], columns: int, room: int) -> list[Line]:
    """A row each; where there is room more of those that are pending."""
    spare, rows = max(0, room - len(known)), list[Line]()
    for criterion in known:
        more = () if criterion.met else _pending(criterion, columns)[:spare]
        spare -= len(more)
        rows += [_criterion(criterion, columns), *more]
    return rows


def _criterion(criterion: Progress, columns: int) -> Line:
    """Whether it is met, how far it is, and what there is to say of it where that fits."""
    met, count = criterion.met, (Span(f"{criterion.done:,}/{criterion.total:,}", "dim"),)
    mark = Span("✓ ", "good") if met else Span("○ ", "warn")
    name = plain(criterion.criterion)
    short = (mark, Span(name, "text" if met else "strong"))
    told = (*short, Span(" " * (13 - len(name)) + plain(criterion.detail), "dim"))
    fits = met and width(told) + width(count) < columns
    return spread(told if fits else short, count, columns)


def _pending(criterion: Progress, columns: int) -> tuple[Line, ...]:
    """The way to go, and what there is to say of it."""
    filled = gauge(criterion.done, criterion.total, max(0, columns - 2))
    rows = (
        (Span("  "), Span(filled, "accent")),
        (Span("  "), Span(plain(criterion.detail), "dim")),
    )
    return rows if criterion.detail else rows[:1]
