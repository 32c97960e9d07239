"""The table of half-years in the README: each a backtest of its own, from 10,000 USDT anew.

    python -m tests.benchmarks.half_years --data BTCUSDT-1m.parquet --out DIR [--model M]

With --model rw-ewma the random walk forecasts in place of Chronos-Bolt. A run that DIR holds
already is not repeated. Prints Markdown.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from time import monotonic
from typing import Any

ROOT = Path(__file__).parents[2]

HALVES = (
    ("2019-03-01", "2019-07-01"),
    ("2019-07-01", "2020-01-01"),
    *(
        (f"{y}-01-01", f"{y}-07-01") if n == 0 else (f"{y}-07-01", f"{y + 1}-01-01")
        for y in range(2020, 2025)
        for n in (0, 1)
    ),
    ("2025-01-01", "2025-07-01"),
    ("2025-07-01", "2025-08-31T23:59"),
)
"""From and to; the first begins when a thousand hours of history are there."""

HEAD = (
    *("from", "to", "trades", "won", "Sharpe (365 d)", "PnL", "fees", "coins as good"),
    *("buy and hold", "its Sharpe"),
)


def main() -> int:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="embedded")
    options = parser.parse_args()
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    for begin, end in HALVES:
        folder = options.out / begin
        if not (folder / "metrics.json").is_file():
            _run(options, begin, end, folder)
        print(_row(json.loads((folder / "metrics.json").read_text())), flush=True)
    return 0


def _run(options: argparse.Namespace, begin: str, end: str, folder: Path) -> None:
    begun = monotonic()
    words = ("--data", options.data, "--from", begin, "--to", end, "--model", options.model)
    log = ("--experiments", options.out / "experiments.jsonl", "--label", "half-years")
    command = (sys.executable, "-m", "actors.backtest", *words, *log, "--out", folder)
    done = subprocess.run(
        [str(word) for word in command], cwd=ROOT, check=True, capture_output=True, text=True
    )
    sys.stderr.write(f"{monotonic() - begun:.0f} s: {done.stdout}")


def _row(told: dict[str, Any]) -> str:
    coin, other = told["coin_flip"], told["buy_and_hold"]
    cells = (
        told["from"][:10],
        told["to"][:10],
        str(told["trades"]),
        _with_interval(told["win_rate"], told["win_rate_interval"], "{:.0%}"),
        _with_interval(told["sharpe_365"], told["sharpe_365_interval"], "{:.2f}"),
        f"{told['pnl']:+.0f}",
        f"{told['fees']:.0f}",
        "none" if coin is None else f"{coin['as_good']:.0%}",
        f"{other['pnl']:+.0f}",
        f"{other['sharpe_365']:.2f}",
    )
    return f"| {' | '.join(cells)} |"


def _with_interval(value: float | None, bounds: list[float] | None, form: str) -> str:
    if value is None or bounds is None:
        return "none"
    low, high = (form.format(bound) for bound in bounds)
    return f"{form.format(value)} ({low} to {high})"


if __name__ == "__main__":
    sys.exit(main())
