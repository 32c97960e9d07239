"""Runs `backtest_peers`' table of signals through freqtrade; it has nothing of ours.

    python backtest_freqtrade.py prepare TABLE.npz FOLDER
    python backtest_freqtrade.py spot FOLDER
    python backtest_freqtrade.py futures FOLDER

`prepare` writes what a download would have left: candles, mark prices and funding as feather files.
A backtest asks the exchange for its markets; here it is told the one that the table is of, so that
nothing needs the internet. Prints the number of trades and the profit as JSON. freqtrade fills at
the next candle's open: it has no book, no latency, no partial fills; in spot mode it is flat where
the signal says short.
"""

import json
import sys
import zipfile
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

MILLISECOND = 1_000_000
NOTIONAL = 1000.0
"""What each trade is worth [USDT]."""

OPENING = 10_000.0
USUAL_RATE = 0.0001
"""Funding of eight hours."""

STRATEGY = """
import numpy as np
from freqtrade.strategy import IStrategy


class Table(IStrategy):
    timeframe = "1m"
    startup_candle_count = 0
    minimal_roi = {"0": 100}
    stoploss = -0.99
    can_short = %s
    process_only_new_candles = True

    def populate_indicators(self, dataframe, metadata):
        table = np.load(%r)
        signs = dict(zip((table["opened"] // 1_000_000).tolist(), table["sign"].tolist()))
        times = dataframe["date"].astype("datetime64[ms, UTC]").astype("int64")
        dataframe["sign"] = times.map(signs)
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        dataframe.loc[dataframe["sign"] > 0, "enter_long"] = 1
        if self.can_short:
            dataframe.loc[dataframe["sign"] < 0, "enter_short"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        dataframe.loc[dataframe["sign"] < 0, "exit_long"] = 1
        if self.can_short:
            dataframe.loc[dataframe["sign"] > 0, "exit_short"] = 1
        return dataframe
"""


def main() -> int:
    """Prepare, or run and print."""
    if sys.argv[1] == "prepare":
        prepare(Path(sys.argv[2]).absolute(), Path(sys.argv[3]))
    else:
        print(json.dumps(run(sys.argv[1], Path(sys.argv[2]).absolute())))
    return 0


def prepare(table: Path, folder: Path) -> None:
    """Write data, strategies and settings."""
    found = np.load(table)
    minutes = frame(found["opened"], *(found[x] for x in ("open", "high", "low", "close")))
    minutes["volume"] = found["volume"]
    data = folder / "data"
    (data / "futures").mkdir(parents=True)
    minutes.to_feather(data / "BTC_USDT-1m.feather")
    minutes.to_feather(data / "futures" / "BTC_USDT_USDT-1m-futures.feather")
    hours = found["opened"][::60]
    marks = [found["open"][::60]] * 4
    frame(hours, *marks).to_feather(data / "futures" / "BTC_USDT_USDT-1h-mark.feather")
    rates = np.where(hours // 3_600_000_000_000 % 8 == 0, USUAL_RATE, 0.0)
    funding = frame(hours, rates, *[np.zeros(len(hours))] * 3)
    funding.to_feather(data / "futures" / "BTC_USDT_USDT-1h-funding_rate.feather")
    for mode, pair in (("spot", "BTC/USDT"), ("futures", "BTC/USDT:USDT")):
        (folder / mode).mkdir()
        (folder / mode / "Table.py").write_text(STRATEGY % (mode == "futures", str(table)))
        (folder / f"{mode}.json").write_text(json.dumps(settings(mode, pair)))


def frame(opened: Any, *prices: Any) -> Any:
    """Candles as freqtrade keeps them."""
    pandas = import_module("pandas")
    columns = dict(zip(("open", "high", "low", "close"), prices, strict=True))
    date = pandas.to_datetime(opened // MILLISECOND, unit="ms", utc=True)
    return pandas.DataFrame({"date": date, **columns, "volume": np.zeros(len(opened))})


def settings(mode: str, pair: str) -> dict[str, Any]:
    """A trade of one size whenever the signal says so."""
    return {
        "trading_mode": mode,
        **({"margin_mode": "isolated"} if mode == "futures" else {}),
        "max_open_trades": 1,
        "stake_currency": "USDT",
        "stake_amount": NOTIONAL,
        "dry_run": True,
        "dry_run_wallet": OPENING,
        "fee": 0.0004,
        "timeframe": "1m",
        "entry_pricing": {"price_side": "same", "use_order_book": True},
        "exit_pricing": {"price_side": "same", "use_order_book": True},
        "exchange": {"name": "binance", "pair_whitelist": [pair]},
        "pairlists": [{"method": "StaticPairList"}],
        "dataformat_ohlcv": "feather",
    }


def run(mode: str, folder: Path) -> dict[str, float]:
    """What the wallet gained, over how many trades."""
    exchange = import_module("freqtrade.exchange.exchange").Exchange
    # The only door to the network.
    exchange._load_async_markets = told_markets
    results = folder / f"results-{mode}"
    words = [
        *("backtesting", "--config", str(folder / f"{mode}.json"), "--strategy", "Table"),
        *("--strategy-path", str(folder / mode), "--datadir", str(folder / "data")),
        *("--userdir", str(folder), "--cache", "none", "--no-color"),
        *("--export", "trades", "--backtest-directory", str(results)),
    ]
    results.mkdir(exist_ok=True)
    try:
        import_module("freqtrade.main").main(words)
    except SystemExit as end:  # how it always ends
        if end.code:
            raise
    return summed(results)


def told_markets(self: Any, *_args: Any, **_kwargs: Any) -> Any:
    """The one market, in place of the exchange's answer."""
    api = self._api_async
    futures = str(self.trading_mode) == "futures"
    api.set_markets([market(futures=futures)])
    return api.markets


def market(*, futures: bool) -> dict[str, Any]:
    """BTCUSDT as ccxt describes it."""
    return {
        "id": "BTCUSDT",
        "symbol": "BTC/USDT:USDT" if futures else "BTC/USDT",
        "base": "BTC",
        "quote": "USDT",
        "settle": "USDT" if futures else None,
        "baseId": "BTC",
        "quoteId": "USDT",
        "type": "swap" if futures else "spot",
        "spot": not futures,
        "margin": False,
        "swap": futures,
        "future": False,
        "option": False,
        "contract": futures,
        "linear": True if futures else None,
        "inverse": False if futures else None,
        "contractSize": 1.0 if futures else None,
        "active": True,
        "precision": {"amount": 0.00001, "price": 0.01},
        "limits": {
            "amount": {"min": 0.00001, "max": 9000.0},
            "price": {"min": 0.01, "max": 1000000.0},
            "cost": {"min": 5.0, "max": 9000000.0},
            "leverage": {"min": 1.0, "max": 125.0},
        },
        "info": {},
    }


def summed(results: Path) -> dict[str, float]:
    """What the exported trades add up to."""
    newest = max(results.glob("*.zip"))
    with zipfile.ZipFile(newest) as archive:
        name = next(x for x in archive.namelist() if x == newest.with_suffix(".json").name)
        told = json.loads(archive.read(name))["strategy"]["Table"]
    trades = told["trades"]
    fees = sum(x["amount"] * (x["open_rate"] + x["close_rate"]) * x["fee_open"] for x in trades)
    return {"trades": len(trades), "pnl": told["profit_total_abs"], "fees": fees}


if __name__ == "__main__":
    sys.exit(main())
