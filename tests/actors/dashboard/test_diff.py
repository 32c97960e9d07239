from hypothesis import given
from hypothesis import strategies as st

from actors.dashboard.diff import changes
from actors.dashboard.lines import Line, Span, fit

COLUMNS = 12

spans = st.builds(
    Span, st.text("abc ", min_size=1, max_size=4), st.sampled_from(["text", "dim", "good"])
)
lines = st.lists(spans, max_size=6).map(lambda spans: fit(tuple(spans), COLUMNS))


def cells(line: Line) -> list[tuple[str, str]]:
    return [(char, span.style) for span in line for char in span.text]


@given(lines, lines)
def test_old_line_with_its_changes_is_the_new_line(old: Line, new: Line) -> None:
    screen = cells(old)

    for column, part in changes(old, new):
        screen[column : column + len(cells(part))] = cells(part)

    assert screen == cells(new)


@given(lines)
def test_line_that_stays_costs_nothing(line: Line) -> None:
    assert list(changes(line, line)) == []


def test_only_the_figures_that_moved_are_sent() -> None:
    old = (Span("│ "), Span("43,247.82", "ask"), Span(" 0.512 "), Span("█", "ask"), Span(" │"))
    new = (Span("│ "), Span("43,247.83", "ask"), Span(" 0.512 "), Span("▌", "ask"), Span(" │"))

    assert list(changes(old, new)) == [
        (2, (Span("43,247.83", "ask"),)),
        (18, (Span("▌", "ask"),)),
    ]
