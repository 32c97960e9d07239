from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.dashboard.desk import PAGES, Desk, Page, Wish, logged, pressed
from actors.dashboard.layout import compose
from actors.dashboard.lines import width
from actors.dashboard.svg import as_text
from domain.horizons import TIMEFRAMES
from tests.actors.dashboard.scenes import a_fold, a_marked, a_trader, busy, started

BUSY = busy().view()
FLAT = a_fold(*started()).view()

KEYS = [*"123456pqtcms/?xyz ", "é", "KEY_UP", "KEY_DOWN", "KEY_PGUP", "KEY_PGDOWN", "KEY_HOME"]
KEYS += ["KEY_END", "KEY_ESCAPE", "KEY_ENTER", "KEY_BACKSPACE", "KEY_F9", ""]
KEYS += ["MOUSE_SCROLL_UP", "MOUSE_SCROLL_DOWN", "MOUSE_RIGHT", *(f"TAB {key}" for key in PAGES)]


def after(*keys: str, desk: Desk | None = None) -> Desk:
    """The desk after these keys."""
    desk = desk or Desk()
    for key in keys:
        desk, _ = pressed(desk, key, BUSY)
    return desk


@settings(max_examples=60)
@given(st.lists(st.sampled_from(KEYS), max_size=40))
def test_no_keys_in_any_order_break_the_screen(keys: list[str]) -> None:
    desk = after(*keys)

    block = compose(BUSY, desk, (80, 24))

    assert {width(line) for line in block} == {80}
    assert 0 <= desk.scroll < 250


@pytest.mark.parametrize(("key", "page"), PAGES.items())
def test_number_opens_its_view(key: str, page: Page) -> None:
    assert after("?", key) == Desk(page=page)


def test_q_asks_once_where_a_position_is_open() -> None:
    asked, first = pressed(Desk(), "q", BUSY)
    _, second = pressed(asked, "q", BUSY)

    assert (first, second) == (None, Wish.QUIT)
    assert asked.leaving


def test_any_other_key_takes_the_question_back() -> None:
    stays = after("q", "x")

    assert not stays.leaving
    assert pressed(stays, "q", BUSY)[1] is None


@pytest.mark.parametrize("view", [FLAT, None])
def test_q_quits_at_once_where_nothing_is_open(view: object) -> None:
    assert pressed(Desk(), "q", view)[1] is Wish.QUIT  # type: ignore[arg-type]


def test_p_pauses_and_resumes() -> None:
    paused, first = pressed(Desk(), "p", BUSY)
    resumed, second = pressed(paused, "p", BUSY)

    assert (first, second) == (Wish.PAUSE, Wish.RESUME)
    assert (paused.paused, resumed.paused) == (True, False)


def test_t_goes_round_all_timeframes() -> None:
    seen = [after(*"t" * times).timeframe for times in range(7)]

    assert seen == [*TIMEFRAMES, TIMEFRAMES[0]]


def test_filter_is_typed_kept_and_cleared() -> None:
    typed = after(*"2/Fql", "KEY_BACKSPACE", "KEY_BACKSPACE", *"ill", "KEY_UP")
    assert (typed.page, typed.filter, typed.typing) == (Page.SYSTEM, "Fill", True)

    kept = after("KEY_ENTER", desk=typed)
    assert (kept.filter, kept.typing) == ("Fill", False)
    assert len(logged(BUSY, kept)) == 1

    assert after("KEY_ESCAPE", desk=kept).filter == ""
    assert after("KEY_ESCAPE", desk=typed) == Desk(page=Page.SYSTEM)


def test_log_scrolls_up_to_the_oldest_and_no_further() -> None:
    oldest = after("6", *["KEY_PGUP"] * 40)
    assert oldest.scroll == len(BUSY.tail) - 1

    assert "begins" in as_text(compose(BUSY, oldest, (80, 24)))
    assert after("KEY_DOWN", desk=oldest).scroll == oldest.scroll - 1
    assert after("KEY_HOME", desk=oldest).scroll == 0


def test_trades_scroll_down_to_the_oldest() -> None:
    view = a_trader().view()
    assert "12:00:00 ↗ 43,247.82" in as_text(compose(view, after("3"), (80, 24)))

    older = after("3", "KEY_PGDOWN")

    assert older.scroll == 10
    assert "12:00:00 ↗ 43,247.82" not in as_text(compose(view, older, (80, 24)))
    assert after("KEY_UP", desk=replace(older, scroll=0)).scroll == 0


def test_screen_asks_and_says_in_its_last_line() -> None:
    def last(desk: Desk, columns: int = 80) -> str:
        return as_text(compose(BUSY, desk, (columns, 20))[-1:]).strip()

    assert last(after("q")).startswith("A position is open: q again")
    assert last(after("q"), 60) == "q again: close the position, quit"
    assert last(after(*"6/ab")) == "/ab▏  Enter keeps, Esc clears"
    assert last(after("c")) == "colours for the colour-blind"
    assert last(after("c", "c")) == "usual colours"
    assert last(Desk()).startswith("1 overview 2 forecast")


def test_too_small_a_terminal_still_asks() -> None:
    shown = as_text(compose(BUSY, after("q"), (50, 10)))

    assert shown.strip() == "q again: close the position, quit"


def test_what_is_flat_again_is_not_asked_about() -> None:
    fold = busy()
    fold.market(a_marked())

    assert pressed(Desk(), "q", fold.view())[1] is Wish.QUIT


def test_click_on_a_tab_is_its_key_unless_something_else_is_asked() -> None:
    assert after("TAB 3").page is Page.MARKET
    assert after("/", "TAB 3").filter == ""
    assert after("/", "TAB 3").page is Page.OVERVIEW
    asked = after("q")
    assert asked.leaving
    assert after("TAB 3", desk=asked).page is Page.OVERVIEW


def test_wheel_scrolls_three_rows_a_notch() -> None:
    assert after("3", *["MOUSE_SCROLL_DOWN"] * 2).scroll == 6
    assert after("3", "MOUSE_SCROLL_DOWN", "MOUSE_SCROLL_UP", "MOUSE_SCROLL_UP").scroll == 0


def test_mouse_is_left_to_the_terminal_and_taken_back() -> None:
    assert not after("m").mouse
    assert after("m", "m").mouse
