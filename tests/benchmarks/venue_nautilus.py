"""Runs the plan of `venue_peers` in NautilusTrader; its environment has nothing of ours.

    python venue_nautilus.py SESSION.npz

Prints a list of [quantity, value, fee, time, last price] a planned order as JSON.
"""

import json
import sys
from collections.abc import Iterator
from decimal import Decimal
from importlib import import_module
from typing import Any

import numpy as np

Told = list[float]
"""Quantity filled, value of it, fee, when it was filled last [ns], price of its last part."""


def main() -> int:
    """Run and print."""
    session = np.load(sys.argv[1])
    print(json.dumps(run(session)))
    return 0


def run(session: Any) -> list[Told]:
    """What became of each planned order."""
    engines = import_module("nautilus_trader.backtest.engine")
    models = import_module("nautilus_trader.backtest.models")
    enums = import_module("nautilus_trader.model.enums")
    values = import_module("nautilus_trader.model")
    config = import_module("nautilus_trader.config")
    quiet = engines.BacktestEngineConfig(logging=config.LoggingConfig(bypass_logging=True))
    engine = engines.BacktestEngine(config=quiet)
    usdt = import_module("nautilus_trader.model.currencies").USDT
    latency = int(session["timing"][0])
    engine.add_venue(
        venue=values.Venue("BINANCE"),
        oms_type=enums.OmsType.NETTING,
        account_type=enums.AccountType.MARGIN,
        base_currency=usdt,
        starting_balances=[values.Money(1e9, usdt)],
        book_type=enums.BookType.L2_MBP,
        latency_model=models.LatencyModel(base_latency_nanos=latency),
        # A limit order that the market only touches stands behind everybody: its careful setting.
        fill_model=models.FillModel(prob_fill_on_limit=0.0, prob_slippage=0.0),
        trade_execution=True,
    )
    instrument = bitcoin(values)
    engine.add_instrument(instrument)
    engine.add_data(list(depths(session, instrument)))
    engine.add_data(list(trades(session, instrument)))
    follower = Follower(session, instrument)
    engine.add_strategy(strategy_of(follower))
    engine.run()
    engine.dispose()
    return follower.told


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


def depths(session: Any, instrument: Any) -> Iterator[Any]:
    """What changed in the book, all of one moment together."""
    changes = session["changes"]
    starts = np.flatnonzero(np.diff(changes["at"], prepend=-1))
    for rows in np.split(changes, starts[1:]):
        yield depth(int(rows[0]["at"]), rows, instrument)


def trades(session: Any, instrument: Any) -> Iterator[Any]:
    """The trades of others."""
    for number, row in enumerate(session["trades"]):
        yield trade(int(row["at"]), row, instrument, number)


def depth(at: int, rows: Any, instrument: Any) -> Any:
    """What changed in the book at one moment."""
    records, enums = (import_module(f"nautilus_trader.model.{x}") for x in ("data", "enums"))
    deltas = [
        records.OrderBookDelta(
            instrument_id=instrument.id,
            action=enums.BookAction.UPDATE if x["quantity"] else enums.BookAction.DELETE,
            order=records.BookOrder(
                enums.OrderSide.BUY if x["sign"] > 0 else enums.OrderSide.SELL,
                instrument.make_price(x["price"]),
                instrument.make_qty(x["quantity"]),
                0,
            ),
            flags=128 if number == len(rows) - 1 else 0,  # the last of its batch
            sequence=0,
            ts_event=at,
            ts_init=at,
        )
        for number, x in enumerate(rows)
    ]
    return records.OrderBookDeltas(instrument.id, deltas)


def trade(at: int, row: Any, instrument: Any, number: int) -> Any:
    """One trade of others."""
    records, enums = (import_module(f"nautilus_trader.model.{x}") for x in ("data", "enums"))
    identifiers = import_module("nautilus_trader.model.identifiers")
    sides = enums.AggressorSide
    return records.TradeTick(
        instrument_id=instrument.id,
        price=instrument.make_price(row["price"]),
        size=instrument.make_qty(row["quantity"]),
        aggressor_side=sides.BUYER if row["sign"] > 0 else sides.SELLER,
        trade_id=identifiers.TradeId(str(number)),
        ts_event=at,
        ts_init=at,
    )


class Follower:
    """Sends each order at its time, and cancels what still rests after a while."""

    def __init__(self, session: Any, instrument: Any) -> None:
        self._plan, self._hold = session["plan"], int(session["timing"][1])
        self._instrument = instrument
        self._numbers: dict[Any, int] = {}
        self._strategy: Any = None
        self.told: list[Told] = [[0.0] * 5 for _ in self._plan]

    def begin(self, strategy: Any) -> None:
        """Set two alarms for each order."""
        self._strategy = strategy
        strategy.subscribe_order_book_deltas(self._instrument.id)
        strategy.subscribe_trade_ticks(self._instrument.id)
        for number, planned in enumerate(self._plan):
            at = int(planned["at"])
            strategy.clock.set_time_alert_ns(f"send-{number}", at, self._send)
            strategy.clock.set_time_alert_ns(f"end-{number}", at + self._hold, self._end)

    def take(self, fill: Any) -> None:
        """Add a fill up."""
        told = self.told[self._numbers[fill.client_order_id]]
        told[0] += float(fill.last_qty)
        told[1] += float(fill.last_qty) * float(fill.last_px)
        told[2] += float(fill.commission)
        told[3:] = [float(fill.ts_event), float(fill.last_px)]

    def _send(self, event: Any) -> None:
        number = int(event.name.partition("-")[2])
        planned, make = self._plan[number], self._strategy.order_factory
        sides = import_module("nautilus_trader.model.enums").OrderSide
        side = sides.BUY if planned["sign"] > 0 else sides.SELL
        terms = (self._instrument.id, side, self._instrument.make_qty(planned["size"]))
        if np.isnan(planned["limit"]):
            order = make.market(*terms)
        else:
            level = self._instrument.make_price(planned["limit"])
            order = make.limit(*terms, level, post_only=True)
        self._numbers[order.client_order_id] = number
        self._strategy.submit_order(order)

    def _end(self, event: Any) -> None:
        number = int(event.name.partition("-")[2])
        for order in self._strategy.cache.orders_open():
            if self._numbers[order.client_order_id] == number:
                self._strategy.cancel_order(order)


def strategy_of(follower: Follower) -> Any:
    """A strategy that hands everything on; its base class lives in the peer's package."""
    base: Any = import_module("nautilus_trader.trading.strategy").Strategy

    class Handing(base):  # type: ignore[misc]
        """Hands on."""

        def on_start(self) -> None:
            """It begins."""
            follower.begin(self)

        def on_order_filled(self, event: Any) -> None:
            """An order was filled, or a part of it."""
            follower.take(event)

    return Handing()


if __name__ == "__main__":
    sys.exit(main())
