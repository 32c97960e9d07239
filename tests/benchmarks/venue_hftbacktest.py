"""Runs the plan of `venue_peers` in hftbacktest; its environment has nothing of ours.

    python venue_hftbacktest.py SESSION.npz QUEUE

QUEUE is `proportional` (cancellations spread over the queue by size, like ours) or `last` (all
cancellations behind us). Prints a list of [quantity, value, fee, time, last price] a planned order
as JSON.
"""

import json
import sys
from importlib import import_module
from typing import Any

import numpy as np

Told = list[float]
"""Quantity filled, value of it, fee, when the exchange filled it last [ns], price of its last part.

NaN where it cannot be known."""


def main() -> int:
    """Run and print."""
    session = np.load(sys.argv[1])
    print(json.dumps(run(session, sys.argv[2])))
    return 0


def run(session: Any, queue: str) -> list[Told]:
    """What became of each planned order."""
    peer = import_module("hftbacktest")
    latency, hold = (int(x) for x in session["timing"])
    data = events(peer, session)  # it is read where it lies, so it must live as long as the market
    asset = (
        peer.BacktestAsset()
        .data(data)
        .linear_asset(1.0)
        .constant_order_latency(latency, latency)
        .partial_fill_exchange()
        .trading_value_fee_model(0.0002, 0.0004)
        .tick_size(0.01)
        .lot_size(0.00001)
    )
    asset = (
        asset.power_prob_queue_model(1.0)
        if queue == "proportional"
        else asset.risk_adverse_queue_model()
    )
    market = peer.HashMapMarketDepthBacktest([asset])
    market.elapse(1)  # before it has begun, it does not know what time it is
    rows = [traded(peer, market, x, (latency, hold)) for x in enumerate(session["plan"], 1)]
    market.close()
    return rows


def events(peer: Any, session: Any) -> Any:
    """The session as its records: depth before the trades of the same moment."""
    changes, trades = session["changes"], session["trades"]
    data = np.zeros(len(changes) + len(trades), peer.event_dtype)
    both = peer.EXCH_EVENT | peer.LOCAL_EVENT
    for part, rows, kind in (
        (data[: len(changes)], changes, peer.DEPTH_EVENT),
        (data[len(changes) :], trades, peer.TRADE_EVENT),
    ):
        side = np.where(rows["sign"] > 0, peer.BUY_EVENT, peer.SELL_EVENT)
        part["ev"] = both | kind | side
        part["exch_ts"] = part["local_ts"] = rows["at"]
        part["px"], part["qty"] = rows["price"], rows["quantity"]
    return data[np.argsort(data["exch_ts"], kind="stable")]


def traded(peer: Any, market: Any, planned: tuple[int, Any], timing: tuple[int, int]) -> Told:
    """Send one order, cancel what rests of it after a while, and read what it changed."""
    number, order = planned
    latency, hold = timing
    market.elapse(int(order["at"]) - market.current_timestamp)
    before = market.state_values(0)
    balance, fee, position = before.balance, before.fee, before.position
    rests = not np.isnan(order["limit"])
    price = float(order["limit"]) if rests else 1.0
    terms = (peer.GTX, peer.LIMIT) if rests else (peer.GTC, peer.MARKET)
    send = market.submit_buy_order if order["sign"] > 0 else market.submit_sell_order
    send(0, number, price, float(order["size"]), *terms, False)  # noqa: FBT003 - its signature
    market.elapse(hold)
    held = market.orders(0).get(number)
    size, left, at = float(order["size"]), held.leaves_qty, float(held.exch_timestamp)
    if rests and held.cancellable:
        market.cancel(0, number, False)  # noqa: FBT003 - its signature
    market.elapse(3 * latency)
    after = market.state_values(0)
    if held.leaves_qty < left:
        at = float(held.exch_timestamp)
    quantity, value = round(size - held.leaves_qty, 8), abs(after.balance - balance)
    if rests:
        value, paid = quantity * price, quantity * price * 0.0002
    elif round(abs(after.position - position), 8) != quantity:
        # Of the parts of a fill that come together its balance knows the last one alone, and none
        # of an order that expires.
        value = paid = float("nan")
    else:
        paid = after.fee - fee
    last = float(held.exec_price) if quantity else float("nan")
    return [quantity, value, paid, at if quantity else 0.0, last]


if __name__ == "__main__":
    sys.exit(main())
