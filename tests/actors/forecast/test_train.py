from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from actors.forecast import resting, train
from actors.forecast.stock import ChronosBolt
from actors.forecast.training import RESUME
from tests.actors.forecast import made

UNTIL = "2023-12-15"
"""A month after the first made candle."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.candle_file(tmp_path_factory.mktemp("data") / "made.parquet", days=60)


@pytest.fixture(autouse=True)
def _short_papers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "PAPER", 40)


def _run(data: Path, out: Path, *more: str) -> int:
    usual = ["--data", str(data), "--until", UNTIL, "--out", str(out), "--size", "nano"]
    return train.main([*usual, "--steps", "2", *more])


def test_training_writes_a_checkpoint_that_forecasts(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(data, tmp_path) == 0

    forecast = ChronosBolt(tmp_path, "made").forecast(made.paths(2))
    assert np.isfinite(forecast).all()
    said = capsys.readouterr().out
    assert "step 2  100%" in said
    assert "0 min left" in said
    assert "of rw-ewma's loss" in said


def test_weights_lie_on_disk_in_sixteen_bits(data: Path, tmp_path: Path) -> None:
    _run(data, tmp_path)

    with safe_open(tmp_path / "model.safetensors", "pt") as weights:
        kinds = {weights.get_slice(name).get_dtype() for name in weights.keys()}  # noqa: SIM118
    assert kinds == {"F16"}


def test_the_same_command_goes_on_where_it_stopped(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(data, tmp_path)

    assert _run(data, tmp_path, "--steps", "5") == 0

    said = capsys.readouterr().out
    assert "going on" in said
    assert "step 5  100%" in said


def test_a_finished_training_is_not_done_again(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(data, tmp_path)
    weights = (tmp_path / "model.safetensors").read_bytes()
    capsys.readouterr()

    assert _run(data, tmp_path) == 0

    assert "step" not in capsys.readouterr().out
    assert (tmp_path / "model.safetensors").read_bytes() == weights


def test_the_same_seed_trains_the_same_weights(data: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        _run(data, tmp_path / name, "--seed", "7")

    a, b = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("a", "b"))
    assert a == b


def test_another_checkpoint_can_be_trained_on(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(data, tmp_path / "first")

    assert _run(data, tmp_path / "second", "--from", str(tmp_path / "first")) == 0
    assert "best" in capsys.readouterr().out


def test_other_settings_in_the_same_folder_are_refused(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(data, tmp_path)

    assert _run(data, tmp_path, "--seed", "9") == 2

    assert capsys.readouterr().err.endswith("holds a training with other settings\n")


def test_a_damaged_state_is_refused(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "resume.safetensors").write_bytes(b"nonsense")

    assert _run(data, tmp_path) == 2

    assert "it is damaged" in capsys.readouterr().err


def test_a_state_that_was_a_pickle_is_refused_unread(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "resume.pt").write_bytes(b"cos\nsystem\n(S'false'\ntR.")

    assert _run(data, tmp_path) == 2

    assert "of an earlier version" in capsys.readouterr().err


def test_a_training_goes_on_with_the_windows_that_one_not_stopped_would_draw(
    data: Path, tmp_path: Path
) -> None:
    _run(data, tmp_path / "whole", "--steps", "4")
    _run(data, tmp_path / "parts", "--steps", "2")
    _run(data, tmp_path / "parts", "--steps", "4")

    whole, parts = (
        resting.read(tmp_path / name / RESUME, torch.device("cpu")) for name in ("whole", "parts")
    )

    assert whole["draws"] == parts["draws"]
    assert whole["step"] == parts["step"] == 4
    assert set(whole["optimizer"]["state"]) == set(parts["optimizer"]["state"]) != set()
    assert list(tmp_path.rglob("*.pt")) == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--until", "yesterday"], "not a date"),
        (["--hours", "0"], "not a positive number"),
        (["--hours", "much"], "not a positive number"),
        (["--steps", "1.5"], "not a whole number"),
        (["--size", "huge"], "invalid choice"),
        (["--unknown"], "unrecognized arguments"),
    ],
)
def test_a_wrong_argument_ends_with_status_two(
    arguments: list[str],
    complaint: str,
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _run(data, tmp_path, *arguments) == 2

    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--data", "/no/such/file"], "cannot read candles from /no/such/file"),
        (["--until", "2020-01-01"], "no unbroken window"),
        (["--until", "2024-01-12"], "too few later candles"),
        (["--until", "2030-01-01"], "too few later candles"),
        (["--from", "/no/such/model"], "no model in /no/such/model"),
        (["--out", "/dev/null/model"], "cannot write to /dev/null/model"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_status_two(
    arguments: list[str],
    complaint: str,
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _run(data, tmp_path, *arguments) == 2

    error = capsys.readouterr().err
    assert complaint in error
    assert error.startswith("pt-train: ")
    assert error.count("\n") == 1


def test_a_checkpoint_with_other_levels_cannot_be_trained_on(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made.checkpoint(tmp_path / "nine", levels=(0.1, 0.5, 0.9))

    assert _run(data, tmp_path / "out", "--from", str(tmp_path / "nine")) == 2

    assert "its levels or horizon are not ours" in capsys.readouterr().err


def test_an_interrupted_training_says_how_to_go_on(
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "read_all", interrupt)

    assert _run(data, tmp_path) == 0

    assert "the same command goes on" in capsys.readouterr().out
