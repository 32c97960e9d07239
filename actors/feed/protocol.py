"""Binance's frames as our values: bytes in, domain values out.

Nothing here knows a socket, a file or a clock; `arrived` is the time at which a frame came. Prices
are parsed once, here, and nobody past this file sees a string for a number. Whatever is wrong with
a frame, only one error leaves: `BadFrame`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from msgspec import MsgspecError, Raw, Struct, field
from msgspec.json import Decoder

from actors.feed.wire import (
    UNREADABLE,
    BadFrame,
    Frame,
    Identifier,
    Millis,
    candle_of,
    level_of,
    nanos_of,
    price_of,
    quantity_of,
    signed_of,
)
from domain.horizons import Timeframe
from domain.market import DEPTH, Book, Candle, Level, MarkPrice, Ticker, Trade, valid
from domain.units import Nanos


@dataclass(frozen=True, slots=True)
class OpenCandle:
    """A candle whose time is not over; it will change."""

    candle: Candle


@dataclass(frozen=True, slots=True)
class DepthDiff:
    """What changed in the order book; a level of quantity zero is gone.

    Attributes:
        at: when the exchange published it.
        first_id: number of the first update in it.
        last_id: number of the last one.
        follows: number of the update right before it; on futures those are not consecutive.
        bids: levels that changed, in any order; the asks likewise.
    """

    at: Nanos
    first_id: int
    last_id: int
    follows: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class DepthSnapshot:
    """The whole order book, as deep as we asked for, after the update `last_id`."""

    last_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class ServerShutdown:
    """The exchange will end this connection soon."""


@dataclass(frozen=True, slots=True)
class Unused:
    """A well-formed frame of a stream that we know and have no use for."""


Decoded = (
    Book
    | Trade
    | Ticker
    | Candle
    | OpenCandle
    | MarkPrice
    | DepthDiff
    | DepthSnapshot
    | ServerShutdown
    | Unused
)

Side = tuple[tuple[str, str], ...]


class _Envelope(Struct, gc=False):
    stream: str = ""
    data: Raw = Raw()


class _Partial(Struct, gc=False, rename="camel"):
    last_update_id: Identifier
    bids: Side
    asks: Side


class _Event(Struct, gc=False, tag_field="e"):
    """What has its kind written in it."""


class _Diff(_Event, tag="depthUpdate"):
    at: Millis = field(name="E")
    first_id: Identifier = field(name="U")
    last_id: Identifier = field(name="u")
    bids: Side = field(name="b")
    asks: Side = field(name="a")
    follows: Identifier | None = field(name="pu", default=None)


class _Trade(_Event, tag="trade"):
    at: Millis = field(name="T")
    trade_id: Identifier = field(name="t")
    price: str = field(name="p")
    quantity: str = field(name="q")
    buyer_is_maker: bool = field(name="m")


class _Ticker(_Event, tag="24hrTicker"):
    at: Millis = field(name="E")
    last: str = field(name="c")
    percent: str = field(name="P")


class _Span(Struct, gc=False):
    open_time: Millis = field(name="t")
    timeframe: Timeframe = field(name="i")
    open: str = field(name="o")
    high: str = field(name="h")
    low: str = field(name="l")
    close: str = field(name="c")
    volume: str = field(name="v")
    closed: bool = field(name="x")


class _Kline(_Event, tag="kline"):
    span: _Span = field(name="k")


class _Mark(_Event, tag="markPriceUpdate"):
    at: Millis = field(name="E")
    mark: str = field(name="p")
    rate: str = field(name="r")
    settles: Millis = field(name="T")


class _AggregateTrade(_Event, tag="aggTrade"):
    price: str = field(name="p")
    quantity: str = field(name="q")


class _Shutdown(_Event, tag="serverShutdown"):
    pass


class _BookTop(Struct, gc=False):
    """The futures' one has its kind written in it, the spot's has not."""

    bid: str = field(name="b")
    bid_quantity: str = field(name="B")
    ask: str = field(name="a")
    ask_quantity: str = field(name="A")


_Events = _Diff | _Trade | _Ticker | _Kline | _Mark | _AggregateTrade | _Shutdown

_ENVELOPE = Decoder(_Envelope)
_EVENT: Decoder[_Events] = Decoder(_Events)
_PARTIAL = Decoder(_Partial)
_BOOK_TOP = Decoder(_BookTop)
_UNUSED = Unused()
_SHUTDOWN = ServerShutdown()


def _levels(side: Side) -> tuple[Level, ...]:
    return tuple(map(level_of, side))


def _book(wire: _Partial, arrived: Nanos) -> Book:
    bids, asks = _levels(wire.bids[:DEPTH]), _levels(wire.asks[:DEPTH])
    book = Book(arrived, bids, asks, update_id=wire.last_update_id)
    if not valid(book):
        raise ValueError("the book is empty on one side, unsorted, without size, or crossed")
    return book


def _snapshot(wire: _Partial) -> DepthSnapshot:
    return DepthSnapshot(wire.last_update_id, _levels(wire.bids), _levels(wire.asks))


def _diff(wire: _Diff) -> DepthDiff:
    follows = wire.first_id - 1 if wire.follows is None else wire.follows
    if not follows < wire.last_id >= wire.first_id:
        raise ValueError("update numbers that run backwards")
    bids, asks = _levels(wire.bids), _levels(wire.asks)
    return DepthDiff(nanos_of(wire.at), wire.first_id, wire.last_id, follows, bids, asks)


def _trade(wire: _Trade) -> Trade:
    quantity = quantity_of(wire.quantity)
    if not quantity:
        raise ValueError("a trade of nothing")
    at, price = nanos_of(wire.at), price_of(wire.price)
    return Trade(at, wire.trade_id, price, quantity, wire.buyer_is_maker)


def _ticker(wire: _Ticker) -> Ticker:
    return Ticker(nanos_of(wire.at), price_of(wire.last), float(signed_of(wire.percent)) / 100)


def _kline(wire: _Kline) -> Candle | OpenCandle:
    span = wire.span
    numbers = (span.open, span.high, span.low, span.close, span.volume)
    candle = candle_of(span.timeframe, span.open_time, numbers)
    return candle if span.closed else OpenCandle(candle)


def _mark(wire: _Mark) -> MarkPrice:
    mark, rate = price_of(wire.mark), signed_of(wire.rate)
    return MarkPrice(nanos_of(wire.at), mark, rate, nanos_of(wire.settles))


def _event(wire: _Events) -> Decoded:
    match wire:
        case _Trade():
            return _trade(wire)
        case _Diff():
            return _diff(wire)
        case _Kline():
            return _kline(wire)
        case _Ticker():
            return _ticker(wire)
        case _Mark():
            return _mark(wire)
        case _:
            return _other(wire)


def _other(wire: _AggregateTrade | _Shutdown) -> Unused | ServerShutdown:
    if isinstance(wire, _Shutdown):
        return _SHUTDOWN
    price_of(wire.price)
    quantity_of(wire.quantity)
    return _UNUSED


def _read_event(expected: type[_Event]) -> Callable[[Frame, Nanos], Decoded]:
    """A reader for a stream that carries events of this kind alone, and the farewell."""

    def read_event(data: Frame, _arrived: Nanos) -> Decoded:
        wire = _EVENT.decode(data)
        if type(wire) is not expected and type(wire) is not _Shutdown:
            raise ValueError("an event of another kind than the stream carries")
        return _event(wire)

    return read_event


def _read_kline(timeframe: Timeframe) -> Callable[[Frame, Nanos], Decoded]:
    """A reader for the candles of this timeframe alone."""
    read_event = _read_event(_Kline)

    def read_kline(data: Frame, arrived: Nanos) -> Decoded:
        decoded = read_event(data, arrived)
        candle = decoded.candle if isinstance(decoded, OpenCandle) else decoded
        if isinstance(candle, Candle) and candle.timeframe is not timeframe:
            raise ValueError(f"a candle of {candle.timeframe}, not of {timeframe}")
        return decoded

    return read_kline


def _read_partial(data: Frame, arrived: Nanos) -> Decoded:
    return _book(_PARTIAL.decode(data), arrived)


def _read_book_top(data: Frame, _arrived: Nanos) -> Decoded:
    wire = _BOOK_TOP.decode(data)
    if not price_of(wire.bid) < price_of(wire.ask):
        raise ValueError("the book is crossed")
    quantity_of(wire.bid_quantity)
    quantity_of(wire.ask_quantity)
    return _UNUSED


def _read_bare(data: Frame, arrived: Nanos) -> Decoded:
    """A frame of a raw stream, or the body of a REST depth request: its keys say what it is.

    A book of at most DEPTH levels on both sides is one to trade on, a deeper one is a snapshot to
    rebuild a book from.
    """
    try:
        wire = _PARTIAL.decode(data)
    except MsgspecError:
        return _event(_EVENT.decode(data))
    if max(len(wire.bids), len(wire.asks)) > DEPTH:
        return _snapshot(wire)
    return _book(wire, arrived)


_DEPTHS = [f"depth{n}{speed}" for n in (5, 10, 20) for speed in ("", "@100ms", "@1000ms")]
_DIFFS = [f"depth{speed}" for speed in ("", "@0ms", "@100ms", "@250ms", "@500ms", "@1000ms")]
_READERS: dict[str, Callable[[Frame, Nanos], Decoded]] = {
    "trade": _read_event(_Trade),
    "aggTrade": _read_event(_AggregateTrade),
    "ticker": _read_event(_Ticker),
    "bookTicker": _read_book_top,
    **dict.fromkeys(_DEPTHS, _read_partial),
    **dict.fromkeys(_DIFFS, _read_event(_Diff)),
    **{f"kline_{timeframe}": _read_kline(timeframe) for timeframe in Timeframe},
    **dict.fromkeys(["markPrice", "markPrice@1s"], _read_event(_Mark)),
}


def unwrap(frame: Frame) -> tuple[str, Frame]:
    """The stream's name and what came on it; a frame of a raw stream has no name: "" ."""
    try:
        envelope = _ENVELOPE.decode(frame)
    except UNREADABLE as error:
        raise BadFrame("", str(error)) from error
    return (envelope.stream, envelope.data) if envelope.stream else ("", frame)


