"""The screen as text, compared with files that a person has looked at.

After a change that is meant: GOLDEN=write .venv/bin/python -m pytest tests/actors/dashboard,
then look at what git shows.
"""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from actors.dashboard.desk import Desk, Page, Usage
from actors.dashboard.fold import Fold
from actors.dashboard.layout import compose
from actors.dashboard.lines import Block, Style, in_ascii
from actors.messages import Traffic
from domain.facts import (
    Accounted,
    ActorRestarted,
    Decided,
    Decision,
    FeedDown,
    Halted,
    Mode,
    Noted,
    Resumed,
    Stopping,
)
from domain.horizons import Timeframe
from domain.instrument import BTCUSDT
from domain.market import Side
from domain.sizing import Size, size
from domain.units import Money
from tests.actors.dashboard.scenes import (
    NOON,
    a_fold,
    a_marked,
    a_position,
    a_trader,
    after,
    busy,
    some_vitals,
    started,
    starting,
)

USAGE = Usage(612_000_000, 701_000_000, 0.113, 14, 21_400.0)

GOLDEN = Path(__file__).parent / "golden"


def halted() -> Fold:
    fold = a_trader(Mode.LIVE)
    fold.fact(Halted(after(-10), "the ledger does not add up: 0.02 USDT are missing"))
    fold.fact(Decided(after(-9), Decision.RISK_PAUSE, "the ledger does not add up"))
    return fold


def lost() -> Fold:
    fold = a_trader(Mode.LIVE, now=37)
    fold.fact(FeedDown(after(3), "silent for 3 s"))
    fold.market(a_marked(after(3), wallet="9480.10", position=a_position(Side.SELL)))
    return fold


SCENES: dict[str, Callable[[], Fold]] = {
    "empty": Fold,
    "start": lambda: a_fold(*starting()),
    "ready": lambda: a_fold(*started(), now=-59),
    "demo": a_trader,
    "replay": lambda: a_trader(Mode.REPLAY, modelled=True),
    "halted": halted,
    "lost": lost,
}

SIZES = ((60, 20), (80, 24), (120, 40))

SHOTS = [
    *((scene, size) for scene in ("demo", "start", "lost") for size in SIZES),
    *((scene, (80, 24)) for scene in ("empty", "ready", "replay", "halted")),
    ("demo", (100, 40)),
    ("demo", (120, 24)),
    ("demo", (200, 60)),
]


def text(block: Block) -> str:
    return "".join("".join(span.text for span in line) + "\n" for line in block)


def compare(name: str, shown: str) -> None:
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("GOLDEN") == "write":
        file.parent.mkdir(exist_ok=True)
        file.write_text(shown, encoding="utf-8")
    assert shown == file.read_text(encoding="utf-8")


def named(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


@pytest.mark.parametrize(("scene", "size"), SHOTS, ids=str)
def test_screen_looks_like_its_golden_file(scene: str, size: tuple[int, int]) -> None:
    block = compose(SCENES[scene]().view(), Desk(), size)

    compare(f"{scene}-{named(size)}", text(block))


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)], ids=named)
@pytest.mark.parametrize("page", list(Page)[1:])
def test_every_view_looks_like_its_golden_file(page: Page, size: tuple[int, int]) -> None:
    block = compose(busy().view(), Desk(page=page, timeframe=Timeframe.M5, usage=USAGE), size)

    compare(f"{page}-{named(size)}", text(block))


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (200, 60)], ids=named)
def test_keys_and_words_are_explained(size: tuple[int, int]) -> None:
    shown = text(compose(busy().view(), Desk(helping=True), size))

    compare(f"help-{named(size)}", shown)


@pytest.mark.parametrize("desk", [*map(Desk, Page), Desk(helping=True), Desk(typing=True)])
def test_every_sign_of_ours_has_one_in_ascii(desk: Desk) -> None:
    for scene in (*SCENES.values(), busy):
        block = compose(scene().view(), desk, (120, 40))

        assert text(tuple(map(in_ascii, block))).count("?") == text(block).count("?")


