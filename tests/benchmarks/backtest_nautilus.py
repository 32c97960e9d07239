"""Runs `backtest_peers`' table of signals through NautilusTrader; it has nothing of ours.

    python backtest_nautilus.py TABLE.npz

Prints the number of trades and the profit as JSON. One-minute bars are played as four ticks each on
a book of one level; orders are market orders that take 100 ms.
"""

import json
import sys
from decimal import Decimal
from importlib import import_module
from typing import Any

import numpy as np

MINUTE = 60_000_000_000
LATENCY = 100_000_000
NOTIONAL = 1000.0
"""What each trade is worth [USDT]."""

OPENING = 10_000.0


def main() -> int:
    """Run and print."""
    print(json.dumps(run(np.load(sys.argv[1]))))
    return 0


def run(table: Any) -> dict[str, float]:
    """What the account gained, over how many trades."""
    values = import_module("nautilus_trader.model")
    usdt = import_module("nautilus_trader.model.currencies").USDT
    engine = engine_of(values, usdt)
    instrument = bitcoin(values)
    engine.add_instrument(instrument)
    records = import_module("nautilus_trader.model.data")
    kind = records.BarType.from_str(f"{instrument.id}-1-MINUTE-LAST-EXTERNAL")
    engine.add_data(bars(table, kind, records))
    follower = Follower(table["sign"], instrument, kind)
    engine.add_strategy(strategy_of(follower))
    engine.run()
    account = engine.cache.account_for_venue(values.Venue("BINANCE"))
    pnl = float(account.balance_total(usdt)) - OPENING
    engine.dispose()
    return {"trades": follower.orders // 2, "pnl": pnl, "fees": follower.fees}


def engine_of(values: Any, usdt: Any) -> Any:
    """An engine with one venue that fills bars."""
    engines = import_module("nautilus_trader.backtest.engine")
    models = import_module("nautilus_trader.backtest.models")
    enums = import_module("nautilus_trader.model.enums")
    config = import_module("nautilus_trader.config")
    quiet = engines.BacktestEngineConfig(
        logging=config.LoggingConfig(bypass_logging=True), run_analysis=False
    )
    engine = engines.BacktestEngine(config=quiet)
    engine.add_venue(
        venue=values.Venue("BINANCE"),
        oms_type=enums.OmsType.NETTING,
        account_type=enums.AccountType.MARGIN,
        base_currency=usdt,
        starting_balances=[values.Money(OPENING, usdt)],
        book_type=enums.BookType.L1_MBP,
        latency_model=models.LatencyModel(base_latency_nanos=LATENCY),
        bar_execution=True,
    )
    return engine


def bitcoin(values: Any) -> Any:
    """BTCUSDT with our ticks, lots, and fees."""
    instruments = import_module("nautilus_trader.model.instruments")
    currencies = import_module("nautilus_trader.model.currencies")
    return instruments.CurrencyPair(
        instrument_id=values.InstrumentId.from_str("BTCUSDT.BINANCE"),
        raw_symbol=values.Symbol("BTCUSDT"),
        base_currency=currencies.BTC,
        quote_currency=currencies.USDT,
        price_precision=2,
        size_precision=5,
        price_increment=values.Price.from_str("0.01"),
        size_increment=values.Quantity.from_str("0.00001"),
        ts_event=0,
        ts_init=0,
        margin_init=Decimal(0),
        margin_maint=Decimal(0),
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.0004"),
    )


def bars(table: Any, kind: Any, records: Any) -> Any:
    """The table's candles, each known at its end, by the peer's own quickest way."""
    ends = (table["opened"] + MINUTE).astype(np.uint64)
    figures = [np.ascontiguousarray(table[x]) for x in ("open", "high", "low", "close", "volume")]
    return records.Bar.from_raw_arrays_to_list(kind, 2, 5, *figures, ends, ends)


class Follower:
    """Turns the position whenever the signal of a minute's end has turned: out, and in again."""

    def __init__(self, signs: Any, instrument: Any, kind: Any) -> None:
        self._signs: list[int] = signs.tolist()
        self._instrument = instrument
        self._kind = kind
        self._place = 0
        self._held: tuple[int, Any] | None = None
        self._sides = import_module("nautilus_trader.model.enums").OrderSide
        self.orders = 0
        self.fees = 0.0

    def begin(self, strategy: Any) -> None:
        """Listen."""
        strategy.subscribe_bars(self._kind)

    def see(self, strategy: Any, bar: Any) -> None:
        """A minute has ended."""
        sign = self._signs[self._place]
        self._place += 1
        if self._held is not None and self._held[0] == sign:
            return
        if self._held is not None:
            self._send(strategy, sign, self._held[1])
        quantity = self._instrument.make_qty(NOTIONAL / float(bar.close))
        self._send(strategy, sign, quantity)
        self._held = (sign, quantity)

    def take(self, fill: Any) -> None:
        """Count a fill."""
        self.orders += 1
        self.fees += float(fill.commission)

    def _send(self, strategy: Any, sign: int, quantity: Any) -> None:
        side = self._sides.BUY if sign > 0 else self._sides.SELL
        strategy.submit_order(strategy.order_factory.market(self._instrument.id, side, quantity))


def strategy_of(follower: Follower) -> Any:
    """A strategy that hands everything on; its base class lives in the peer's package."""
    base: Any = import_module("nautilus_trader.trading.strategy").Strategy

    class Handing(base):  # type: ignore[misc]
        """Hands on."""

        def on_start(self) -> None:
            """It begins."""
            follower.begin(self)

        def on_bar(self, bar: Any) -> None:
            """A minute has ended."""
            follower.see(self, bar)

        def on_order_filled(self, event: Any) -> None:
            """An order was filled, or a part of it."""
            follower.take(event)

    return Handing()


if __name__ == "__main__":
    sys.exit(main())
