import json
from pathlib import Path

import numpy as np
import pytest

from actors.forecast.engine import fingerprint
from actors.forecast.experience import FILE, experience, write
from actors.forecast.sources import EMBEDDED
from domain.calibration import untaught
from domain.errors import SettingsInvalid
from domain.units import HOUR, Nanos

END_OF_2024 = Nanos(1_735_689_600 * 10**9)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    known = untaught()
    known.factors[:] = np.linspace(-1, 1, known.factors.size).reshape(known.factors.shape)
    known.counts[:] = 1234
    known.quarters[2, 3, 5] = 0.25
    known.weekdays[2, 3, 6] = -0.5
    known.usual[:] = 0.7
    write(tmp_path / "experience.json", known, "ours", END_OF_2024)
    return tmp_path / "experience.json"


def test_a_model_begins_with_what_was_learnt_of_it(file: Path) -> None:
    known = experience("ours", END_OF_2024, file)

    assert known.factors[0, 0, 0] == -1
    assert (known.factors[-1, -1, -1], known.counts[0, 0]) == (1, 1234)
    assert (known.quarters[2, 3, 5], known.weekdays[2, 3, 6]) == (0.25, -0.5)
    assert known.usual[0, 0] == 0.7


def test_another_model_begins_with_the_markets_seasons_alone(file: Path) -> None:
    known, blank = experience("another", END_OF_2024, file), untaught()

    assert (known.quarters[2, 3, 5], known.weekdays[2, 3, 6]) == (0.25, -0.5)
    for name in ("factors", "counts", "usual"):
        assert (getattr(known, name) == getattr(blank, name)).all()


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="nowhere"):
        write(tmp_path / "nowhere" / "x.json", untaught(), "ours", END_OF_2024)


def test_nothing_is_known_before_it_was_learnt(file: Path) -> None:
    known = experience("ours", Nanos(END_OF_2024 - 1), file)

    assert known.counts.sum() == 0
    assert not known.quarters.any()


def test_the_embedded_model_brings_what_was_learnt_until_the_end_of_its_training() -> None:
    record = json.loads(FILE.read_text())

    assert record["model_sha"] == fingerprint(EMBEDDED)
    assert record["until"] == END_OF_2024

    known = experience(record["model_sha"], Nanos(END_OF_2024 + HOUR))
    assert (known.counts > 1000).all()
    assert np.abs(known.factors).max() < 0.5
    assert np.abs(known.quarters).max() < 1