def test_no_help_is_cut_on_the_smallest_screen() -> None:
    assert "…" not in text(compose(busy().view(), Desk(helping=True), (60, 20))).replace(
        "1 … 6", ""
    )


@pytest.mark.parametrize("desk", [Desk(typing=True), Desk(filter="order"), Desk(scroll=1)])
def test_overview_shows_the_events_to_whoever_looks_for_them(desk: Desk) -> None:
    view = busy().view()

    assert "┌─ Events" not in text(compose(view, Desk(), (80, 24)))
    assert "┌─ Events" in text(compose(view, desk, (80, 24)))


def test_reason_of_a_halt_is_told_whole() -> None:
    shown = text(compose(halted().view(), Desk(), (80, 24)))

    assert "halted: the ledger does not add up: 0.02 USDT are missing" in shown


def test_equity_stands_on_the_overview_of_every_terminal_from_80_columns() -> None:
    for shape in ((80, 24), (100, 30), (120, 24), (120, 40), (200, 60)):
        shown = text(compose(busy().view(), Desk(), shape))

        assert "┌─ Equity" in shown
        assert "┌─ BTC/USDT 1m" in shown
        assert "┌─ Book" in shown


@pytest.mark.parametrize("page", list(Page))
@pytest.mark.parametrize("size", SIZES, ids=named)
def test_nothing_blank_stands_between_the_panels(page: Page, size: tuple[int, int]) -> None:
    rows = text(compose(busy().view(), Desk(page=page), size)).splitlines()

    assert not [row for row in rows[5:-1] if row[:26] == " " * 26 or row[-26:] == " " * 26]


@pytest.mark.parametrize(
    ("equity", "deepest", "stopped", "told"),
    [
        ("10000", 0.01, False, ("NORMAL", "badge-live", "100%")),
        ("9380", 0.062, False, ("REDUCED", "badge-note", "50%")),
        ("9700", 0.062, False, ("RECOVERY", "badge-replay", "100%")),
        ("9150", 0.085, True, ("STOPPED", "badge-alarm", "0%")),
    ],
)
def test_drawdown_guard_stands_out_in_the_state_it_is_in(
    *, equity: str, deepest: float, stopped: bool, told: tuple[str, Style, str]
) -> None:
    state, style, left = told
    fold = busy()
    worth, best = Money(Decimal(equity)), Money(Decimal(10_000))
    marked = replace(a_marked(), equity=worth, high_water=best, deepest=deepest, stopped=stopped)
    fold.market(marked)

    block = compose(fold.view(), Desk(page=Page.RISK), (80, 24))

    assert styles_of(block, f"[{state}]") == {style}
    shown = text(block)
    assert re.search(rf"size left +{left}", shown)
    assert bool(re.search(r"next trade risks 0\.00%  stopped", shown)) is stopped


def test_kelly_says_what_the_next_order_would_be_sized_by() -> None:
    fold = busy()
    fold.market(replace(a_marked(), high_water=Money(Decimal(10_200))))
    view = fold.view()

    shown = text(compose(view, Desk(page=Page.RISK), (120, 40)))

    assert view.signal is not None
    assert view.marked is not None
    assert view.quote is not None
    sized = size(view.signal, view.marked, view.quote.price, BTCUSDT)
    assert isinstance(sized, Size)
    fraction, risk = re.findall(r"[\d.]+%", sized.reason)
    assert f"Kelly f*         +{fraction}" in shown
    assert f"next trade risks {risk}" in shown


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (100, 30)], ids=named)
def test_start_ticks_off_each_criterion_and_says_how_far_the_rest_is(
    size: tuple[int, int],
) -> None:
    shown = text(compose(a_fold(*starting()).view(), Desk(), size))

    assert "Start Criteria: 9 of 11 met" in shown
    assert "connection 13/30" in shown
    if size[0] >= 80:
        assert "✓ history" in shown
        assert shown.count("✓ ") == 9
        assert shown.count("○ ") == 2
        assert re.search(r"▰+▱+ +86%", shown)


