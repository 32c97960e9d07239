from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from domain.facts import Accounted
from domain.units import MINUTE, Nanos
from persistence.report.curve import BY_CANDLES, BY_FILLS, BY_LOG, curve, held
from persistence.report.history import history
from persistence.report.source import NO_PRICES, Prices, of_home
from tests.builders import NOON, money
from tests.persistence.report.runs import MINUTES, a_home, facts, log


def test_what_was_held_is_valued_at_each_close(tmp_path: Path) -> None:
    a_home(tmp_path, "101")

    line = curve(of_home(tmp_path))

    # Half a coin for 100.02, of which the fee is gone; the seventh candle closes at 106.
    at = int(np.flatnonzero(line.at == NOON + 7 * MINUTE)[0])
    assert line.equity[at] == pytest.approx(10_000 + 0.5 * (106 - 100.02) - 0.020004)
    assert line.wallet[at] == pytest.approx(10_000 - 0.020004)
    assert (line.basis, line.doubtful) == (BY_CANDLES, 0)


def test_curve_begins_with_the_ledger_and_ends_where_it_does(tmp_path: Path) -> None:
    a_home(tmp_path, "101", "98.5", "98")
    source = of_home(tmp_path)

    line = curve(source)

    assert (line.at[0], line.at[-1]) == (NOON, NOON + MINUTES * MINUTE)
    assert (np.diff(line.at) >= 0).all()
    assert line.equity[0] == 10_000
    assert line.equity[-1] == pytest.approx(float(source.history.last.wallet))


def test_log_values_what_was_held_where_there_are_no_candles(tmp_path: Path) -> None:
    log(a_home(tmp_path, "101", prices=False), *facts("101"))

    line = curve(of_home(tmp_path))

    assert line.basis == BY_LOG
    at = int(np.flatnonzero(line.at == NOON + 7 * MINUTE)[0])
    assert line.equity[at] == pytest.approx(10_000 - 0.020004 - 0.5 * 0.02)


def test_log_that_contradicts_the_ledger_is_counted_and_not_believed(tmp_path: Path) -> None:
    home = a_home(tmp_path, "101", prices=False)
    lie = Accounted(Nanos(NOON + MINUTE // 2), money(77_777), money(77_777), 0.0)
    log(home, *facts("101"))
    log(home, lie)

    line = curve(of_home(tmp_path))

    assert line.doubtful == 1
    assert line.equity.max() < 11_000


def test_ledger_alone_knows_the_fills_only(tmp_path: Path) -> None:
    a_home(tmp_path, "101", prices=False)

    line = curve(of_home(tmp_path))

    assert line.basis == BY_FILLS
    assert len(line.at) == 4


def test_position_that_is_open_at_the_end_counts_at_its_last_price(tmp_path: Path) -> None:
    a_home(tmp_path, "101", prices=False)
    source = of_home(tmp_path)
    short = replace(source, history=history(source.kept.entries[:-1], ()))

    assert curve(short).equity[-1] == pytest.approx(10_000 - 0.020004)


def test_holding_pays_one_fee_and_follows_the_price() -> None:
    prices = Prices(np.array([1, 2, 3]), np.array([100.0, 50.0, 200.0]))

    line = held(prices, 10_000.0)

    assert line is not None
    assert line.equity.tolist() == pytest.approx([10_000, 9_996, 4_998, 19_992])
    assert held(NO_PRICES, 10_000.0) is None
