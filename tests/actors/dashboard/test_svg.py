from xml.etree import ElementTree as ET

from actors.dashboard.desk import Desk
from actors.dashboard.layout import compose
from actors.dashboard.lines import Span
from actors.dashboard.svg import as_svg, as_text
from tests.actors.dashboard.scenes import busy

TEXT = "{http://www.w3.org/2000/svg}text"


def test_picture_holds_every_word_of_the_screen() -> None:
    block = compose(busy().view(), Desk(), (120, 40))

    picture = ET.fromstring(as_svg(block))  # noqa: S314 - our own

    said = "".join(text.text or "" for text in picture.iter(TEXT))
    assert "".join(said.split()) == "".join(as_text(block).split())


def test_picture_places_text_by_its_column_and_keeps_inner_blanks() -> None:
    picture = as_svg((((Span("ab  "), Span("  <c  d>", "badge-alarm"))),))

    assert '<text x="50.4" y="13" textLength="50.4"' in picture
    assert "&lt;c\u00a0\u00a0d&gt;" in picture
    assert '<rect x="33.6" y="0" width="67.2" height="17"' in picture


def test_colour_blind_picture_has_other_colours() -> None:
    block = (((Span("gain", "good")),),)

    assert as_svg(block) != as_svg(block, colour_blind=True)


def test_picture_of_nothing_is_empty() -> None:
    assert ET.fromstring(as_svg(())).attrib["viewBox"] == "0 0 0.0 0"  # noqa: S314
