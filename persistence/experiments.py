"""The experiment log: a line for each backtest that was ever run, so that no search goes uncounted.

Who looks at a hundred variants and shows the best one has measured luck. A figure can be corrected
for that only if the hundred were counted, so each run is written down here before anyone sees its
report: one JSON object a line, appended under a lock and synced.
"""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from domain.errors import SettingsInvalid
from domain.moments import instant, moment
from domain.units import Floats, Nanos

FILE_MODE = 0o600

Parameter = str | float | int | bool | None
"""A number, a name or a switch of a policy."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """One run over a period of the past.

    Attributes:
        at: when it ended, by the wall clock.
        data: what it read, in a few words.
        begin: first moment of the period.
        end: last moment of it.
        model: SHA-256 of the weights, or the name of what forecast in their place.
        parameters: of the policy, by name.
        seed: of latencies and of the modelled book.
        label: what it was run for, in a few words.
        sharpe: of its daily returns, not annualised; None where they have none.
        trades: that were closed.
        pnl: after all costs [quote currency].
    """

    at: Nanos
    data: str
    begin: Nanos
    end: Nanos
    model: str
    parameters: dict[str, Parameter]
    seed: int
    label: str
    sharpe: float | None
    trades: int
    pnl: float


@dataclass(frozen=True, slots=True)
class Variant:
    """A strategy that was tried: one model with one set of parameters, over whatever periods.

    Attributes:
        model: of its runs.
        parameters: of its runs.
        runs: those that differ in data, period or seed, oldest first; of those that do not, the
            newest one.
    """

    model: str
    parameters: dict[str, Parameter]
    runs: tuple[Experiment, ...]

    @property
    def sharpe(self) -> float | None:
        """Mean of its runs' daily Sharpe ratios, each by the length of its period."""
        known = [(x.sharpe, x.end - x.begin) for x in self.runs if x.sharpe is not None]
        if not known:
            return None
        ratios, lengths = zip(*known, strict=True)
        return float(np.average(ratios, weights=lengths))


@dataclass(frozen=True, slots=True)
class Trials:
    """All that was tried.

    Attributes:
        variants: in the order in which they were tried first.
        broken: lines of the log that could not be read.
    """

    variants: tuple[Variant, ...] = ()
    broken: int = 0

    @property
    def sharpes(self) -> Floats:
        """Daily Sharpe ratios of the variants that have one, shape (m,)."""
        return np.array([x.sharpe for x in self.variants if x.sharpe is not None], np.float64)


class ExperimentLog:
    """The file, which any number of processes may append to at once."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def record(self, experiment: Experiment) -> None:
        """Append one run durably.

        Raises:
            SettingsInvalid: the file cannot be written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, FILE_MODE)
            try:
                fcntl.flock(file, fcntl.LOCK_EX)  # let go of as the file is closed
                _append(file, _encoded(experiment))
            finally:
                os.close(file)
        except OSError as error:
            raise _unusable(self.path, "written", error) from error

    def read(self) -> Trials:
        """All that was tried; nothing where there is no file yet.

        A line that makes no sense, as the last one of a run that was killed, is passed over and
        counted.

        Raises:
            SettingsInvalid: the file cannot be read.
        """
        found, broken = list[Experiment](), 0
        try:
            with self.path.open("rb") as file:
                for line in file:
                    try:
                        found.append(_decoded(line))
                    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, OverflowError):
                        broken += 1
        except FileNotFoundError:
            return Trials()
        except OSError as error:
            raise _unusable(self.path, "read", error) from error
        return Trials(_variants(found), broken)


class _Line(msgspec.Struct, rename={"begin": "from", "end": "to"}):
    """An experiment as the file has it: moments in RFC 3339."""

    at: str
    data: str
    begin: str
    end: str
    model: str
    parameters: dict[str, Parameter]
    seed: int
    label: str
    sharpe: float | None
    trades: int
    pnl: float


def default_experiments() -> Path:
    """Where the experiment log is where nobody names one."""
    base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "plasmatrader" / "experiments.jsonl"


def _append(file: int, line: bytes) -> None:
    size = os.fstat(file).st_size
    # What a killed run left half written is ended, so that ours begins on its own.
    torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
    rest = memoryview(b"\n" * torn + line + b"\n")
    while rest:
        rest = rest[os.write(file, rest) :]
    os.fsync(file)


def _encoded(run: Experiment) -> bytes:
    fields = {name: getattr(run, name) for name in run.__slots__}
    moments = {name: moment(fields[name]) for name in ("at", "begin", "end")}
    return msgspec.json.encode(_Line(**(fields | moments)))


def _decoded(line: bytes) -> Experiment:
    """The run that a line tells of; raises MsgspecError or ValueError where it tells of none."""
    found = msgspec.structs.asdict(_DECODER.decode(line))
    moments = {name: instant(found[name]) for name in ("at", "begin", "end")}
    return Experiment(**(found | moments))


_DECODER = msgspec.json.Decoder(_Line)


def _variants(runs: list[Experiment]) -> tuple[Variant, ...]:
    """The runs by what was tried; of those that were run again the newest."""
    found: dict[object, dict[object, Experiment]] = {}
    for run in runs:
        # 1 and 1.0 are one parameter, as they are one key.
        same = found.setdefault((run.model, frozenset(run.parameters.items())), {})
        same[run.data, run.begin, run.end, run.seed] = run
    each = (tuple(same.values()) for same in found.values())
    return tuple(Variant(these[0].model, these[0].parameters, these) for these in each)


def _unusable(path: Path, how: str, error: OSError) -> SettingsInvalid:
    return SettingsInvalid(f"{path} cannot be {how} ({error.strerror})")
