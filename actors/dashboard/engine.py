"""What runs: the actors, the process, the lines to the market, how long things take."""

from collections.abc import Sequence
from itertools import accumulate

from actors.dashboard.desk import Usage
from actors.dashboard.lines import (
    Block,
    Line,
    Size,
    Span,
    Style,
    beside,
    dimmed,
    framed,
    plain,
    width,
)
from actors.dashboard.pictures import Course, small
from actors.dashboard.view import Pace, View
from actors.dashboard.words import NOTHING, fine, number, share, span_of_time
from actors.messages import EndpointVitals, RoomVitals
from domain.units import HOUR, SECOND, Nanos

ROOMS_ROWS = 9
PROCESS_ROWS = 9

VITALS_STALE = Nanos(3 * SECOND)
"""Vitals come every second; older ones say nothing of now."""

LATE = 3
"""So many times as old as they usually get; a market on speed makes more of its own seconds."""

CROWDED = 1000
"""Waiting messages from which an actor does not keep up."""

MEGABYTE = 1e6
MEMORY_MAX = 4e9
PROCESSOR_MAX = 0.7
NETWORK_MAX = 100
"""The mission's budgets [bytes, share of a core, MB an hour]."""


def rooms(view: View, size: Size) -> Block:
    """A row an actor: what it did and what waits for it."""
    title = (Span("Actors", "title"),)
    vitals = view.vitals
    if vitals is None:
        return framed(title, _restarts(view), size)
    age = view.age(vitals.at)
    columns = size[0] - 4
    name = NAME if columns >= NAME + PACE else NAME_SHORT
    rows = tuple(
        _row(_room(room, view.paces.get(room.name, Pace()), name), columns) for room in vitals.rooms
    )
    if age > max(VITALS_STALE, LATE * view.vitals_every):
        rows = tuple(map(dimmed, rows))
        note: Line = (Span(f"{span_of_time(age)} old", "warn"),)
    else:
        note = (Span(f"{span_of_time(age)} ago", "dim"),)
    return framed(title, (_row((Span(" " * name), *HEAD), columns), *rows), size, note)


NAME, NAME_SHORT = 16, 12
"""Columns of an actor's name, and where else there would be no room for its pace."""

HEAD: Line = tuple(
    Span(text, "dim")
    for text in (" died", " waits", "  msg/s", " p95 ms", " p50 ms", " skipped", "  lost")
)
"""What a row tells of an actor, the most important first."""

PACE = width(HEAD[:3])
"""Columns of the first three: what died, what waits, messages a second."""


def _row(cells: Line, columns: int) -> Line:
    """As many cells as there is room for."""
    ends = accumulate(len(cell.text) for cell in cells)
    return tuple(cell for cell, end in zip(cells, ends, strict=True) if end <= columns)


def _restarts(view: View) -> tuple[Line, ...]:
    """Nobody told how the actors do; what died was told."""
    rows: list[Line] = [(Span(f"state of the actors: {NOTHING}", "dim"),)]
    rows += [
        (Span(f"{plain(name):<22}"), Span(f"{count:>3} restarts", "warn"))
        for name, count in view.restarts
    ]
    return tuple(rows)


def _room(room: RoomVitals, pace: Pace, columns: int) -> Line:
    """One actor, its name in so many columns."""
    crowded = room.waiting >= CROWDED
    name = f"{'●' if room.alive else '○'} {plain(room.name.removesuffix('Actor'))}"
    mark = name if len(name) <= columns else f"{name[: columns - 1]}."
    rate = NOTHING if pace.per_second is None else number(pace.per_second, 0)
    median, late = _percentile(pace.waited_ms, 0.5), _percentile(pace.waited_ms, 0.95)
    return (
        Span(f"{mark:<{columns}}", "bad" if not room.alive else "warn" if crowded else "text"),
        Span(f"{room.restarts:>5}", "warn" if room.restarts else "text"),
        Span(f"{room.waiting:>6}", "warn" if crowded else "text"),
        Span(f"{rate:>7}" if room.alive else f"{'dead':>7}", "text" if room.alive else "bad"),
        Span(f"{late:>7}"),
        Span(f"{median:>7}", "dim"),
        Span(f"{room.skipped:>8}", "dim"),
        Span(f"{room.dropped:>6}", "warn" if room.dropped else "dim"),
    )


def _percentile(values: Sequence[float], part: float) -> str:
    """The value below which this part of them lies.

    >>> _percentile((0.3, 0.1, 12.0), 0.5), _percentile((), 0.5)
    ('0.30', '—')
    """
    if not values:
        return NOTHING
    return fine(_below(sorted(values), part))


def _below(rising: Sequence[float], part: float) -> float:
    """The value below which this part of them lies, of at least one."""
    return rising[min(len(rising) - 1, int(len(rising) * part))]


