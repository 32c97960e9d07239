"""What stands where in each of the six views."""

from collections.abc import Callable, Sequence
from functools import partial

from actors.dashboard import engine, guarding, outlook, panels, pictures, trading
from actors.dashboard import mission as box
from actors.dashboard.desk import Desk, Page
from actors.dashboard.lines import Block, Line, Size, Span, beside, framed
from actors.dashboard.slots import Panel, Slot, abreast, stacked
from actors.dashboard.view import View
from domain.facts import Mode

BOX = 54
"""Columns of the mission's box where something stands beside it."""

STACK_MAX = 64
"""Columns of the left stack at most."""

BESIDE = 80
"""Columns from which the order book stands beside the box."""

THREE_BESIDE = 116
"""Columns from which a chart stands beside both."""

BOOK = 28
"""Columns of the book between two others."""

STACKS = (110, box.ROWS + panels.MARKET_ROWS)
"""Columns and rows from which the box stands on the left of every view, with a stack below."""

Slots = Sequence[Slot]


def page(view: View, desk: Desk, size: Size) -> Block:
    """The view that is looked at, in exactly that size."""
    if size[0] >= STACKS[0] and size[1] >= STACKS[1]:
        return _wide(*_WIDE[desk.page](view, desk), view, size)
    if desk.page is Page.OVERVIEW:
        return _overview(view, desk, size)
    rest = (size[0], size[1] - box.STRIP_ROWS)
    return (*box.strip(view, size[0]), *stacked(_NARROW[desk.page](view, desk), rest))


