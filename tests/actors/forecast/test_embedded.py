import json

import pytest

from actors.forecast import exam
from actors.forecast.corpus import between, read
from actors.forecast.sources import EMBEDDED
from actors.forecast.stock import load
from actors.forecast.train import DAY_MS
from domain.horizons import LEVELS
from tests.shared import shared

JULY_2025_MS = 1_751_328_000_000


def test_the_checkpoint_in_the_repository_is_small_and_has_our_levels() -> None:
    config = json.loads((EMBEDDED / "config.json").read_text())

    assert config["chronos_config"]["quantiles"] == list(LEVELS)
    assert config["chronos_config"]["prediction_length"] == 64
    assert config["dtype"] == "float32"
    assert sum(file.stat().st_size for file in EMBEDDED.iterdir()) < 8_000_000


def test_its_card_names_every_date_of_the_split() -> None:
    card = (EMBEDDED / "MODEL_CARD.md").read_text()

    for day in ("2024-12-31", "2025-06-30", "2025-07-01", "2025-08-31"):
        assert day in card


@pytest.mark.timeout(120)
def test_the_checkpoint_beats_a_random_walk_on_months_it_never_learnt_from() -> None:
    bitcoin = read(shared("klines/BTCUSDT-1m.parquet"))
    past = between(bitcoin, JULY_2025_MS - 365 * DAY_MS, JULY_2025_MS)
    later = between(bitcoin, JULY_2025_MS, JULY_2025_MS + 62 * DAY_MS)

    papers = exam.prepare(past, later, 400)

    assert len(papers) == 6
    assert exam.grade(load(EMBEDDED), papers) < 1.0
