from hypothesis import given
from hypothesis import strategies as st

from domain.errors import PlasmaError, VenueUnavailable, printable


@given(st.text())
def test_the_words_of_an_error_are_one_printable_line(foreign: str) -> None:
    error = VenueUnavailable(f"HTTP 400: {foreign}")

    assert str(error).isprintable()
    assert str(error).startswith("HTTP 400: ")


def test_what_is_printable_stays_as_it_is() -> None:
    text = "añil ₿ 你好 \N{HORIZONTAL ELLIPSIS}"

    assert printable(text) == str(PlasmaError(text)) == text


def test_what_is_not_can_still_be_told_apart() -> None:
    assert printable("\x1b]0;x\x07 \u202e \ud800 \x9b") == r"\x1b]0;x\x07 \u202e \ud800 \x9b"
