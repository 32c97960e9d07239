import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from actors.forecast import verification
from actors.forecast.engines import choose
from actors.forecast.sources import EMBEDDED
from actors.forecast.verification import (
    BESIDE,
    RECORDS,
    TOLERANCE,
    Verification,
    compared,
    examined,
    identity,
    main,
    recorded,
    write_beside,
)
from domain.errors import SettingsInvalid
from tests.actors.forecast import made, shapes
from tests.models import opinionated


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shapes.saved(tmp_path_factory.mktemp("tiny"), "tiny", shrink=4, num_layers=2)


def kept(models: Path, found: Verification) -> None:
    """As if this had come out of a verification once."""
    verification._keep(found, models)


def test_a_new_checkpoint_is_verified_in_a_process_of_its_own_and_never_again(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found, new = examined(folder, "tiny", tmp_path)

    assert new
    assert 0 < found.error < TOLERANCE
    assert found.against.startswith("chronos-forecasting 2.")
    assert capsys.readouterr().err == "verifying tiny against chronos-forecasting, once\n"
    assert list(json.loads((tmp_path / RECORDS).read_text())) == [identity(folder)]
    assert examined(folder, "tiny", tmp_path) == (found, False)
    assert capsys.readouterr().err == ""


def test_the_embedded_checkpoint_carries_its_verification(tmp_path: Path) -> None:
    record, again = recorded(EMBEDDED, tmp_path), compared(EMBEDDED)

    assert record is not None
    assert record.checkpoint == again.checkpoint
    assert record.passed
    assert again.passed


def test_a_checkpoint_for_tests_gives_the_numbers_of_stock(tmp_path: Path) -> None:
    assert compared(opinionated(tmp_path, shift=0.3)).passed


def test_a_changed_checkpoint_is_a_new_one(folder: Path, tmp_path: Path) -> None:
    for file in ("config.json", "model.safetensors"):
        (tmp_path / file).write_bytes((folder / file).read_bytes())
    write_beside(tmp_path)
    assert recorded(tmp_path, tmp_path / "models") is not None

    weights = load_file(tmp_path / "model.safetensors")
    name = next(iter(weights))
    save_file(weights | {name: weights[name] * np.float32(2)}, tmp_path / "model.safetensors")

    assert recorded(tmp_path, tmp_path / "models") is None


def test_a_checkpoint_that_differs_is_not_used(folder: Path, tmp_path: Path) -> None:
    kept(tmp_path, Verification(identity(folder), 3e-2, "chronos-forecasting 2"))

    with pytest.raises(SettingsInvalid, match=r"not used.*3\.0e-02.*5e-06") as refused:
        choose(str(folder), "exact", tmp_path)

    assert "\n" not in str(refused.value)
    assert refused.value.status == 2
    assert choose(str(folder), "stock", tmp_path).located.folder == folder


def test_a_checkpoint_without_a_number_for_an_error_is_not_used(
    folder: Path, tmp_path: Path
) -> None:
    kept(tmp_path, Verification(identity(folder), float("nan"), "chronos-forecasting 2"))

    with pytest.raises(SettingsInvalid, match="not used"):
        choose(str(folder), "exact", tmp_path)


def test_what_is_no_model_cannot_be_verified(tmp_path: Path) -> None:
    made.checkpoint(tmp_path, levels=(0.1, 0.5, 0.9))

    with pytest.raises(SettingsInvalid, match=r"cannot verify three: .*levels \.1 to \.9"):
        examined(tmp_path, "three", tmp_path / "models")


def test_the_command_prints_what_it_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(folder)]) == 0

    assert Verification(**json.loads(capsys.readouterr().out)).checkpoint == identity(folder)


def test_the_command_refuses_what_is_no_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 2

    assert "no model" in capsys.readouterr().err


def test_where_nothing_can_be_kept_the_model_is_used_all_the_same(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked = tmp_path / "models"
    blocked.write_text("no folder")

    kept(blocked, Verification(identity(folder), 0.0, "chronos-forecasting 2"))

    assert "cannot keep the verification" in capsys.readouterr().err


def test_damaged_records_count_for_nothing(folder: Path, tmp_path: Path) -> None:
    (tmp_path / RECORDS).write_text("[]")
    assert recorded(folder, tmp_path) is None

    (tmp_path / RECORDS).write_text("{")
    assert recorded(folder, tmp_path) is None


def test_a_choice_opens_as_a_verified_model() -> None:
    choice = choose("embedded", "exact", Path("/nowhere"))

    model = choice.open()

    assert (model.name, model.verified) == ("embedded", True)
    assert choice.located.notes == ()
    assert not (EMBEDDED / RECORDS).exists()
    assert (EMBEDDED / BESIDE).exists()
