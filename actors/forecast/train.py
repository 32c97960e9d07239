"""`pt-train`: trains a Chronos-Bolt of our own on candle files."""

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from actors.forecast.corpus import Candles, between, read_all
from actors.forecast.windows import Mixture, mixture
from domain.errors import SettingsInvalid
from persistence.arguments import Parser, path

DAY_MS = 86_400_000
"""Milliseconds in a day."""

PURGED_DAYS = 3
"""Days between the last training close and the first one of an examination.

More than the 64 hours that the longest window looks ahead."""

EXAM_DAYS = 178
"""Days whose windows choose the checkpoint: with the purged gap, half a year."""

PAPER = 1500
"""Windows of each timeframe in an examination."""

NOTHING_LATER = "holds too few later candles to examine on: lower --until"

STEPS_MAX = 999_999
"""Steps where only time is to end the training."""

SIZE_NAMES = ("nano", "small", "medium", "large")
"""What `--size` takes; the widths are in `network.SIZES`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status: 0 trained, 2 arguments or data unusable."""
    try:
        _train(_parser().parse_args(arguments))
    except SettingsInvalid as error:
        sys.stderr.write(f"pt-train: {error}\n")
        return 2
    except KeyboardInterrupt:
        _say("stopped; the same command goes on from the last line of progress")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="pt-train",
        description="Train a Chronos-Bolt on candles up to a date.",
        allow_abbrev=False,
    )
    for flag, meaning in OPTIONS.items():
        parser.add_argument(flag, **meaning)
    return parser


def _train(options: argparse.Namespace) -> None:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in engine.load
    from actors.forecast import exam, network, verification  # noqa: PLC0415 - seconds that --help need not wait
    from actors.forecast.training import PEAK, PEAK_AGAIN, Schedule, Training  # noqa: PLC0415

    corpus = read_all(options.data)
    end_ms = midnight_ms(options.until) + DAY_MS
    learnt, examined, blend = _split(corpus, end_ms)
    _make(options.out)
    model = network.begin(options.start, options.size, options.seed)
    fresh = options.start is None
    peak = PEAK if fresh else PEAK_AGAIN
    schedule = Schedule(options.hours * 3600, options.steps, options.seed, peak, half=fresh)
    training = Training(model, schedule, options.out, _settings(options))
    parameters = sum(tensor.numel() for tensor in model.parameters())
    _say(f"{parameters:,} parameters, {len(corpus)} files, learning until {options.until}")
    if training.resume():
        _say("going on from where the last training in this folder stopped")
    papers = exam.prepare(learnt, examined, PAPER)
    if not papers:
        raise SettingsInvalid(f"{corpus[0].name} {NOTHING_LATER}")
    best = training.run(blend, papers, _say)
    _say(f"best {best:.4f} of rw-ewma's loss, in {options.out}")
    found = verification.write_beside(options.out)
    _say(f"verified against {found.against}: {found.error:.0e}")


def _split(corpus: Sequence[Candles], end_ms: int) -> tuple[Candles, Candles, Mixture]:
    """The year before the end and the half year after the gap of the first file; what to learn."""
    start = end_ms + PURGED_DAYS * DAY_MS
    examined = between(corpus[0], start, start + EXAM_DAYS * DAY_MS)
    blend = mixture([between(candles, 0, end_ms) for candles in corpus])
    if blend is None:
        raise SettingsInvalid("--data holds no unbroken window that ends by --until")
    learnt = between(corpus[0], end_ms - 365 * DAY_MS, end_ms)
    if not len(examined.closes):
        raise SettingsInvalid(f"{corpus[0].name} {NOTHING_LATER}")
    return learnt, examined, blend


def _settings(options: argparse.Namespace) -> str:
    """What has to be the same for a training to be the one that was begun."""
    names = sorted(path.name for path in options.data)
    start = None if options.start is None else _sha(options.start / "model.safetensors")
    return json.dumps([names, str(options.until), options.size, options.seed, start])


def _sha(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsInvalid(f"cannot write to {folder}: {error.strerror}") from error


def midnight_ms(day: date) -> int:
    """The day's first moment [ms since 1970-01-01 UTC]."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"not a date like 2024-12-31: {text!r}") from None


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e6:  # noqa: PLR2004 - also refuses nan
        raise argparse.ArgumentTypeError(f"not a positive number: {text!r}")
    return number


def _positive_whole(text: str) -> int:
    number = _positive(text)
    if not number.is_integer():
        raise argparse.ArgumentTypeError(f"not a whole number: {text!r}")
    return int(number)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


OPTIONS: dict[str, dict[str, Any]] = {
    "--data": {
        "type": path,
        "nargs": "+",
        "required": True,
        "metavar": "PATH",
        "help": "parquet files of 1m or 5m candles, or folders; the first is examined on",
    },
    "--until": {
        "type": _date,
        "default": date(2024, 12, 31),
        "metavar": "DATE",
        "help": "last day to learn from, UTC (default %(default)s); the next half year chooses",
    },
    "--out": {
        "type": path,
        "required": True,
        "metavar": "DIR",
        "help": "folder for config.json and model.safetensors; resumes what was begun there",
    },
    "--from": {
        "type": path,
        "dest": "start",
        "metavar": "CHECKPOINT",
        "help": "folder with weights to start from; its size counts then",
    },
    "--size": {
        "choices": SIZE_NAMES,
        "default": "small",
        "help": "of a fresh network: %(choices)s (default %(default)s)",
    },
    "--hours": {
        "type": _positive,
        "default": 1.0,
        "metavar": "H",
        "help": "time to train (default %(default)s)",
    },
    "--steps": {
        "type": _positive_whole,
        "default": STEPS_MAX,
        "metavar": "N",
        "help": "steps to train at most, 256 windows each",
    },
    "--seed": {
        "type": int,
        "default": 0,
        "metavar": "N",
        "help": "of weights and windows (default %(default)s)",
    },
}
"""What the command understands."""


if __name__ == "__main__":
    sys.exit(main())
