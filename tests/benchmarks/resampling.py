"""How often the truth lies within the Sharpe ratio's interval, and what `arch` makes of the same.

    python -m tests.benchmarks.resampling [--series 300] [--arch PYTHON]

PYTHON is the interpreter of an environment in which `arch` is installed; without it only the
coverage is told. Returns go on from each other by 0 or .3; their true ratio is .05 a day.
"""

import argparse
import json
import subprocess
import sys
from math import sqrt
from pathlib import Path
from time import perf_counter

import numpy as np

from domain.resampling import block_length, sharpe_interval
from domain.units import Floats

RATIO = 0.05

PEER = """
import json, sys
import numpy as np
from arch.bootstrap import StationaryBootstrap, optimal_block_length

def ratio(x):
    return np.array([x.mean() / x.std(ddof=1)])

told = []
for returns in map(np.array, json.load(sys.stdin)):
    length = max(1.0, float(optimal_block_length(returns)["stationary"].iloc[0]))
    drawn = StationaryBootstrap(length, returns, seed=np.random.default_rng(0))
    low, high = drawn.conf_int(ratio, reps=5000, method="percentile").ravel()
    told.append((length, float(low), float(high)))
print(json.dumps(told))
"""


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=300)
    parser.add_argument("--arch", type=Path, metavar="PYTHON")
    options = parser.parse_args()
    for weight in (0.0, 0.3):
        for length in (30, 60, 250, 1000):
            print(_covered(weight, length, options.series), flush=True)
    if options.arch is not None:
        print(_beside(options.arch))
    return 0


def returns(weight: float, length: int, seed: int) -> Floats:
    """Days whose true Sharpe ratio is RATIO, each going on from the one before."""
    found = np.random.default_rng(seed).normal(0, 0.01, length + 50)
    for n in range(1, len(found)):
        found[n] += weight * found[n - 1]
    return np.asarray(found[50:] + RATIO * 0.01 / sqrt(1 - weight**2))


def _covered(weight: float, length: int, series: int) -> str:
    begun = perf_counter()
    found = [sharpe_interval(returns(weight, length, seed)) for seed in range(series)]
    inside = np.mean([x is not None and x[0] <= RATIO <= x[1] for x in found])
    each = 1000 * (perf_counter() - begun) / series
    return f"autocorrelation {weight}, {length} days: {inside:.1%} within, {each:.0f} ms each"


def _beside(peer: Path) -> str:
    series = [returns(weight, 365, seed) for weight in (0.0, 0.3, 0.6) for seed in range(10)]
    asked = json.dumps([x.tolist() for x in series])
    answer = subprocess.run(
        [str(peer), "-c", PEER], input=asked, capture_output=True, text=True, check=True
    )
    theirs = np.array(json.loads(answer.stdout))
    ours = np.array([(block_length(x), *(sharpe_interval(x) or (np.nan, np.nan))) for x in series])
    apart = np.abs(ours - theirs)
    width = (theirs[:, 2] - theirs[:, 1]).mean()
    return (
        f"arch, {len(series)} series of a year: blocks differ by {apart[:, 0].max():.2g} at most, "
        f"ends by {apart[:, 1:].mean() / width:.2%} of the width on average, "
        f"{apart[:, 1:].max() / width:.2%} at most"
    )


if __name__ == "__main__":
    sys.exit(main())
