"""The whole program against an exchange that breaks every ten seconds.

    python -m tests.benchmarks.feed_faults --minutes 15 --seed 1

Ends with: alive, how long each reconnect took, whether the stored candles are the exchange's, how
many are interpolated, and how the memory went.
"""

import argparse
import json
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from actors.clock import wall_clock
from actors.feed.demo import DemoSource
from domain.horizons import Timeframe
from domain.market import Candle, Origin
from domain.units import MINUTE
from persistence.candles import CandleStore
from persistence.environment import open_to_read
from tests.exchange.server import Exchange
from tests.exchange.trouble import Trouble
from tests.program import started

EVERY, LASTING = 10.0, 8.0


def listened(process: subprocess.Popen[str], events: list[dict[str, Any]]) -> threading.Thread:
    """A thread that keeps what the program says."""

    def listen() -> None:
        assert process.stdout is not None
        events.extend(json.loads(line) for line in process.stdout)

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    return thread


def watched(process: subprocess.Popen[str], end: threading.Event) -> list[float]:
    """Memory of the program, every ten seconds [MiB]."""
    pages, memory = Path(f"/proc/{process.pid}/statm"), list[float]()
    while process.poll() is None and not end.wait(10):
        memory.append(int(pages.read_text().split()[1]) * 4096 / 2**20)
    return memory


def different(stored: Sequence[Candle], exchange: Exchange) -> list[tuple[Candle, Candle | None]]:
    """Stored minutes that the exchange has not, or has otherwise, each with the exchange's."""
    true = {one.open_time: one for one in exchange.market.candles(Timeframe.M1)}
    return [(one, true.get(one.open_time)) for one in stored if true.get(one.open_time) != one]


def report(
    home: Path, events: list[dict[str, Any]], exchange: Exchange, begun: int
) -> dict[str, Any]:
    with closing(open_to_read(home / "store")) as environment:
        store = CandleStore(environment)
        minutes = store.newest(Timeframe.M1, 2000)
        kinds = Counter(one.kind for t in Timeframe for one in store.newest(t, 2000))
    late = [one for one in minutes if one.close_time > begun]
    holes = (minutes[-1].open_time - minutes[0].open_time) // MINUTE + 1 - len(minutes)
    restored = [event["seconds"] for event in events if event["event"] == "feed_restored"]
    return {
        "events": dict(Counter(event["event"] for event in events)),
        "reconnects": len(restored),
        "longest reconnect [s]": max(restored, default=0.0),
        "minutes stored since the start": len(late),
        "minutes that differ from the exchange's": len(different(minutes, exchange)),
        "the first of them": different(minutes, exchange)[:1],
        "holes": holes,
        "why it stopped": [event["reason"] for event in events if event["event"] == "stopping"],
        "interpolated": kinds[Origin.INTERPOLATED],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    begun, events, end = wall_clock(), list[dict[str, Any]](), threading.Event()
    source = DemoSource(seed=options.seed, start=begun)
    with tempfile.TemporaryDirectory() as folder, Exchange(source) as exchange:
        futures = ("--futures-rest", exchange.rest, "--futures-ws", exchange.ws)
        where = ("--rest", exchange.rest, "--ws", exchange.ws, *futures)
        home = Path(folder)
        process = started("--headless", "--model", "embedded", "--home", home, *where)
        listener = listened(process, events)
        while not any(event["event"] in {"ready", "stopping"} for event in events):
            end.wait(0.1)
        trouble = Trouble(exchange, options.seed)
        striker = threading.Thread(target=trouble.keep_on, args=(EVERY, LASTING, end))
        striker.start()
        threading.Timer(options.minutes * 60, end.set).start()
        memory = watched(process, end)
        striker.join()
        end.clear()
        end.wait(20)  # the last fault is mended, the last minute is stored
        alive = process.poll() is None
        process.terminate()
        process.wait()
        listener.join()
        found = report(home, events, exchange, begun)
    print("alive:", alive, "| faults:", dict(Counter(trouble.struck)))
    for name, value in found.items():
        print(f"{name}: {value}")
    print("memory [MiB]:", " ".join(f"{x:.0f}" for x in memory[:: max(1, len(memory) // 15)]))


if __name__ == "__main__":
    main()
