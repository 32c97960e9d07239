"""What a replay of candles costs a minute of market time, with its forecasts and without.

The deterministic loop runs one day with the embedded model; processor time is taken around all of
it and around what the forecaster does, start-up left out.

    .venv/bin/python -m tests.benchmarks.replay_cost [--days 1]
"""

import argparse
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack, redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

from actors.forecast.actor import ForecastActor
from actors.loop import Loop
from actors.settings import parse
from actors.system import trade
from domain.units import DAY, MINUTE

CANDLES = Path(__file__).parents[2].parent / "shared" / "data" / "klines" / "BTCUSDT-1m.parquet"
FIRST = datetime(2025, 3, 1, tzinfo=UTC)


class Spent:
    """Processor time within one method [s]."""

    def __init__(self, held: ExitStack, owner: type, name: str) -> None:
        self.seconds = 0.0
        held.callback(setattr, owner, name, getattr(owner, name))
        setattr(owner, name, self._timed(getattr(owner, name)))

    def _timed(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            began = process_time()
            try:
                return method(*arguments)
            finally:
                self.seconds += process_time() - began

        return timed


def main() -> int:
    """Print one row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--days", type=int, default=1)
    days = parser.parse_args().days
    if not CANDLES.exists():
        print("shared/data is not on this machine")
        return 0
    last = FIRST + timedelta(days=days)
    with TemporaryDirectory() as home, ExitStack() as held:
        whole, forecasts = Spent(held, Loop, "_deliver"), Spent(held, ForecastActor, "receive")
        nothing = held.enter_context(Path(os.devnull).open("w"))
        with redirect_stdout(nothing):
            trade(
                parse(
                    [
                        *("--replay", str(CANDLES), "--speed", "max", "--headless"),
                        *("--from", f"{FIRST:%Y-%m-%d}", "--to", f"{last:%Y-%m-%d}"),
                        *("--home", home, "--model", "embedded"),
                    ]
                )
            )
    minutes = days * DAY // MINUTE
    rest = whole.seconds - forecasts.seconds
    print("| minutes | all [ms a minute] | forecasts | the rest |")
    print("|---|---|---|---|")
    figures = (1e3 * x / minutes for x in (whole.seconds, forecasts.seconds, rest))
    print(f"| {minutes} | " + " | ".join(f"{x:.2f}" for x in figures) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
