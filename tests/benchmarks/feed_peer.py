"""One peer's feed as a process of its own; its environment has nothing of ours.

    python feed_peer.py NAME ADDRESS

NAME is `unicorn`, `unicorn-picows`, `python-binance` or `ccxt`; ADDRESS the loopback exchange's
host and port. For each line on standard input it prints how much CPU and memory it has taken and
how many books and trades have been handed to whoever uses the library, all since `begin`.
"""

import asyncio
import json
import os
import resource
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

STREAMS = ("btcusdt@depth5@100ms", "btcusdt@trade")


class Heard:
    """What has come, the libraries' own form of it."""

    def __init__(self) -> None:
        self.books = 0
        self.trades = 0
        self.error = ""

    def frame(self, said: dict[str, Any]) -> None:
        """A frame of the combined stream."""
        if said.get("stream") == STREAMS[0]:
            self.books += 1
        elif said.get("stream") == STREAMS[1]:
            self.trades += 1
        elif said.get("e") == "error":
            self.error = f"{said.get('type')}: {said.get('m')}"


def unicorn(address: str, heard: Heard, library: str = "websockets") -> None:
    """Its callback, which is called where the frames are read."""
    kind = import_module("unicorn_binance_websocket_api").BinanceWebSocketApiManager
    manager = kind(
        exchange="binance.com",
        output_default="dict",
        websocket_base_uri=f"ws://{address}/",
        warn_on_update=False,
        disable_colorama=True,
        websocket_library=library,
        high_performance=True,
    )
    channels = [name.partition("@")[2] for name in STREAMS]
    manager.create_stream(
        channels,
        ["btcusdt"],
        process_stream_data=lambda data, **_: heard.frame(data),
    )


async def python_binance(address: str, heard: Heard) -> None:
    """Its multiplexed socket, read as fast as one can."""
    binance = import_module("binance")
    manager = binance.BinanceSocketManager(binance.AsyncClient())
    manager.STREAM_URL = f"ws://{address}/"
    async with manager.multiplex_socket(list(STREAMS)) as socket:
        while True:
            heard.frame(await socket.recv())


async def ccxt(address: str, heard: Heard) -> None:
    """Its trades and its book: it reads no partial books, so it gets changes of as many levels."""
    exchange = import_module("ccxt.pro").binance({"newUpdates": True})
    exchange.urls["api"]["ws"]["spot"] = f"ws://{address}/ws/stream"
    exchange.urls["api"]["public"] = f"http://{address}/api/v3"
    market = {"id": "BTCUSDT", "lowercaseId": "btcusdt", "symbol": "BTC/USDT", "spot": True}
    market |= {"base": "BTC", "quote": "USDT", "baseId": "BTC", "quoteId": "USDT", "type": "spot"}
    market |= {"contract": False, "option": False, "swap": False, "future": False, "active": True}
    market |= {"inverse": False, "linear": False, "margin": False, "contractSize": None}
    market |= {"precision": {"price": 0.01, "amount": 0.00001}, "limits": {}, "info": {}}
    exchange.set_markets([market])

    async def trades() -> None:
        while True:
            heard.trades += len(await exchange.watch_trades("BTC/USDT"))

    async def books() -> None:
        while True:
            await exchange.watch_order_book("BTC/USDT")
            heard.books += 1

    await asyncio.gather(trades(), books())


def kept(work: Callable[[str, Heard], Any], address: str, heard: Heard) -> None:
    """Run it; say how it ended."""
    try:
        asyncio.run(work(address, heard))
    except Exception as error:
        heard.error = repr(error)
        raise


def listen(name: str, address: str, heard: Heard) -> None:
    """Start this peer's feed; returns at once."""
    if name.startswith("unicorn"):
        unicorn(address, heard, "picows" if name.endswith("picows") else "websockets")
        return
    work = {"python-binance": python_binance, "ccxt": ccxt}[name]
    threading.Thread(target=kept, args=(work, address, heard), daemon=True).start()


def main() -> None:
    """Answer each line with the figures."""
    name, address = sys.argv[1:]
    heard = Heard()
    listen(name, address, heard)
    before = resource.getrusage(resource.RUSAGE_SELF)
    books = trades = 0
    for word in sys.stdin:
        used = resource.getrusage(resource.RUSAGE_SELF)
        if word.strip() == "begin":
            before, books, trades = used, heard.books, heard.trades
        told = {
            "cpu": used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime,
            "grown": (used.ru_maxrss - before.ru_maxrss) / 1024,
            "books": heard.books - books,
            "trades": heard.trades - trades,
            "error": heard.error,
        }
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
    os._exit(0)  # some of them keep threads that never end


if __name__ == "__main__":
    main()