def process(view: View, usage: Usage | None, size: Size) -> Block:
    """Memory, processor and network; messages and how long things took."""
    taken = usage or Usage()
    half = (size[0] - 4) // 2
    figures: tuple[Figure, ...] = (
        _memory(taken),
        _processor(taken),
        _network(view, taken),
        ("heard", NOTHING if view.heard is None else f"{view.heard:,.0f} messages/s", "text"),
        ("inference", _percentiles(view.latencies.inference), "text"),
        ("fills", _percentiles(view.latencies.fills), "text"),
        ("line", _line(view), "text"),
    )
    rows = tuple(_figure(figure, size[0] - 4) for figure in figures)
    head = () if half < len("p50 / p95 / max") else (Span("p50 / p95 / max", "dim"),)
    return framed((Span("Process", "title"),), rows, size, head)


Figure = tuple[str, str, Style]
"""Name, value, style."""


def _figure(figure: Figure, columns: int) -> Line:
    """Where there is no room, first what comes after a comma is left out, then words and blanks."""
    name, told, style = figure
    brief = told.partition(",")[0]
    for long, short in BRIEF:
        brief = brief.replace(long, short)
    variants = (told, told.partition(",")[0], brief)
    fits = next((x for x in variants if len(x) <= columns - LABEL), brief)
    return Span(f"{name:<{LABEL}}", "dim"), Span(plain(fits), style)


BRIEF = ((" / ", "/"), (" of a core", ""), ("messages/s", "msg/s"), (" ms", ""))
"""Longer and shorter ways to say the same."""


LABEL = 11
"""Columns of a figure's name."""


def _memory(taken: Usage) -> Figure:
    if taken.memory is None and taken.peak is None:
        return "memory", NOTHING, "dim"
    now = NOTHING if taken.memory is None else f"{taken.memory / MEGABYTE:,.0f} MB"
    peak = "" if taken.peak is None else f", max {taken.peak / MEGABYTE:,.0f} MB"
    most = max(taken.memory or 0, taken.peak or 0)
    return "memory", now + peak, "bad" if most > MEMORY_MAX else "text"


def _processor(taken: Usage) -> Figure:
    if taken.processor is None:
        return "processor", NOTHING, "dim"
    threads = "" if taken.threads is None else f", {taken.threads} threads"
    style: Style = "warn" if taken.processor > PROCESSOR_MAX else "text"
    return "processor", f"{share(taken.processor)} of a core{threads}", style


def _network(view: View, taken: Usage) -> Figure:
    """What the venue sends; where that is not known, what comes to the whole machine."""
    if view.received is None:
        host = taken.received
        return "host net", NOTHING if host is None else f"{host / 1000:,.1f} KB/s in", "dim"
    hourly = view.received * HOUR / SECOND / MEGABYTE
    told = f"{view.received / 1000:,.1f} KB/s, {hourly:,.0f} MB/h"
    if (age := view.age(view.counted)) > VITALS_STALE:
        return "network", f"{told}, {span_of_time(age)} old", "stale"
    return "network", told, "warn" if hourly > NETWORK_MAX else "text"


def _percentiles(times: Sequence[float]) -> str:
    """Median, 95th percentile and longest of the newest ones."""
    if not times:
        return NOTHING
    ordered = sorted(times)
    middle, late = _below(ordered, 0.5), _below(ordered, 0.95)
    return f"{number(middle, 0)} / {number(late, 0)} / {number(ordered[-1], 0)} ms"


def endpoints(view: View, size: Size) -> Block:
    """The venue's addresses: which are in use, which are left alone."""
    title = (Span("Endpoints", "title"),)
    if view.lines is None:
        return framed(title, ((Span(f"circuits: {NOTHING}", "dim"),),), size)
    known = sorted(view.lines.endpoints, key=_rank)
    rows = [_endpoint(one) for one in known[: size[1] - 2]]
    more = f"{len(known) - len(rows)} more, " if len(known) > len(rows) else ""
    note = (Span(f"{more}changed {span_of_time(view.age(view.lines.at))} ago", "dim"),)
    return framed(title, rows, size, note)


def _rank(one: EndpointVitals) -> tuple[bool, bool]:
    """What is not well comes first, then what is in use."""
    return one.circuit == "closed", not one.current


def _endpoint(one: EndpointVitals) -> Line:
    style: Style = "good" if one.circuit == "closed" else "warn"
    return (
        Span("● " if one.current else "○ ", style),
        Span(f"{plain(one.circuit):<10}", style),
        Span(f"{plain(one.kind):<13}", "dim"),
        Span(plain(one.address), "text" if one.current else "dim"),
    )


def times(view: View, size: Size) -> Block:
    """How long the newest inferences and fills took, each in its turn."""
    columns, rows = size
    inference, fills = view.latencies.inference, view.latencies.fills
    half = columns // 2
    one = small(Course("Inference", inference, _newest(inference)), (half, rows))
    two = small(Course("Order to fill", fills, _newest(fills)), (columns - half, rows))
    return beside(one, two)


def _newest(times: Sequence[float]) -> Span:
    return Span(f"{number(times[-1], 0)} ms" if times else NOTHING, "strong")


def _line(view: View) -> str:
    if view.feed_down is not None:
        return f"down for {span_of_time(view.age(view.feed_down.at))}: {view.feed_down.reason}"
    if view.endpoint is None:
        return NOTHING
    up = span_of_time(view.age(view.endpoint.at))
    return f"{view.endpoint.endpoint}, for {up}"
