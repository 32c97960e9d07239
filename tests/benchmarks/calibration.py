"""The figures behind `domain/demo.py` and `domain/modelled.py`: the real market and the made one.

    .venv/bin/python -m tests.benchmarks.calibration

Reads klines, books and funding rates from `shared/data` beside the repository; where they are
missing it says so and prints the made market alone. Takes about half a minute.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from domain.demo import EPOCH, Day, candles, days, funding_rates
from domain.instrument import BTCUSDT, to_tick
from domain.market import DEPTH, Book, Candle
from domain.modelled import minute
from domain.units import DAY, MINUTE, Floats

DATA = Path(__file__).parents[2].parent / "shared" / "data"
BOOKS_A_MINUTE = 600
RECORDED_PRICE = Decimal(61_750)
LAGS = (1, 10, 60, 1440, 10080)
SINCE_MS = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) * 1000
FUNDING_SINCE_MS = int(datetime(2023, 1, 1, tzinfo=UTC).timestamp()) * 1000


def candle_facts(minutes: Floats, prices: Floats, volume: Floats) -> dict[str, float]:
    """Stylised facts of one-minute candles.

    Args:
        minutes: open times [minutes since 1970], shape (n,).
        prices: open, high, low, close, shape (4, n).
        volume: [BTC], shape (n,).
    """
    opens, highs, lows, closes = prices
    returns = np.diff(np.log(closes)) * 1e4
    size = np.abs(returns)
    ranges = np.log(highs / lows) * 1e4
    hour, weekday = minutes // 60 % 24, (minutes // 1440 + 3) % 7
    tame = np.minimum(size, np.quantile(size, 0.9995))
    facts = {
        "return, standard deviation [bp]": float(returns.std()),
        "return over a day, the same [bp]": float(_summed(returns, 1440).std()),
        "kurtosis of 1m returns": _kurtosis(returns),
        "kurtosis of 15m returns": _kurtosis(_summed(returns, 15)),
        "kurtosis of 1h returns": _kurtosis(_summed(returns, 60)),
        "kurtosis of 1d returns": _kurtosis(_summed(returns, 1440)),
        "tail index, largest 1 %": _tail(size),
        "99 % of |return| over its mean": float(np.quantile(size, 0.99) / size.mean()),
        "99.9 % of |return| over its mean": float(np.quantile(size, 0.999) / size.mean()),
        "autocorrelation of return, lag 1": _autocorrelation(returns, 1),
        "autocorrelation of return, lag 10": _autocorrelation(returns, 10),
    }
    facts |= {
        f"autocorrelation of |return|, lag {lag}": _autocorrelation(tame, lag) for lag in LAGS
    }
    return facts | {
        "volatility of a day, log deviation": _spread_of_days(returns),
        "median range at 14h over 05h UTC": _ratio(ranges, hour == 14, hour == 5),
        "median range at weekends over other days": _ratio(ranges, weekday > 4, weekday < 5),
        "median range [bp]": float(np.median(ranges)),
        "mean range over mean |close - open|": float(
            ranges.mean() / np.abs(np.log(closes / opens) * 1e4).mean()
        ),
        "minutes that open at the last close": float((opens[1:] == closes[:-1]).mean()),
        "median volume [BTC]": float(np.median(volume)),
        "mean volume [BTC]": float(volume.mean()),
        "correlation of log volume and log range": _correlation(
            np.log(np.maximum(volume, 1e-5)), np.log(np.maximum(ranges, 0.05))
        ),
    }


def book_facts(prices: Floats, sizes: Floats) -> dict[str, float]:
    """Figures of a series of books, ten a second.

    Args:
        prices: shape (n, 2, 5): bids, asks [USDT].
        sizes: shape (n, 2, 5) [BTC].
    """
    spread = np.rint((prices[:, 1, 0] - prices[:, 0, 0]) * 100)
    gaps = np.rint(np.abs(np.diff(prices, axis=2)) * 100)
    total = (prices * sizes).sum(axis=(1, 2)) / 1000
    pressure = np.log(sizes[:, 0].sum(axis=1) / sizes[:, 1].sum(axis=1))
    move = np.diff(prices[::10, :, 0].mean(axis=1))
    best = np.log(sizes[:, 0, 0] / sizes[:, 1, 0])[::10]
    return {
        "spread of one tick, share": float((spread == 1).mean()),
        "spread of the others, median [ticks]": float(np.median(spread[spread > 1])),
        "best size, 10 % [BTC]": float(np.quantile(sizes[:, :, 0], 0.1)),
        "best size, median [BTC]": float(np.median(sizes[:, :, 0])),
        "best size, 90 % [BTC]": float(np.quantile(sizes[:, :, 0], 0.9)),
        "size behind it, median [BTC]": float(np.median(sizes[:, :, 1:])),
        "size behind it, mean [BTC]": float(np.mean(sizes[:, :, 1:])),
        "gap of one tick, share": float((gaps == 1).mean()),
        "gap, median [ticks]": float(np.median(gaps)),
        "gap, mean [ticks]": float(np.mean(gaps)),
        "liquidity, 10 % [1000 USD]": float(np.quantile(total, 0.1)),
        "liquidity, median [1000 USD]": float(np.median(total)),
        "liquidity, 90 % [1000 USD]": float(np.quantile(total, 0.9)),
        "log pressure, standard deviation": float(pressure.std()),
        "log pressure, autocorrelation at 0.5 s": _autocorrelation(pressure, 5),
        "log pressure, autocorrelation at 1 s": _autocorrelation(pressure, 10),
        "log pressure, autocorrelation at 2 s": _autocorrelation(pressure, 20),
        "imbalance and the second before, correlation": _correlation(best[1:], move),
        "imbalance and the second after, correlation": _correlation(best[:-1], move),
    }


def funding_facts(rates: Floats) -> dict[str, float]:
    """Figures of the funding rate [basis points per 8 h], shape (n,)."""
    ranks = np.argsort(np.argsort(rates, kind="stable"), kind="stable").astype(np.float64)
    return {
        "funding, 5 % [bp]": float(np.quantile(rates, 0.05)),
        "funding, median [bp]": float(np.median(rates)),
        "funding, 95 % [bp]": float(np.quantile(rates, 0.95)),
        "funding, share of exactly 1 bp": float(np.isclose(rates, 1.0).mean()),
        "funding, rank correlation over 8 h": _autocorrelation(ranks, 1),
        "funding, rank correlation over 24 h": _autocorrelation(ranks, 3),
        "funding, rank correlation over 7 days": _autocorrelation(ranks, 21),
    }


def made_candles(made: Sequence[Day]) -> tuple[Floats, Floats, Floats]:
    """The demo's minutes as `candle_facts` takes them."""
    start = (EPOCH + made[0].number * DAY) // MINUTE
    prices = np.concatenate([day.prices for day in made], axis=1) * float(BTCUSDT.tick)
    volume = np.concatenate([day.lots for day in made]) * float(BTCUSDT.lot)
    return start + np.arange(len(volume), dtype=np.float64), prices, volume