def _wide(left: Slots, right: Slots, view: View, size: Size) -> Block:
    """The box with a stack of panels below it on the left, another stack on the right."""
    columns = min(STACK_MAX, max(BOX, size[0] * 2 // 5))
    under = stacked(left, (columns, size[1] - box.ROWS))
    one = (*box.mission(view, columns), *under)
    return beside(one, stacked(right, (size[0] - columns, size[1])))


def _overview(view: View, desk: Desk, size: Size) -> Block:
    """The box with what there is room for beside it, everything else below."""
    columns, rows = size
    chart, worth = partial(_main, view, desk), partial(pictures.worth, view)
    market, events = partial(panels.market, view), _events(view, desk)
    if columns < BESIDE:
        top = box.mission(view, columns)
        under: Slots = (
            Slot(chart, 4, 3, rank=1),
            Slot(market, panels.MARKET_ROWS, rank=3),
            Slot(worth, 4, 1, rank=4),
        )
    elif columns < THREE_BESIDE:
        side = chart if view.starting_up else market
        top = beside(box.mission(view, BOX), side((columns - BOX, box.ROWS)))
        other = Slot(abreast(chart, worth, 1 - BOX / columns), 4, 3)
        under = (Slot(market, panels.MARKET_ROWS) if view.starting_up else other,)
    else:
        last = chart((columns - BOX - BOOK, box.ROWS))
        top = beside(beside(box.mission(view, BOX), market((BOOK, box.ROWS))), last)
        under = (Slot(abreast(worth, events, 0.6), 4, 3),)
        return (*top, *stacked(under, (columns, rows - box.ROWS)))
    said = Slot(events, 4 if rows - box.ROWS >= FRAMED else 1, 2, rank=2)
    if _telling(view, desk):
        under, said = tuple(slot._replace(rank=slot.rank + 1) for slot in under), Slot(events, 4, 2)
    return (*top, *stacked((*under, said), (columns, rows - box.ROWS)))


FRAMED = 4
"""Rows from which a panel can have a frame and something in it."""


def _telling(view: View, desk: Desk) -> bool:
    """Whether something happens that only the events tell whole, or somebody looks for them."""
    wanted = desk.typing or desk.filter or desk.scroll
    trouble = view.halted or view.ending or view.feed_down
    return view.starting_up or bool(trouble or wanted)


def _main(view: View, desk: Desk, size: Size) -> Block:
    """The chart; before trading begins, what it waits for."""
    if view.starting_up:
        return panels.start_up(view, size)
    return pictures.chart(view, desk.timeframe, size)


def _events(view: View, desk: Desk) -> Panel:
    return partial(panels.events, view, desk)


def _overview_wide(view: View, desk: Desk) -> tuple[Slots, Slots]:
    left = (
        Slot(partial(panels.market, view), panels.MARKET_ROWS),
        Slot(partial(outlook.signal, view), outlook.TABLE_ROWS - 1, rank=1),
        Slot(partial(trading.trades, view, 0), 4, 1, rank=3),
        Slot(partial(panels.health, view), panels.HEALTH_ROWS, rank=2),
    )
    right = (
        Slot(partial(_main, view, desk), 12, 4),
        Slot(partial(pictures.equity, view), 7, 1, rank=1),
        Slot(_events(view, desk), 5, 2),
    )
    return left, right


def _forecast(view: View, desk: Desk) -> Slots:
    return (
        Slot(partial(outlook.table, view), outlook.TABLE_ROWS),
        Slot(partial(outlook.fans, view, desk.timeframe), 5, 1, rank=1),
    )


def _forecast_wide(view: View, desk: Desk) -> tuple[Slots, Slots]:
    left = (
        Slot(partial(outlook.table, view), outlook.TABLE_ROWS),
        Slot(partial(outlook.calibration, view), outlook.CALIBRATION_ROWS, rank=1),
        Slot(partial(outlook.signal, view), outlook.TABLE_ROWS - 1, rank=2),
        Slot(_events(view, desk), 4, 1, rank=3),
    )
    return left, (Slot(partial(outlook.fans, view, desk.timeframe), 12, 1),)


def _market(view: View, desk: Desk) -> Slots:
    ladder = partial(panels.market, view)
    prints = partial(panels.tape, view, desk.scroll)
    return (
        Slot(abreast(ladder, prints, 0.55, 34), panels.MARKET_ROWS, 1),
        Slot(partial(panels.courses, view), panels.COURSE_ROWS, 1, rank=1),
    )


def _market_wide(view: View, desk: Desk) -> tuple[Slots, Slots]:
    left = (
        Slot(partial(panels.market, view), panels.MARKET_ROWS),
        Slot(_events(view, desk), 4, 1, rank=1),
    )
    prints = partial(panels.tape, view, desk.scroll)
    right = (Slot(abreast(partial(panels.courses, view), prints, 0.55, 40), 12, 1),)
    return left, right


def _trading(view: View, desk: Desk) -> Slots:
    closed = partial(trading.trades, view, desk.scroll)
    refused = partial(trading.refused, view)
    return (
        Slot(partial(trading.position, view), trading.POSITION_ROWS if view.holding else 3),
        Slot(partial(trading.orders, view, desk.scroll), 4, 2),
        Slot(abreast(closed, refused, 0.36), 5, 3, rank=1),
    )


def _trading_wide(view: View, desk: Desk) -> tuple[Slots, Slots]:
    left = (
        Slot(partial(trading.position, view), trading.POSITION_ROWS + 5 if view.holding else 3),
        Slot(partial(trading.refused, view), 4, 1, rank=1),
        Slot(partial(guarding.exposure, view), guarding.EXPOSURE_ROWS, rank=2),
        Slot(_events(view, desk), 4, 1, rank=3),
    )
    right = (
        Slot(partial(pictures.chart, view, desk.timeframe), 14, 3),
        Slot(partial(trading.orders, view, desk.scroll), 6, 2),
        Slot(partial(trading.trades, view, desk.scroll), 6, 2, rank=1),
    )
    return left, right


def _risk(view: View, _desk: Desk) -> Slots:
    guarded, sized = partial(guarding.guarded, view), partial(guarding.sized, view)
    return (
        Slot(abreast(guarded, sized), guarding.GUARD_ROWS),
        Slot(partial(pictures.equity, view), 5, 1, rank=1),
    )


def _risk_wide(view: View, desk: Desk) -> tuple[Slots, Slots]:
    left = (
        Slot(partial(guarding.guarded, view), guarding.GUARD_ROWS),
        Slot(partial(guarding.sized, view), guarding.KELLY_ROWS),
        Slot(partial(guarding.exposure, view), guarding.EXPOSURE_ROWS, rank=1),
        Slot(_events(view, desk), 4, 1, rank=2),
    )
    right = (
        Slot(partial(pictures.equity, view), 12, 3),
        Slot(partial(trading.trades, view, 0), 6, 2, rank=1),
    )
    return left, right


def _system(view: View, desk: Desk) -> Slots:
    running = partial(engine.rooms, view)
    process = partial(engine.process, view, desk.usage)
    return (
        Slot(abreast(running, process, 0.44, 50), engine.ROOMS_ROWS),
        *_endpoints(view, 3),
        Slot(_events(view, desk), 4, 1),
    )


def _endpoints(view: View, most: int) -> Slots:
    """Room for so many addresses, or all; a market without a network has none."""
    if view.lines is None and view.starting is not None and view.starting.mode is not Mode.LIVE:
        return ()
    count = 1 if view.lines is None else len(view.lines.endpoints)
    return (Slot(partial(engine.endpoints, view), min(most, count) + 2, rank=1),)


def _system_wide(view: View, desk: Desk) -> tuple[Slots, Slots]:
    left = (
        Slot(partial(engine.rooms, view), engine.ROOMS_ROWS),
        Slot(partial(engine.process, view, desk.usage), engine.PROCESS_ROWS),
        Slot(partial(panels.health, view), panels.HEALTH_ROWS, rank=1),
        Slot(partial(engine.times, view), 6, 1, rank=2),
    )
    right = (
        *_endpoints(view, 12),
        Slot(_events(view, desk), 12, 1),
    )
    return left, right


_NARROW: dict[Page, Callable[[View, Desk], Slots]] = {
    Page.FORECAST: _forecast,
    Page.MARKET: _market,
    Page.TRADING: _trading,
    Page.RISK: _risk,
    Page.SYSTEM: _system,
}

_WIDE: dict[Page, Callable[[View, Desk], tuple[Slots, Slots]]] = {
    Page.OVERVIEW: _overview_wide,
    Page.FORECAST: _forecast_wide,
    Page.MARKET: _market_wide,
    Page.TRADING: _trading_wide,
    Page.RISK: _risk_wide,
    Page.SYSTEM: _system_wide,
}

KEYS: tuple[tuple[str, str], ...] = (
    ("1 … 6", "the views, as the tabs below"),
    ("p", "pause: open nothing new; again: resume"),
    ("q", "quit; asks once if a position is open"),
    ("t", "next timeframe of the charts"),
    ("↑ ↓ PgUp PgDn", "scroll; the mouse wheel does too"),
    ("Home", "back to the newest"),
    ("m", "leave the mouse to the terminal, and back"),
    ("/", "only events with this text; Esc: all"),
    ("c", "colours for the colour-blind, and back"),
    ("s", "screen to reports/, as text and SVG"),
    ("?", "this page, and back"),
)

WORDS: tuple[tuple[str, str], ...] = (
    ("Confidence", "share of forecasts that point one way"),
    ("p", "chance to end up there; 50 % says nothing"),
    ("4s old", "grey: true then, perhaps not now"),
    ("Risk", "share of the 8 % drawdown limit in use"),
    ("fan", "80, 90, 95 % of what may come; the median"),
    ("judged", "forecasts that came due; how many held"),
    ("MODELLED BOOK", "depth is made from candles, not seen"),
    ("EMBEDDED MODEL", "the small one that comes with the program"),
    ("probe", "the smallest order; Kelly finds no edge"),
    ("bps", "basis points, hundredths of a percent"),
)


def explained(size: Size) -> Block:
    """The keys, and below or beside them what the words on the screen mean."""
    keys, words = partial(_glossary, "Keys", KEYS), partial(_glossary, "Words", WORDS)
    if size[0] >= 2 * GLOSSARY:
        return abreast(keys, words)(size)
    return stacked((Slot(keys, len(KEYS) + 2), Slot(words, 5, 1)), size)


GLOSSARY = 76
"""Columns of a list of keys or words."""


def _glossary(title: str, entries: Sequence[tuple[str, str]], size: Size) -> Block:
    rows: list[Line] = [(Span(f"{name:<15}", "strong"), Span(text)) for name, text in entries]
    return framed((Span(title, "title"),), rows, size)
