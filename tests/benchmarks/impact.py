"""How much waits beyond the visible book: fits `domain.impact`, and says how far it is off.

Books of a thousand levels and more are rebuilt from a recorded session (snapshot and changes). On
the first half of the first session the power law is fitted; on the second half, and on every other
session named, what an order beyond the fifth level would really have paid stands beside what the
model says. The model's price is the far edge of each of its steps, so it should err on the dear
side.

    .venv/bin/python -m tests.benchmarks.impact
"""

import argparse
import csv
import gzip
import json
import sys
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from domain.impact import REACH_BPS, beyond
from domain.instrument import BTCUSDT
from domain.market import DEPTH, Side
from domain.units import BASIS_POINTS, Floats, Price, Quantity

DATA = Path(__file__).parents[2].parent / "shared" / "data"
SPOT_2024 = [
    DATA / "streams" / "spot_2024-08-08" / f"spot_btcusdt_2024080{day}.gz" for day in (8, 9)
]
SPOT_2026 = [
    DATA / "protocol" / "btcusdt_2026-06-07" / "rest_depth_limit5000.json",
    DATA / "streams" / "spot_2026-06-07" / "raw.csv.gz",
]
EVERY = 10
"""Of so many books one is measured: they change little from one to the next."""

GRID = np.array([0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10])
"""Distances from the last visible price at which the depth is measured [bps]."""

ORDERS = (10_000, 50_000, 100_000, 250_000, 500_000, 1_000_000)
"""What is wanted beyond the fifth level [USD]."""

Ladder = tuple[Floats, Floats]
"""Prices and quantities of one side, best first, both of shape (n,)."""


def main() -> int:
    """Fit, print the parameters, and the table of errors."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.parse_args()
    if not SPOT_2024[0].exists():
        sys.stdout.write("shared/data is not on this machine\n")
        return 0
    first = list(ladders(frames(SPOT_2024)))
    half = len(first) // 2
    found = np.array([filled_depth(ladder) for ladder in first[:half]])  # (books, GRID)
    for name, quantile in (("median", 0.5), ("lower quartile", 0.25)):
        coefficient, power = fitted(np.quantile(found, quantile, axis=0))
        print(f"{name}: {coefficient:,.0f} USD x bps ^ {power:.3f}")
    print("\n| books | wanted [USD] | paid [bps] | modelled [bps] | dearer than paid |")
    print("|---|---|---|---|---|")
    for name, chosen in (
        ("2024-08-09, second half", first[half:]),
        ("2026-06-07", list(ladders(frames(SPOT_2026)))),
    ):
        for wanted in ORDERS:
            print(row(f"{name} ({len(chosen)})", chosen, wanted))
    return 0


def row(name: str, chosen: list[Ladder], wanted: int) -> str:
    """What orders of this size paid beyond the fifth level, and what the model says they pay."""
    real = np.array([paid(ladder, wanted) for ladder in chosen])
    told = np.array([modelled(ladder, wanted) for ladder in chosen])
    share = float((told >= real).mean())
    return f"| {name} | {wanted:,} | {real.mean():.2f} | {told.mean():.2f} | {share:.0%} |"


def fitted(found: Floats) -> tuple[float, float]:
    """Coefficient and power of the line through the logarithms, by least squares."""
    power, level = np.polyfit(np.log(GRID), np.log(found), 1)
    return float(np.exp(level)), float(power)


def filled_depth(ladder: Ladder) -> Floats:
    """What waits beyond the fifth level up to each distance of GRID [USD]."""
    away, usd = _distances(ladder)
    reached = np.concatenate([[0.0], np.cumsum(usd)])  # nothing, the first level, the first two …
    return np.asarray(reached[np.searchsorted(away, GRID, side="right")])


def paid(ladder: Ladder, wanted: float) -> float:
    """Average distance from the fifth level of an order that takes so much beyond it [bps]."""
    away, usd = _distances(ladder)
    before = np.concatenate([[0.0], np.cumsum(usd)[:-1]])
    taken = np.clip(wanted - before, 0.0, usd)
    return float((taken * away).sum() / taken.sum())


def modelled(ladder: Ladder, wanted: float) -> float:
    """What `domain.impact` says of the same order [bps]."""
    prices, _ = ladder
    side = Side.BUY if prices[-1] > prices[0] else Side.SELL
    last = Price(Decimal(str(prices[DEPTH - 1])))
    levels = beyond(last, side, BTCUSDT, Quantity(Decimal(0)))
    left, cost = wanted, 0.0
    for level in levels:
        taken = min(left, float(level.price * level.quantity))
        cost += taken * float(abs(level.price / last - 1)) * BASIS_POINTS
        left -= taken
    return cost / (wanted - left)


def _distances(ladder: Ladder) -> Ladder:
    """Each level beyond the visible ones: how far away [bps], and its value [USD]."""
    prices, quantities = ladder[0][DEPTH:], ladder[1][DEPTH:]
    away = np.abs(prices / ladder[0][DEPTH - 1] - 1) * BASIS_POINTS
    return away, prices * quantities


def frames(paths: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """Every snapshot and change of the book in these files."""
    for path in paths:
        if path.suffix == ".json":
            yield json.loads(path.read_text())
        elif path.name.endswith(".csv.gz"):
            with gzip.open(path, "rt", newline="") as rows:
                yield from (json.loads(line["payload_json"]) for line in csv.DictReader(rows))
        else:
            with gzip.open(path, "rt") as lines:
                found = (json.loads(line.partition(" ")[2]) for line in lines)
                yield from (frame.get("data", frame) for frame in found)


def ladders(found: Iterable[dict[str, Any]]) -> Iterator[Ladder]:
    """Both sides of one book in EVERY, where the snapshot reached REACH_BPS beyond the fifth."""
    sides: dict[str, dict[float, float]] = {"b": {}, "a": {}}
    edges, last, number = {"b": 0.0, "a": 0.0}, None, 0
    for frame in found:
        if len(frame.get("bids", ())) > DEPTH:
            last = frame["lastUpdateId"]
            for key, name in (("b", "bids"), ("a", "asks")):
                sides[key] = {float(x): float(y) for x, y in frame[name]}
                edges[key] = float(frame[name][-1][0])
        elif frame.get("e") == "depthUpdate" and last is not None and frame["u"] > last:
            for key, side in sides.items():
                side.update((float(x), float(y)) for x, y in frame[key])
            number += 1
            if number % EVERY == 0:
                yield from _sorted(sides, edges)


def _sorted(sides: dict[str, dict[float, float]], edges: dict[str, float]) -> Iterator[Ladder]:
    for key, side in sides.items():
        rising = sorted(side.items(), reverse=key == "b")
        prices = np.array([x for x, y in rising if y > 0])
        quantities = np.array([y for x, y in rising if y > 0])
        reached = (edges[key] / prices[DEPTH - 1] - 1) * BASIS_POINTS * (-1 if key == "b" else 1)
        if reached >= REACH_BPS:
            yield prices, quantities


if __name__ == "__main__":
    sys.exit(main())
