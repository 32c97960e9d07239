"""What of a line has changed, so that nothing else is sent to the terminal."""

from collections.abc import Iterator

from actors.dashboard.lines import Line, Span, width

Change = tuple[int, Line]
"""From which column on, and what stands there now."""


def changes(old: Line, new: Line) -> Iterator[Change]:
    """The parts of a line that differ from the same line before; both are equally wide.

    >>> list(changes((Span("bid "), Span("1"), Span("|")), (Span("bid "), Span("2"), Span("|"))))
    [(4, (Span(text='2', style='text'),))]
    """
    if old == new:
        return
    start = _equal(old, new)
    rest_old, rest_new = old[start:], new[start:]
    end = _equal(rest_old[::-1], rest_new[::-1])
    column = width(new[:start])
    inner_old, inner_new = rest_old[: len(rest_old) - end], rest_new[: len(rest_new) - end]
    if [len(span.text) for span in inner_old] == [len(span.text) for span in inner_new]:
        yield from _runs(column, inner_old, inner_new)
    else:
        yield column, inner_new


def _equal(one: Line, other: Line) -> int:
    """How many spans are the same from the beginning."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


def _runs(column: int, old: Line, new: Line) -> Iterator[Change]:
    """Neighbours that differ, as one change."""
    run: list[Span] = []
    for a, b in zip(old, new, strict=True):
        if a != b:
            run.append(b)
        elif run:
            yield column - width(tuple(run)), tuple(run)
            run = []
        column += len(b.text)
    if run:
        yield column - width(tuple(run)), tuple(run)
