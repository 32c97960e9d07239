"""What the person in front of the screen looks at, and what each key does to that. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, StrEnum, auto

from actors.dashboard.view import View
from actors.dashboard.words import sentence
from domain.facts import Fact
from domain.horizons import TIMEFRAMES, Timeframe

FILTER_MAX = 40
"""Characters of a filter."""

LEAP = 10
"""Rows that a page key goes."""

NOTCH = 3
"""Rows that the mouse wheel goes."""


class Page(StrEnum):
    """The six views, in the order of their keys."""

    OVERVIEW = "overview"
    FORECAST = "forecast"
    MARKET = "market"
    TRADING = "trading"
    RISK = "risk"
    SYSTEM = "system"


PAGES = {str(number): page for number, page in enumerate(Page, 1)}

TAB = "TAB "
"""What a key begins with that was clicked and not pressed."""

NEWEST_FIRST = (Page.MARKET, Page.TRADING)
"""Pages whose list has the newest on top, so that older ones are further down."""


class Wish(Enum):
    """What a key asks for beyond the screen."""

    QUIT = auto()
    PAUSE = auto()
    RESUME = auto()
    PICTURE = auto()


@dataclass(frozen=True, slots=True)
class Usage:
    """What the process takes of the machine; None where the machine does not say.

    Attributes:
        memory: resident now [bytes].
        peak: most that was ever resident [bytes].
        processor: share of one core since the last look [fraction].
        threads: how many run.
        received: what the whole machine receives from the network [bytes a second].
    """

    memory: int | None = None
    peak: int | None = None
    processor: float | None = None
    threads: int | None = None
    received: float | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """How the screen is set up.

    Attributes:
        page: which view is looked at.
        timeframe: of the charts.
        scroll: so many of the newest entries of the page's list are passed over.
        filter: only log lines that contain it are listed, whatever their case.
        typing: the filter is being typed.
        helping: the keys are explained.
        leaving: the person was asked whether to quit with a position open.
        paused: the person has paused trading.
        colour_blind: colours that everybody can tell apart.
        mouse: we hear of the mouse; else the terminal selects text by it.
        said: what the last key has done, where that is not to be seen otherwise.
        usage: what the process takes.
    """

    page: Page = Page.OVERVIEW
    timeframe: Timeframe = Timeframe.M1
    scroll: int = 0
    filter: str = ""
    typing: bool = False
    helping: bool = False
    leaving: bool = False
    paused: bool = False
    colour_blind: bool = False
    mouse: bool = True
    said: str = ""
    usage: Usage | None = None


Done = tuple[Desk, Wish | None]


def pressed(desk: Desk, key: str, view: View | None) -> Done:
    """The desk after a key, and what the key asks for besides.

    A key is one character or the name of a special key, such as `KEY_UP`; where it was clicked, TAB
    and the key.
    """
    if key.startswith(TAB):
        key = "" if desk.typing or desk.leaving else key.removeprefix(TAB)
    if desk.typing:
        return _typed(desk, key), None
    asked, desk = desk.leaving, replace(desk, leaving=False, said="")
    if key in PAGES:
        return replace(desk, page=PAGES[key], scroll=0, helping=False), None
    if key in _SCROLLS:
        return _scrolled(desk, key, view), None
    if key == "q":
        return _quit(desk, view, asked=asked)
    return _KEYS[key](desk) if key in _KEYS else (desk, None)


def _quit(desk: Desk, view: View | None, *, asked: bool) -> Done:
    if view is not None and view.holding and not asked:
        return replace(desk, leaving=True), None
    return desk, Wish.QUIT


def _typed(desk: Desk, key: str) -> Desk:
    if key == "KEY_ENTER":
        return replace(desk, typing=False)
    if key == "KEY_ESCAPE":
        return replace(desk, typing=False, filter="")
    if key in ("KEY_BACKSPACE", "KEY_DELETE"):
        return replace(desk, filter=desk.filter[:-1], scroll=0)
    if len(key) == 1 and key.isprintable():
        return replace(desk, filter=(desk.filter + key)[:FILTER_MAX], scroll=0)
    return desk


def _paused(desk: Desk) -> Done:
    on = not desk.paused
    return replace(desk, paused=on), Wish.PAUSE if on else Wish.RESUME


def _timeframed(desk: Desk) -> Done:
    after = TIMEFRAMES[(TIMEFRAMES.index(desk.timeframe) + 1) % len(TIMEFRAMES)]
    return replace(desk, timeframe=after, said=f"charts of {after}"), None


def _filtered(desk: Desk) -> Done:
    page = desk.page if desk.page is Page.OVERVIEW else Page.SYSTEM
    return replace(desk, page=page, typing=True, filter="", scroll=0, helping=False), None


def _escaped(desk: Desk) -> Done:
    return replace(desk, helping=False, filter="", scroll=0), None


def _recoloured(desk: Desk) -> Done:
    said = "usual colours" if desk.colour_blind else "colours for the colour-blind"
    return replace(desk, colour_blind=not desk.colour_blind, said=said), None


def _unmoused(desk: Desk) -> Done:
    said = (
        "the mouse selects text; m takes it back" if desk.mouse else "the mouse scrolls and clicks"
    )
    return replace(desk, mouse=not desk.mouse, said=said), None


_KEYS: dict[str, Callable[[Desk], Done]] = {
    "p": _paused,
    "t": _timeframed,
    "/": _filtered,
    "c": _recoloured,
    "m": _unmoused,
    "s": lambda desk: (desk, Wish.PICTURE),
    "?": lambda desk: (replace(desk, helping=not desk.helping), None),
    "KEY_ESCAPE": _escaped,
}

_SCROLLS = {"KEY_UP": -1, "KEY_DOWN": 1, "KEY_PGUP": -LEAP, "KEY_PGDOWN": LEAP}
_SCROLLS |= {"MOUSE_SCROLL_UP": -NOTCH, "MOUSE_SCROLL_DOWN": NOTCH}
_SCROLLS |= {"KEY_HOME": 0, "KEY_END": 0}


def _scrolled(desk: Desk, key: str, view: View | None) -> Desk:
    step = _SCROLLS[key]
    if view is None or step == 0:
        return replace(desk, scroll=0)
    older = step if desk.page in NEWEST_FIRST else -step
    last = max(0, _listed(desk, view) - 1)
    return replace(desk, scroll=min(last, max(0, desk.scroll + older)))


def _listed(desk: Desk, view: View) -> int:
    """Entries of the page's list."""
    match desk.page:
        case Page.MARKET:
            return len(view.tape)
        case Page.TRADING:
            trips = () if view.marked is None else view.marked.account.recent
            return max(len(view.tickets), len(trips))
        case Page.OVERVIEW | Page.SYSTEM:
            return len(logged(view, desk))
        case Page.FORECAST | Page.RISK:
            return 0


def logged(view: View, desk: Desk) -> tuple[Fact, ...]:
    """The events that the filter lets through, oldest first."""
    if not desk.filter:
        return view.tail
    wanted = desk.filter.lower()
    return tuple(fact for fact in view.tail if wanted in sentence(fact).text.lower())
