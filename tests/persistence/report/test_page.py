import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from domain.ledger import restored
from persistence.experiments import Trials, Variant
from persistence.report.files import reported
from persistence.report.history import history
from persistence.report.page import page, warnings
from persistence.report.source import of_home
from tests.builders import NOON, an_account
from tests.persistence.report.runs import a_home, facts, foretold, log
from tests.persistence.test_experiments import AN_EXPERIMENT

VOID = {"meta", "link", "br"}


class Reader(HTMLParser):
    """Follows the tags; what it reads must be whole."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.handle_startendtag(tag, attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in {"script", "iframe", "img", "object"}
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.links += [
            value or "" for name, value in attrs if name in {"href", "src", "xlink:href"}
        ]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A replay with a log, made to a page."""
    path, exits = tmp_path_factory.mktemp("usual"), ("101", "99", "98.5", "104")
    log(a_home(path, *exits), *facts(*exits))
    return page(reported(of_home(path)))


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    assert reader.open == []
    return reader


def words(html: str) -> str:
    return " ".join(read(html).text.split())


@pytest.mark.parametrize("market", ["live", "demo-1", "replay-x", "replaced-1"])
def test_label_is_the_first_thing_on_the_page(tmp_path: Path, market: str) -> None:
    a_home(tmp_path, market=market)

    html = page(reported(of_home(tmp_path)))

    label = "UNKNOWN MARKET" if market == "replaced-1" else market.partition("-")[0].upper()
    assert words(html).startswith(f"{label} · PlasmaTrader report {label}")
    assert html.index(f'class="label {label.lower()}"') < html.index("<main>")


def test_page_needs_nothing_from_outside_and_is_whole(usual: str) -> None:
    reader = read(usual)

    assert all(link.startswith(("#", "data:")) for link in reader.links)
    assert len(reader.ids) == len(set(reader.ids))
    assert {link[1:] for link in reader.links if link.startswith("#")} <= set(reader.ids)


def test_colours_are_the_pages_own(usual: str) -> None:
    assert "#01020" not in usual
    for svg in re.findall("<svg.*?</svg>", usual, flags=re.DOTALL):
        assert "#000000" not in svg
        assert "DejaVu" not in svg


def test_all_parts_of_the_report_are_there(usual: str) -> None:
    text = words(usual)

    for part in (
        *("Equity and drawdown", "Beside buying and holding", "Costs", "Months", "Calmar"),
        *("Trades on the price", "Distribution of trades", "Forecasts against what came"),
        *("Refusals", "Operation", "Every trade", "Uptime", "Sharpe, 365 days", "time limit"),
        "What the Sharpe ratio is worth",
    ):
        assert part in text, part


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "No trade was"), (1, "Only one trade was"), (49, "Only 49 trades were")],
)
def test_fewer_than_fifty_trades_are_said_to_prove_nothing(
    tmp_path: Path, count: int, said: str
) -> None:
    a_home(tmp_path, *["101"] * count)

    first = warnings(reported(of_home(tmp_path)))[0]

    assert first.startswith(said)
    assert "not significant" in first


def test_fifty_trades_are_enough(tmp_path: Path) -> None:
    a_home(tmp_path, *["101"] * 50)

    assert "significant" not in " ".join(warnings(reported(of_home(tmp_path))))


def test_restored_ledger_says_what_it_does_not_hold(tmp_path: Path) -> None:
    a_home(tmp_path)
    source = of_home(tmp_path)
    entry = restored(an_account(), NOON)
    kept = replace(source.kept, entries=(entry,))

    told = warnings(reported(replace(source, kept=kept, history=history(kept.entries, ()))))

    assert "what was before it is not in these figures" in told[-1]


def test_text_from_the_log_is_never_markup(usual: str) -> None:
    assert "<b>older</b>" not in usual
    assert "the book is <b>older</b> than 2 s" in words(usual)


def test_what_is_not_known_is_said_and_never_shown_as_zero(tmp_path: Path) -> None:
    a_home(tmp_path, "101", prices=False)

    text = words(page(reported(of_home(tmp_path))))

    for sentence in (
        "There is no log of this ledger: latencies, refusals, signals and uptime are unknown.",
        "Latencies stand in the log alone, and there is none.",
        "what holding would have brought cannot be said",
        "It cannot be said whether the signals were right: there is no log of this ledger.",
        "Not known: there is no log of this ledger.",
        "the price between the trades is not drawn",
        "between two fills nothing is known of what was held",
    ):
        assert sentence in text, sentence


def test_forecasts_that_nobody_kept_are_missed_aloud(usual: str) -> None:
    assert "No forecast of this period is kept" in words(usual)
    assert "Skill against a random walk" not in words(usual)


def test_forecasts_that_were_kept_are_judged_by_timeframe(tmp_path: Path) -> None:
    home = a_home(tmp_path, "101", prices=False)
    foretold(home)

    text = words(page(reported(of_home(tmp_path))))

    for part in ("Each timeframe's forecasts", "Calibration", "Skill against a random walk"):
        assert part in text, part
    assert re.search(r"1m566[\d.]+ %[\d.]+ %[\d.]+ %", text)


def test_ratio_that_was_searched_for_is_deflated_and_one_that_was_not_says_so(
    tmp_path: Path,
) -> None:
    a_home(tmp_path, *["101"] * 5)
    variant = Variant(AN_EXPERIMENT.model, AN_EXPERIMENT.parameters, (AN_EXPERIMENT,))

    usual, searched = (
        words(page(reported(of_home(tmp_path), trials))) for trials in (None, Trials((variant,), 2))
    )

    assert "How many variants were tried before this one was not told" in usual
    assert "the best that luck finds in 1 variant (deflated)" in searched
    assert "2 lines of that log could not be read" in searched
    assert "it takes 30 days" in usual


def test_modelled_book_is_said(usual: str) -> None:
    assert "MODELLED" in words(usual)


def test_open_position_is_told_apart_from_the_trades(tmp_path: Path) -> None:
    a_home(tmp_path, "101")
    source = of_home(tmp_path)
    cut = replace(source, history=history(source.kept.entries[:-1], ()))

    html = page(reported(cut))

    assert "Still open: long 0.5 BTC at 100.02, since 2025-03-01 12:05:00." in words(html)
    assert "No trade was closed." in words(html)
