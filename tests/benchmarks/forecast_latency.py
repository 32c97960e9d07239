"""What one forecast costs: time to load, latency of the 6 x 200 batch, throughput, peak memory.

Each row is a process of its own, since torch's threads and memory are settled once a process.

    .venv/bin/python tests/benchmarks/forecast_latency.py [--model NAME] [--rounds N]
"""

import argparse
import platform
import resource
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from actors.forecast.sources import locate
from actors.forecast.stock import ChronosBolt


def main() -> int:
    """Print one row for each number of threads."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--threads", type=int, help="measure here, with this many")
    options = parser.parse_args()
    if options.threads:
        print(row(options.model, options.rounds, options.threads))
        return 0
    print("| threads | load [s] | 6 x 200 median [ms] | 95 % [ms] | batch of 256 [windows/s] | peak memory [MB] |")  # fmt: skip # noqa: E501
    print("|---|---|---|---|---|---|", flush=True)
    for threads in ("1", "2"):
        again = [sys.executable, __file__, "--model", options.model, "--threads", threads]
        subprocess.run([*again, "--rounds", str(options.rounds)], check=True)
    print(f"\n{options.model} on {platform.machine()} {platform.system()}")
    print(f"Python {platform.python_version()}")
    return 0


def row(name: str, rounds: int, threads: int) -> str:
    """The figures of this process."""
    began = perf_counter()
    model = ChronosBolt(locate(name, Path("models")).folder, name)
    loaded = perf_counter() - began
    limit_threads(threads)
    small = [1e3 * seconds for seconds in timed(model, 6, rounds)]
    large = np.median(timed(model, 256, max(3, rounds // 30)))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    megabytes = memory / (1024 if sys.platform == "linux" else 1024**2)
    return (
        f"| {threads} | {loaded:.2f} | {np.median(small):.2f} | {np.quantile(small, 0.95):.2f} "
        f"| {256 / large:.0f} | {megabytes:.0f} |"
    )


def limit_threads(threads: int) -> None:
    """Let torch use this many threads from now on."""
    import torch  # noqa: PLC0415 - after the load that is measured

    torch.set_num_threads(threads)


def timed(model: ChronosBolt, count: int, rounds: int) -> list[float]:
    """Seconds of each of many forecasts of `count` series, after a few to warm up."""
    rng = np.random.default_rng(0)
    closes = 60_000 * np.exp(np.cumsum(rng.normal(0, 1e-3, (count, 200)), axis=1))
    seconds = []
    for _ in range(rounds + 5):
        began = perf_counter()
        model.forecast(closes)
        seconds.append(perf_counter() - began)
    return seconds[5:]


if __name__ == "__main__":
    sys.exit(main())
