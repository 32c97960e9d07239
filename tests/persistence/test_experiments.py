import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from domain.errors import SettingsInvalid
from domain.units import DAY, Nanos
from persistence.experiments import Experiment, ExperimentLog, Trials, default_experiments
from tests.builders import NOON

AN_EXPERIMENT = Experiment(
    at=Nanos(NOON + 400 * DAY),
    data="BTCUSDT-1m.parquet",
    begin=NOON,
    end=Nanos(NOON + 30 * DAY),
    model="9c4c",
    parameters={"confidence": 0.7, "maker": False, "horizon": "1h"},
    seed=1,
    label="base",
    sharpe=-0.05,
    trades=700,
    pnl=-21.5,
)


def recorded(path: Path, *experiments: Experiment) -> ExperimentLog:
    log = ExperimentLog(path / "experiments.jsonl")
    for one in experiments:
        log.record(one)
    return log


def test_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    log = recorded(tmp_path, AN_EXPERIMENT)

    (variant,) = log.read().variants

    assert variant.runs == (AN_EXPERIMENT,)
    line = json.loads(log.path.read_text(encoding="utf-8"))
    assert (line["from"], line["to"]) == ("2025-03-01T12:00:00.000Z", "2025-03-31T12:00:00.000Z")


def test_variants_differ_by_model_and_parameters_not_by_period_or_label(tmp_path: Path) -> None:
    later = replace(AN_EXPERIMENT, end=Nanos(NOON + 90 * DAY), label="again", sharpe=0.03)
    bolder = replace(AN_EXPERIMENT, parameters=AN_EXPERIMENT.parameters | {"confidence": 0.6})
    walk = replace(AN_EXPERIMENT, model="random walk")

    tried = recorded(tmp_path, AN_EXPERIMENT, later, bolder, walk).read()

    assert [len(variant.runs) for variant in tried.variants] == [2, 1, 1]
    # 30 days of -.05 and 90 days of .03.
    assert tried.variants[0].sharpe == pytest.approx(0.01)
    assert tried.sharpes.tolist() == pytest.approx([0.01, -0.05, -0.05])


def test_same_run_again_takes_the_place_of_the_first(tmp_path: Path) -> None:
    again = replace(AN_EXPERIMENT, at=Nanos(NOON + 401 * DAY), sharpe=0.2)

    (variant,) = recorded(tmp_path, AN_EXPERIMENT, again).read().variants

    assert variant.runs == (again,)


def test_number_is_the_same_parameter_however_it_is_written(tmp_path: Path) -> None:
    one, same = (replace(AN_EXPERIMENT, parameters={"hours": hours}) for hours in (1, 1.0))

    assert len(recorded(tmp_path, one, same).read().variants) == 1


def test_run_too_short_for_a_ratio_counts_as_tried(tmp_path: Path) -> None:
    tried = recorded(tmp_path, replace(AN_EXPERIMENT, sharpe=None)).read()

    assert (len(tried.variants), len(tried.sharpes)) == (1, 0)
    assert tried.variants[0].sharpe is None


def test_torn_last_line_is_passed_over_and_counted(tmp_path: Path) -> None:
    log = recorded(tmp_path, AN_EXPERIMENT)
    with log.path.open("ab") as file:
        file.write(b'{"at":"2026-0')

    assert (len(log.read().variants), log.read().broken) == (1, 1)

    log.record(replace(AN_EXPERIMENT, model="other"))
    assert (len(log.read().variants), log.read().broken) == (2, 1)


@pytest.mark.parametrize("line", [b"", b"{}", b"\xff", b'{"at":1}', b"null"])
def test_line_that_tells_of_no_run_is_counted(tmp_path: Path, line: bytes) -> None:
    log = recorded(tmp_path, AN_EXPERIMENT)
    whole = log.path.read_bytes()
    log.path.write_bytes(line + b"\n" + whole.replace(b"2025-03-01T12", b"noon") + whole)

    assert (len(log.read().variants), log.read().broken) == (1, 2)


MANY = """
import sys
from dataclasses import replace
from pathlib import Path
from persistence.experiments import ExperimentLog
from tests.persistence.test_experiments import AN_EXPERIMENT

log = ExperimentLog(Path(sys.argv[1]))
for seed in range(40):
    log.record(replace(AN_EXPERIMENT, label=sys.argv[2] * 3000, model=sys.argv[2], seed=seed))
"""


def test_two_processes_append_at_once_without_losing_a_line(tmp_path: Path) -> None:
    log = ExperimentLog(tmp_path / "new" / "experiments.jsonl")
    root = Path(__file__).parents[2]

    both = [
        subprocess.Popen([sys.executable, "-c", MANY, str(log.path), name], cwd=root)
        for name in ("a", "b")
    ]
    assert [one.wait(60) for one in both] == [0, 0]

    tried = log.read()
    assert tried.broken == 0
    assert sorted((x.model, len(x.runs)) for x in tried.variants) == [("a", 40), ("b", 40)]


def test_without_a_file_nothing_was_tried(tmp_path: Path) -> None:
    assert ExperimentLog(tmp_path / "none").read() == Trials()


def test_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="cannot be written"):
        ExperimentLog(tmp_path).record(AN_EXPERIMENT)
    with pytest.raises(SettingsInvalid, match="cannot be read"):
        ExperimentLog(tmp_path).read()


def test_log_lies_among_the_persons_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_experiments() == tmp_path / "plasmatrader" / "experiments.jsonl"

    monkeypatch.delenv("XDG_DATA_HOME")
    assert default_experiments().parts[-4:-1] == (".local", "share", "plasmatrader")
