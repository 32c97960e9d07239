"""The page in a real browser, at the width of a desk and of a phone."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from persistence.report.__main__ import main
from tests.persistence.report.browser import Tab, browser, program
from tests.persistence.report.runs import a_home, facts, foretold, log

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}

EXITS = ("101", "99", "98.5", "104")

HIDDEN_BY_MISTAKE = """
[...document.querySelectorAll('section, .card, figure')].filter(x => {
  const box = x.getBoundingClientRect();
  return box.width < 100 || box.height < 30 || box.left < 0 || box.right > innerWidth + 0.5;
}).length
"""

CHARTS = """
[...document.querySelectorAll('svg')].filter(x => x.getBoundingClientRect().width > 0).length
"""

SMALLEST_LETTERS = """
Math.min(...[...document.querySelectorAll('svg text')]
  .filter(x => x.getBoundingClientRect().width > 0)
  .map(x => [x, x.getScreenCTM()])
  .map(([x, to]) => parseFloat(getComputedStyle(x).fontSize) * Math.hypot(to.a, to.b)))
"""


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    chromium = program()
    if chromium is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    with browser(chromium, tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    home = a_home(folder / "home", *EXITS)
    log(home, *facts(*EXITS))
    foretold(home)
    assert main(["--home", str(folder / "home"), "--out", str(folder)]) == 0
    return folder / "report.html"


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_page_shows_whole_without_a_network_or_a_complaint(
    tab: Tab, report: Path, size: str, *, dark: bool
) -> None:
    width, height = SIZES[size]

    tab.show(report, width, height, dark=dark)

    asked = [event["request"]["url"] for event in tab.events("Network.requestWillBeSent")]
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert tab.events("Log.entryAdded") == []
    assert tab.events("Runtime.consoleAPICalled") == []
    assert tab.events("Runtime.exceptionThrown") == []
    assert tab.value("document.documentElement.scrollWidth") <= width
    assert tab.value(HIDDEN_BY_MISTAKE) == 0
    assert tab.value(CHARTS) == 7
    _keep(tab, f"{size}-{'dark' if dark else 'light'}")


@pytest.mark.parametrize("size", SIZES)
def test_letters_in_the_charts_can_be_read(tab: Tab, report: Path, size: str) -> None:
    tab.show(report, *SIZES[size])

    assert tab.value(SMALLEST_LETTERS) >= 8


def test_label_stays_on_the_screen(tab: Tab, report: Path) -> None:
    tab.show(report, *SIZES["phone"])

    tab.value("scrollTo(0, 2000)")

    assert tab.value("document.querySelector('.label').getBoundingClientRect().top") == 0
    assert tab.value("scrollY") == 2000


def test_colours_follow_the_readers_choice(tab: Tab, report: Path) -> None:
    told = set()
    for dark in (False, True):
        tab.show(report, *SIZES["desktop"], dark=dark)
        told.add(tab.value("getComputedStyle(document.body).backgroundColor"))
        told.add(tab.value("getComputedStyle(document.querySelector('svg text')).fill"))

    assert len(told) == 4


def _keep(tab: Tab, name: str) -> None:
    """Leave a picture for a person to look at, where one is asked for."""
    if folder := os.environ.get("PLASMATRADER_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / f"report-{name}.png").write_bytes(tab.picture())