def read(stream: str, data: Frame, arrived: Nanos) -> Decoded:
    """What came on this stream; without a name, what the keys say it is.

    Raises:
        BadFrame: the stream is none we know, or what came on it cannot be believed.
    """
    reader = _READERS.get(stream.partition("@")[2]) if stream else _read_bare
    try:
        if reader is None:
            return _farewell(data)
        return reader(data, arrived)
    except UNREADABLE as error:
        raise BadFrame(stream, str(error)) from error


def _farewell(data: Frame) -> ServerShutdown:
    """The one event that is not bound to a stream we asked for."""
    try:
        wire = _EVENT.decode(data)
    except MsgspecError:
        wire = None
    if not isinstance(wire, _Shutdown):
        raise ValueError("unknown stream")  # noqa: TRY004 - the data is wrong, not our types
    return _SHUTDOWN


def decode(frame: Frame, arrived: Nanos) -> Decoded:
    """A frame of a combined or a raw stream, or the body of a REST depth request.

    >>> frame = '{"stream":"btcusdt@trade","data":{"e":"trade","E":3,"s":"BTCUSDT","t":7,'
    >>> frame += '"p":"61837.63000000","q":"0.02000000","T":2,"m":true,"M":true}}'
    >>> decode(frame, Nanos(0))  # doctest: +NORMALIZE_WHITESPACE
    Trade(at=2000000, trade_id=7, price=Decimal('61837.63'), quantity=Decimal('0.02'),
          buyer_is_maker=True)

    Raises:
        BadFrame: it cannot be believed, and why.
    """
    return read(*unwrap(frame), arrived)