def around(minutes: Sequence[Candle], price: Decimal) -> list[Candle]:
    """The same candles, moved so that the first opens at this price."""
    factor = price / minutes[0].open
    return [
        replace(
            candle,
            open=to_tick(candle.open * factor, BTCUSDT),
            high=to_tick(candle.high * factor, BTCUSDT),
            low=to_tick(candle.low * factor, BTCUSDT),
            close=to_tick(candle.close * factor, BTCUSDT),
        )
        for candle in minutes
    ]


def made_books(minutes: Sequence[Candle], cadence: int) -> tuple[Floats, Floats]:
    """The books modelled around candles, as `book_facts` takes them."""
    events = (event for candle in minutes for event in minute(candle, 1, cadence))
    books = [event for event in events if isinstance(event, Book)]
    levels = np.array(
        [
            [[[float(x.price), float(x.quantity)] for x in side] for side in (book.bids, book.asks)]
            for book in books
        ]
    )
    return levels[..., 0], levels[..., 1]


def real_candles() -> tuple[Floats, Floats, Floats]:
    """BTCUSDT since 2024."""
    table = pq.read_table(
        DATA / "klines" / "BTCUSDT-1m.parquet", filters=[("open_time", ">=", SINCE_MS)]
    )
    prices = np.array([table[name].to_numpy() for name in ("open", "high", "low", "close")]) / 100
    volume = table["volume"].to_numpy().astype(np.float64)
    return table["open_time"].to_numpy() / 60_000, prices, volume


