"""The real program, killed at random instants and robbed of its disk: it loses nothing.

Eight kills come with all tests. The long form, which also prints how long recovery took:
`PLASMATRADER_KILLS=200 python -m pytest -s tests/test_chaos.py -k killed`.
"""

import os
from collections import Counter
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from tests.damage import RUINS, fill_up, ruin, small_disk
from tests.fills import Fill, booked
from tests.models import opinionated
from tests.trader import SOON, Trader

KILLS = int(os.environ.get("PLASMATRADER_KILLS", "8"))
MANY = 30

pytestmark = pytest.mark.timeout(300 if KILLS < MANY else 0)

LIFE_SECONDS_MAX = 1.5 if KILLS < MANY else 4.0
"""How long a trader lives at most before it is killed, from its first word [s]."""

RECOVERED_SECONDS_MAX = 60.0
"""The promise: trading again, this long after a crash [s]."""


def test_trader_killed_at_any_moment_has_every_fill_it_told_of_exactly_once(
    tmp_path: Path,
) -> None:
    model, home = opinionated(tmp_path / "model", shift=0.3), tmp_path / "home"
    generator = np.random.default_rng(7)
    told: Counter[Fill] = Counter()
    recoveries = []

    for _ in range(KILLS):
        trader = Trader(home, model)
        trader.live(LIFE_SECONDS_MAX * generator.random())
        trader.kill()
        told += trader.fills
        recoveries += [] if trader.ready is None else [trader.ready]
        assert told <= booked(home) if told else True

    last = Trader(home, model)
    last.hear("ready")
    last.hear("closed" if KILLS < MANY else "decision")  # many lives spend the day's probes
    assert last.interrupt() == 0
    told += last.fills
    assert told <= booked(home)
    recoveries.append(last.ready or SOON)
    assert max(recoveries) < RECOVERED_SECONDS_MAX
    worst = f"median {median(recoveries):.1f} s, worst {max(recoveries):.1f} s"
    print(f"{KILLS} kills, {told.total()} fills told, recovery {worst}")  # noqa: T201


def test_full_disk_pauses_trading_until_there_is_room_again(tmp_path: Path) -> None:
    model = opinionated(tmp_path / "model", shift=0.3)
    with small_disk(tmp_path / "disk") as disk:
        trader = Trader(disk / "home", model)
        trader.hear("fill")
        filler = fill_up(disk)

        assert "cannot be written" in trader.hear("halted")["reason"]
        trader.hear("decision", "cannot be written")
        filler.unlink()
        trader.hear("resumed", "can be written again")
        trader.hear("actor_restarted")
        trader.hear("fill")

        assert trader.interrupt() == 0
        assert trader.fills <= booked(disk / "home")


@pytest.mark.parametrize("fault", RUINS)
def test_store_that_is_ruined_under_a_guarded_trader_costs_seconds(
    tmp_path: Path, fault: str
) -> None:
    model, home = opinionated(tmp_path / "model", shift=0.3), tmp_path / "home"
    trader = Trader(home, model, "actors.guardian")
    trader.hear("fill")  # a damaged record is found by the first copy, when that is closed

    ruin(home, fault)

    trader.hear("note", "the trader before this one died")
    trader.hear("ready")
    assert trader.interrupt() == 0
    assert trader.fills <= booked(home)
