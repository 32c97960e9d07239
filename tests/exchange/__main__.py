"""Run the exchange by hand: `python -m tests.exchange --port 0 --speed 1 --seed 1`."""

import argparse
import sys
import threading
import time
from pathlib import Path

from actors.feed.demo import DemoSource
from actors.feed.recording import Recording
from actors.feed.source import Source
from domain.units import Nanos
from tests.exchange.server import Exchange


def _source(options: argparse.Namespace) -> Source:
    if options.replay is not None:
        return Recording(options.replay, options.history)
    return DemoSource(seed=options.seed, start=Nanos(time.time_ns()))


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.exchange", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--speed", type=float, default=1.0, help="times real time; inf: unpaced")
    parser.add_argument("--seed", type=int, default=1, help="of the demo market")
    parser.add_argument("--replay", type=Path, help="serve this recording instead of the demo")
    parser.add_argument("--history", type=Path, help="candles before the recording")
    options = parser.parse_args()
    with Exchange(_source(options), speed=options.speed, port=options.port) as exchange:
        sys.stdout.write(f"--rest {exchange.rest} --ws {exchange.ws} ")
        sys.stdout.write(f"--futures-rest {exchange.rest} --futures-ws {exchange.ws}\n")
        sys.stdout.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
