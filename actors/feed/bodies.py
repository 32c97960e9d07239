"""The bodies of Binance's REST answers as our values; only `BadFrame` is raised."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

from msgspec import Struct, field
from msgspec.json import Decoder

from actors.feed.wire import (
    REASON_LENGTH_MAX,
    UNREADABLE,
    BadFrame,
    Frame,
    Identifier,
    Millis,
    candle_of,
    nanos_of,
    price_of,
    quantity_of,
    signed_of,
)
from domain.horizons import Timeframe
from domain.instrument import WIDE, Band, Instrument
from domain.market import Candle, MarkPrice, Trade
from domain.units import Money, Nanos, Quantity


class _Row(Struct, gc=False, array_like=True):
    """The first six of a kline's twelve columns; the rest we can do without."""

    open_time: Millis
    open: str
    high: str
    low: str
    close: str
    volume: str


class _Past(Struct, gc=False):
    """A trade of `/api/v3/historicalTrades`."""

    number: Identifier = field(name="id")
    price: str
    quantity: str = field(name="qty")
    time: Millis
    buyer_is_maker: bool = field(name="isBuyerMaker")


class _Time(Struct, rename="camel"):
    server_time: Millis


class _Filter(Struct, rename="camel"):
    filter_type: str
    tick_size: str = ""
    step_size: str = ""
    min_notional: str = ""
    notional: str = ""  # the futures' name for it
    bid_multiplier_up: str = ""
    bid_multiplier_down: str = ""
    ask_multiplier_up: str = ""
    ask_multiplier_down: str = ""
    multiplier_up: str = ""  # the futures know no sides here
    multiplier_down: str = ""


class _Symbol(Struct):
    symbol: str
    filters: list[_Filter]


class _ExchangeInfo(Struct):
    symbols: list[_Symbol]


class _PremiumIndex(Struct, rename="camel"):
    mark_price: str
    last_funding_rate: str
    next_funding_time: Millis
    time: Millis


class _Failure(Struct):
    code: int
    message: str = field(name="msg")


_ROWS = Decoder(list[_Row])
_PAST = Decoder(list[_Past])
_TIME = Decoder(_Time)
_EXCHANGE_INFO = Decoder(_ExchangeInfo)
_PREMIUM_INDEX = Decoder(_PremiumIndex)
_FAILURE = Decoder(_Failure)


@contextmanager
def _believing(what: str) -> Iterator[None]:
    """Whatever turns out to be wrong with this body becomes a `BadFrame`."""
    try:
        yield
    except (*UNREADABLE, LookupError) as error:
        raise BadFrame(what, str(error)) from error


def read_klines(body: Frame, timeframe: Timeframe) -> tuple[Candle, ...]:
    """The candles of `/api/v3/klines`, oldest first. The last one may not be over yet.

    >>> row = '[[1499040000000,"0.0163","0.8","0.0157","0.0157","148976.1",1499644799999,"2434.2"]]'
    >>> read_klines(row, Timeframe.H1)[0].high
    Decimal('0.8')
    """
    with _believing("klines"):
        return _ordered(tuple(_candle(row, timeframe) for row in _ROWS.decode(body)))


def _candle(row: _Row, timeframe: Timeframe) -> Candle:
    numbers = (row.open, row.high, row.low, row.close, row.volume)
    return candle_of(timeframe, row.open_time, numbers)


def _ordered(candles: tuple[Candle, ...]) -> tuple[Candle, ...]:
    if any(later.open_time <= earlier.open_time for earlier, later in pairwise(candles)):
        raise ValueError("candles out of order")
    return candles


def read_trades(body: Frame) -> tuple[Trade, ...]:
    """The trades of `/api/v3/historicalTrades`, oldest first."""
    with _believing("historicalTrades"):
        return tuple(
            Trade(
                nanos_of(one.time),
                one.number,
                price_of(one.price),
                quantity_of(one.quantity),
                one.buyer_is_maker,
            )
            for one in _PAST.decode(body)
        )


def read_time(body: Frame) -> Nanos:
    """The exchange's clock, from `/api/v3/time`."""
    with _believing("time"):
        return nanos_of(_TIME.decode(body).server_time)


def read_instrument(body: Frame, symbol: str) -> Instrument:
    """The symbol's filters, from `/api/v3/exchangeInfo` or its like on the futures' side."""
    with _believing("exchangeInfo"):
        info = {one.symbol: one.filters for one in _EXCHANGE_INFO.decode(body).symbols}
        filters = {one.filter_type: one for one in info[symbol]}
        notional = filters.get("NOTIONAL") or filters["MIN_NOTIONAL"]
        tick = price_of(filters["PRICE_FILTER"].tick_size)
        lot = Quantity(price_of(filters["LOT_SIZE"].step_size))  # above zero, as a price is
        smallest = Money(quantity_of(notional.min_notional or notional.notional))
        far = filters.get("PERCENT_PRICE_BY_SIDE") or filters.get("PERCENT_PRICE")
        return Instrument(
            symbol, tick, lot, smallest, *(WIDE, WIDE) if far is None else _bands(far)
        )


def _bands(far: _Filter) -> tuple[Band, Band]:
    """Bounds of a purchase's price, and of a sale's."""
    sides = (
        (far.bid_multiplier_down, far.bid_multiplier_up),
        (far.ask_multiplier_down, far.ask_multiplier_up),
    )
    if far.multiplier_up:
        sides = ((far.multiplier_down, far.multiplier_up),) * 2
    buys, sells = (Band(quantity_of(down), quantity_of(up)) for down, up in sides)
    return buys, sells


def read_mark_price(body: Frame) -> MarkPrice:
    """Mark price and funding rate, from the futures' `/fapi/v1/premiumIndex?symbol=...`."""
    with _believing("premiumIndex"):
        index = _PREMIUM_INDEX.decode(body)
        mark, rate = price_of(index.mark_price), signed_of(index.last_funding_rate)
        return MarkPrice(nanos_of(index.time), mark, rate, nanos_of(index.next_funding_time))


def read_failure(body: Frame) -> str:
    """What an error body says, in the exchange's words; nothing where it is no such body."""
    try:
        failure = _FAILURE.decode(body)
    except UNREADABLE:
        return ""
    return f"{' '.join(failure.message.split())[:REASON_LENGTH_MAX]} ({failure.code})"