def real_books() -> tuple[Floats, Floats]:
    """The recorded books of 2024-08-08, as of each tenth of a second."""
    table = pq.read_table(DATA / "streams" / "spot_2024-08-08" / "spot_BTCUSDT_depth5.parquet")
    times = table["ts"].to_numpy()
    order = np.argsort(times, kind="stable")
    grid = np.arange(times.min(), times.max(), 100)
    latest = order[np.searchsorted(times[order], grid, side="right") - 1]
    prices, sizes = (
        np.array(
            [
                [table[f"{side}_{what}{n}"].to_numpy()[latest] for n in range(1, DEPTH + 1)]
                for side in ("bid", "ask")
            ]
        ).transpose(2, 0, 1)
        for what in ("px", "qty")
    )
    return prices, sizes


def real_funding() -> Floats:
    """The funding rates since 2023 [basis points]."""
    table = pq.read_table(
        DATA / "funding" / "BTCUSDT-USDM-8h.parquet",
        filters=[("funding_time", ">=", FUNDING_SINCE_MS)],
    )
    return np.asarray(table["funding_rate"].to_numpy() * 1e4)


def _summed(returns: Floats, length: int) -> Floats:
    whole = len(returns) // length * length
    return np.asarray(returns[:whole].reshape(-1, length).sum(axis=1))


def _kurtosis(values: Floats) -> float:
    return float(((values - values.mean()) ** 4).mean() / values.var() ** 2)


def _tail(sizes: Floats) -> float:
    """Hill's estimate of the exponent with which large values become rare."""
    largest = np.sort(sizes)[-len(sizes) // 100 :]
    return float(1 / np.log(largest / largest[0]).mean())


def _autocorrelation(values: Floats, lag: int) -> float:
    centred = values - values.mean()
    return float((centred[lag:] * centred[:-lag]).mean() / values.var())


def _correlation(a: Floats, b: Floats) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def _spread_of_days(returns: Floats) -> float:
    whole = len(returns) // 1440 * 1440
    return float(np.log(returns[:whole].reshape(-1, 1440).std(axis=1)).std())


def _ratio(values: Floats, above: NDArray[np.bool_], below: NDArray[np.bool_]) -> float:
    return float(np.median(values[above]) / np.median(values[below]))


def _show(made: dict[str, float], real: Callable[[], dict[str, float]]) -> None:
    try:
        beside = real()
    except FileNotFoundError as error:
        print(f"\nreal figures are missing: {error}")
        beside = {}
    print(f"\n{'':48}{'real':>10}{'made':>10}")
    for name, value in made.items():
        print(f"{name:48}{beside.get(name, float('nan')):10.3f}{value:10.3f}")


def main() -> None:
    """Print all figures."""
    made = list(islice(days(1), 600))
    busy = around(candles(made[36])[840:960], RECORDED_PRICE)
    rates = np.array([float(rate) * 1e4 for rate in islice(funding_rates(1), 3000)])
    _show(candle_facts(*made_candles(made)), lambda: candle_facts(*real_candles()))
    _show(book_facts(*made_books(busy, BOOKS_A_MINUTE)), lambda: book_facts(*real_books()))
    _show(funding_facts(rates), lambda: funding_facts(real_funding()))


if __name__ == "__main__":
    main()
