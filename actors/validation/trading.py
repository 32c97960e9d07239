"""Test 3, trading: ten orders executed, and every figure of them computed once more.

The gains are added up from the `fill` and `funding` lines alone, by cash flow: what was paid and
received between flat and flat is what a round trip earned, whatever our ledger makes of it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from actors.validation.record import Kept, Record
from actors.validation.verdict import Bench, Criterion
from domain.account import OPENING_BALANCE
from domain.execution import CENT, LATENCY_MAX, LATENCY_MIN, MAKER_FEE, TAKER_FEE
from domain.facts import Liquidity
from domain.ledger import Title, posted
from domain.margin import LIQUIDATION_FEE
from domain.orders import LIQUIDATES
from domain.units import BASIS_POINTS, MILLISECOND

BENCH = Bench("3 trading")

ORDERS_MIN = 10
"""Mission, "Test de trading"."""

RATES = {Liquidity.MAKER: MAKER_FEE, Liquidity.TAKER: TAKER_FEE}

SLIPPAGE_MISS_MAX = 1e-5
"""An event line has six decimals of a slippage [basis points]."""

Event = dict[str, Any]
Fill = tuple[str, str, str, str]
"""Order, side, price and quantity."""


@dataclass(slots=True)
class Tally:
    """What the fills so far add up to.

    Attributes:
        held: position, negative where short [base].
        cost: what of it was paid (received where short), at its average price [quote currency].
        trip: cash of the running round trip, fees and funding with it [quote currency].
        wallet: opening balance, what was realised, fees and funding [quote currency].
        trips: what each round trip earned.
    """

    held: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    trip: Decimal = Decimal(0)
    wallet: Decimal = Decimal(OPENING_BALANCE)
    trips: tuple[Decimal, ...] = ()

    def take(self, event: Event) -> None:
        """Count one event; only fills and funding move money."""
        if event["event"] == "funding":
            self.trip += Decimal(event["amount"])
            self.wallet += Decimal(event["amount"])
        if event["event"] == "fill":
            self._fill(event)

    def _fill(self, event: Event) -> None:
        signed, value = _signed(event), _value(event)
        paid = value if signed > 0 else -value
        fee = Decimal(event["fee"])
        self.trip -= paid + fee
        self.wallet -= fee
        if self.held * signed >= 0:
            self.cost += paid
        else:
            released = self.cost * -signed / self.held
            self.wallet -= paid + released
            self.cost -= released
        self.held += signed
        if not self.held:
            # Flat, cash says it all; shares of a cost were rounded, however little.
            self.trips = (*self.trips, self.trip)
            self.trip = self.cost = Decimal(0)
            self.wallet = OPENING_BALANCE + sum(self.trips, Decimal(0))


def executed(events: Sequence[Event]) -> int:
    """How many orders were filled, in whole or in part."""
    return len({event["order"] for event in events if event["event"] == "fill"})


def judged(records: Sequence[Record], kept: Kept) -> list[Criterion]:
    """The criteria of this test.

    Args:
        records: all runs on this ledger so far, oldest first.
        kept: what the store held after them.
    """
    events = [heard.event for record in records for heard in record.heard]
    fills = [event for event in events if event["event"] == "fill"]
    hours = sum(record.seconds for record in records) / 3600
    count, trips = executed(events), sum(event["event"] == "closed" for event in events)
    first = BENCH.judge(
        f"{ORDERS_MIN} orders executed",
        f"{count} orders, {len(fills)} fills, {trips} round trips in {hours:.1f} h of market time",
        good=count >= ORDERS_MIN,
        orders=count,
        fills=len(fills),
        round_trips=trips,
        hours=hours,
    )
    return [first, *(_details(events, fills, kept) if fills else [_nothing()])]


def _nothing() -> Criterion:
    return BENCH.leave("PnL, fees, slippage, latency, ledger", "no order was executed")


def _details(events: list[Event], fills: list[Event], kept: Kept) -> Iterator[Criterion]:
    yield _as_sent(events, fills)
    yield _gains(events, kept)
    yield _fees(fills)
    yield _slippage(events, fills)
    yield _latency(fills)
    yield _booked(fills, kept)


def _as_sent(events: list[Event], fills: list[Event]) -> Criterion:
    """Whether each fill has an order told before it, of its side, and not more than its size."""
    sent: dict[str, Event] = {}
    left: dict[str, Decimal] = {}
    wrong = 0
    for event in events:
        if event["event"] == "order":
            sent[event["id"]], left[event["id"]] = event, Decimal(event["quantity"])
        if event["event"] == "fill":
            key = event["order"]
            left[key] = left.get(key, Decimal(0)) - Decimal(event["quantity"])
            wrong += key not in sent or sent[key]["side"] != event["side"] or left[key] < 0
    return BENCH.judge(
        "executed as they were sent",
        f"{wrong} of {len(fills)} fills without their order, of another side, or too large",
        good=not wrong,
        wrong=wrong,
    )


def _gains(events: list[Event], kept: Kept) -> Criterion:
    tally = Tally()
    for event in events:
        tally.take(event)
    told = [Decimal(event["pnl"]) for event in events if event["event"] == "closed"]
    wrong = sum(x != y for x, y in zip(told, tally.trips, strict=False))
    wrong += abs(len(told) - len(tally.trips))
    miss = abs(tally.wallet - wallet(kept))
    # A part of a position that is closed carries its share of the cost, rounded to CENT.
    allowed = CENT * len(events) if tally.held else Decimal(0)
    total = sum(tally.trips, Decimal(0))
    return BENCH.judge(
        "PnL exact, computed again from the fills",
        f"{wrong} of {len(told)} round trips differ; {total:+f} USDT in all; "
        f"the ledger's wallet differs by {miss.normalize():f}",
        good=not wrong and miss <= allowed,
        differing=wrong,
        pnl=float(total),
        wallet_miss=float(miss),
    )


def wallet(kept: Kept) -> Decimal:
    """The balance in the ledger: all that was ever posted on the wallet's account."""
    return posted(kept.entries, Title.WALLET)