@pytest.mark.parametrize(("mode", "there"), [(Mode.LIVE, True), (Mode.DEMO, False)])
def test_addresses_stand_where_the_market_has_any(
    mode: Mode,
    there: bool,  # noqa: FBT001
) -> None:
    shown = text(compose(a_trader(mode).view(), Desk(page=Page.SYSTEM), (120, 40)))

    assert ("┌─ Endpoints" in shown) is there


def test_dead_actor_is_told_from_a_living_one() -> None:
    fold = busy()
    vitals = some_vitals()
    fold.market(replace(vitals, rooms=(replace(vitals.rooms[2], alive=False), *vitals.rooms[3:])))

    block = compose(fold.view(), Desk(page=Page.SYSTEM), (80, 24))

    assert re.search(r"○ Risk .* dead", text(block))
    assert styles_of(block, "○ Risk") == {"bad"}


@pytest.mark.parametrize(("received", "style"), [(20_000, "text"), (40_000, "warn")])
def test_traffic_beyond_the_budget_stands_out(received: int, style: Style) -> None:
    fold = a_fold(*started())
    fold.market(Traffic(after(0), 0))
    fold.market(Traffic(after(1), received))

    block = compose(fold.view(), Desk(page=Page.SYSTEM), (80, 24))

    assert styles_of(block, f"{received / 1000:.1f} KB/s") == {style}


def test_actors_of_which_nobody_tells_are_not_made_up() -> None:
    fold = a_fold(*started(), ActorRestarted(NOON, "FeedActor", "FeedLost()", 0.2))

    shown = text(compose(fold.view(), Desk(page=Page.SYSTEM), (80, 24)))

    assert "state of the actors: —" in shown
    assert re.search(r"FeedActor +1 restarts", shown)
    assert re.search(r"memory +— ", shown)


def test_chart_marks_the_plan_of_the_position() -> None:
    shown = text(compose(busy().view(), Desk(page=Page.TRADING), (200, 60)))

    assert re.search(r" entry │", shown)


@pytest.mark.parametrize("page", list(Page)[1:])
def test_views_that_know_nothing_yet_say_so_and_invent_nothing(page: Page) -> None:
    shown = text(compose(Fold().view(), Desk(page=page), (80, 24)))

    assert "—" in shown or "yet" in shown
    assert not re.search(r"\$[\d.]", shown)


def test_box_says_what_the_mission_s_box_says() -> None:
    fold = a_trader()
    fold.fact(Decided(after(0), Decision.LONG_ENTRY, "Strong uptrend + low spread"))

    lines = text(compose(fold.view(), Desk(), (80, 24))).splitlines()[1:19]

    assert [line[:54] for line in lines] == [
        "┌─ PlasmaTrader v3.0 Core ───────────────────────────┐",
        "│ BTC/USDT: $43,247.82 ↗ (+0.34%)                    │",
        "│                                                    │",
        "│ Bot Decision: LONG ENTRY (Confidence: 87.3%)       │",
        "│ └─ Chronos Signal: +0.21% (15m), +0.18% (30m)      │",
        "│ └─ Entry Logic: Strong uptrend + low spread        │",
        "│                                                    │",
        "│ Active Position: LONG 0.023 BTC @ $43,180          │",
        "│ Current P&L: +$1.56 (+0.016%)                      │",
        "│                                                    │",
        "│ Session Stats:                                     │",
        "│ ├─ Total Trades: 47                                │",
        "│ ├─ Win Rate: 68.1%                                 │",
        "│ ├─ Total P&L: +$127.34 (+1.27%)                    │",
        "│ └─ Wallet Balance: $10,127.34 USDT                 │",
        "│                                                    │",
        "│ System: ●DEMO │ Feed: ●STABLE │ Risk: 23%          │",
        "└────────────────────────────────────────────────────┘",
    ]


def test_terminal_that_is_too_small_gets_one_honest_line() -> None:
    block = compose(halted().view(), Desk(), (59, 20))

    first, *rest = text(block).splitlines()
    assert first.strip() == "LIVE HALTED needs 60x20, has 59x20"
    assert not "".join(rest).strip()