def _fees(fills: list[Event]) -> Criterion:
    wrong = sum(Decimal(fill["fee"]) != _fee(fill) for fill in fills)
    paid = sum((Decimal(fill["fee"]) for fill in fills), Decimal(0))
    makers = sum(fill["liquidity"] == Liquidity.MAKER for fill in fills)
    return BENCH.judge(
        "fees of 0.02 % maker, 0.04 % taker",
        f"{wrong} of {len(fills)} fees differ; {paid:f} USDT paid, {makers} fills as maker",
        good=not wrong,
        differing=wrong,
        fees=float(paid),
        makers=makers,
    )


def _fee(fill: Event) -> Decimal:
    value = _value(fill)
    fee = (value * RATES[Liquidity(fill["liquidity"])]).quantize(CENT, ROUND_HALF_EVEN)
    if fill["order"].startswith(LIQUIDATES):
        fee += (value * LIQUIDATION_FEE).quantize(CENT, ROUND_HALF_EVEN)
    return fee


def _slippage(events: list[Event], fills: list[Event]) -> Criterion:
    """Whether what was told is what price and order say, and that fills do not come at the mid."""
    prices = {x["id"]: Decimal(x["price"]) for x in events if x["event"] == "order"}
    known = [fill for fill in fills if fill["order"] in prices]
    misses = [abs(_cost_bps(x, prices[x["order"]]) - float(x["slippage_bps"])) for x in known]
    wrong = sum(miss > SLIPPAGE_MISS_MAX for miss in misses) + len(fills) - len(known)
    told = [float(fill["slippage_bps"]) for fill in fills]
    mean = sum(told) / len(told)
    return BENCH.judge(
        "slippage simulated and told as it was",
        f"{wrong} of {len(fills)} differ; mean {mean:+.4f} bps, worst {max(told):+.4f} bps",
        good=not wrong and any(told),
        differing=wrong,
        mean_bps=mean,
        worst_bps=max(told),
    )


def _cost_bps(fill: Event, reference: Decimal) -> float:
    worse = Decimal(fill["price"]) - reference
    return float(worse / reference * BASIS_POINTS) * (1 if fill["side"] == "BUY" else -1)


def _latency(fills: list[Event]) -> Criterion:
    shortest, longest = LATENCY_MIN / MILLISECOND, LATENCY_MAX / MILLISECOND
    told = [float(fill["latency_ms"]) for fill in fills]
    return BENCH.judge(
        f"latency of {shortest:.0f} to {longest:.0f} ms simulated",
        f"{min(told):.0f} to {max(told):.0f} ms",
        good=shortest <= min(told) and max(told) <= longest,
        ms_min=min(told),
        ms_max=max(told),
    )


def _booked(fills: list[Event], kept: Kept) -> Criterion:
    told, booked = Counter(map(as_told, fills)), as_booked(kept)
    lost, more = (told - booked).total(), (booked - told).total()
    return BENCH.judge(
        "each fill once in the ledger",
        f"{lost} of {len(fills)} missing, {more} that nobody was told of",
        good=not lost and not more,
        missing=lost,
        untold=more,
    )


def as_told(fill: Event) -> Fill:
    """What makes a fill the same one in an event and in the ledger."""
    return fill["order"], fill["side"], fill["price"], fill["quantity"]


def as_booked(kept: Kept) -> Counter[Fill]:
    """The fills in the ledger, each as an event tells it."""
    return Counter(
        (entry.order, str(move.side), f"{move.price:f}", f"{move.quantity:f}")
        for entry in kept.entries
        if (move := entry.movement) is not None
    )


def _signed(fill: Event) -> Decimal:
    return Decimal(fill["quantity"]) * (1 if fill["side"] == "BUY" else -1)


def _value(fill: Event) -> Decimal:
    return Decimal(fill["price"]) * Decimal(fill["quantity"])