def styles_of(block: Block, wanted: str) -> set[Style]:
    return {span.style for line in block for span in line if wanted in span.text}


@pytest.mark.parametrize(
    ("mode", "style"),
    [
        (Mode.LIVE, "badge-live"),
        (Mode.DEMO, "badge-demo"),
        (Mode.REPLAY, "badge-replay"),
    ],
)
def test_every_mode_has_its_own_badge(mode: Mode, style: Style) -> None:
    block = compose(a_trader(mode).view(), Desk(), (80, 24))

    assert style in styles_of(block, f" {mode} ")


def test_halt_that_is_over_is_no_longer_shown() -> None:
    fold = a_trader(Mode.DEMO)
    fold.fact(Halted(NOON, "disk full"))
    fold.fact(Resumed(NOON, "there is room again"))

    assert "HALTED" not in text(compose(fold.view(), Desk(), (80, 24)))


@pytest.mark.parametrize("size", SIZES)
def test_what_nobody_may_overlook_is_on_every_screen(size: tuple[int, int]) -> None:
    fold = a_trader(Mode.REPLAY, modelled=True)
    fold.fact(Halted(NOON, "somebody must look"))
    fold.fact(Stopping(NOON, "SIGINT"))

    block = compose(fold.view(), Desk(paused=True), size)

    assert styles_of(block[:1], " HALTED ") == {"badge-alarm"}
    for badge in (" REPLAY ", " STOPPING ", " PAUSED ", " MODELLED ", " EMBEDDED "):
        assert badge in text(block[:1])


def test_values_that_are_no_longer_current_are_dimmed_and_show_their_age() -> None:
    block = compose(lost().view(), Desk(), (80, 24))

    assert styles_of(block, "$43,247.82") == {"stale"}
    assert "BTC/USDT: $43,247.82 ↗ (+0.34%)  37s old" in text(block)
    assert styles_of(block, "●LOST 34s") == {"bad"}


@pytest.mark.parametrize("page", list(Page))
@pytest.mark.parametrize("size", [*SIZES, (200, 60)], ids=named)
def test_after_ten_minutes_of_silence_no_figure_of_now_looks_current(
    page: Page, size: tuple[int, int]
) -> None:
    fold = busy()
    fold.tick(after(600))

    block = compose(fold.view(), Desk(page=page, usage=USAGE), size)

    told = [span for line in block[1:-1] for span in line if OF_NOW.match(span.text)]
    assert len(told) > 3
    assert {span.style for span in told} <= {"stale", "warn"}


OF_NOW = re.compile(
    r" *[$]?(43,247\.8|\+0\.34%|87\.3%|stop 43000|\+0\.2[0-9]%|\$43,180$|\+\$1\.56|68\.1%|\+\$127"
    r"|10,127\.34|10,128\.90|23%|0\.98|399\.1|43,251\.10|21\.4 KB/s)"
)
"""Figures that say how things are, not what once happened."""


@pytest.mark.parametrize("page", [Page.TRADING, Page.RISK])
def test_account_that_nobody_values_is_dimmed_and_shows_its_age(page: Page) -> None:
    fold = busy()
    fold.tick(after(37))

    block = compose(fold.view(), Desk(page=page), (80, 24))

    assert "37s old" in text(block)
    figure = "$43,600.00" if page is Page.TRADING else "$10,319.32"
    assert styles_of(block, figure) == {"stale"}


def test_drawdown_near_its_limit_is_red() -> None:
    fold, balance = a_fold(*started()), Money(Decimal(9190))
    fold.fact(Accounted(NOON, balance, balance, 0.081))

    assert styles_of(compose(fold.view(), Desk(), (80, 24)), "101%") == {"bad"}


def test_text_from_outside_cannot_speak_to_the_terminal() -> None:
    fold = a_fold(*started(), Noted(NOON, "\x1b[2J\x07你好\nrest"))

    shown = text(compose(fold.view(), Desk(page=Page.SYSTEM), (80, 24)))

    assert "?[2J????rest" in shown
    assert "\x1b" not in shown
