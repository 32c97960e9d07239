"""The decoder: what Binance says, and everything else that may come in its place."""

import json
from dataclasses import astuple
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.feed.bodies import (
    read_failure,
    read_instrument,
    read_klines,
    read_mark_price,
    read_time,
)
from actors.feed.protocol import (
    Decoded,
    DepthDiff,
    DepthSnapshot,
    OpenCandle,
    ServerShutdown,
    Unused,
    decode,
    unwrap,
)
from actors.feed.wire import BadFrame
from domain.horizons import Timeframe
from domain.instrument import BTCUSDT
from domain.market import Book, Candle, Level, MarkPrice, Ticker, Trade
from domain.units import MILLISECOND, Nanos, Price, Quantity
from tests.shared import shared

NOW = Nanos(1_723_161_255_000 * MILLISECOND)

TRADE = {
    "e": "trade",
    "E": 1723161255343,
    "s": "BTCUSDT",
    "t": 3735683259,
    "p": "61837.63000000",
    "q": "0.02000000",
    "T": 1723161255342,
    "m": True,
    "M": True,
}
DEPTH5 = {
    "lastUpdateId": 95286421357,
    "bids": [["61222.00000000", "0.88634000"], ["61221.99000000", "0.00107000"]],
    "asks": [["61222.01000000", "1.83509000"], ["61222.02000000", "0.00080000"]],
}
DIFF = {
    "e": "depthUpdate",
    "E": 1723161255308,
    "s": "BTCUSDT",
    "U": 50093239203,
    "u": 50093239207,
    "b": [["55653.87000000", "0.00000000"]],
    "a": [["61838.04000000", "0.32332000"]],
}
TICKER = {
    "e": "24hrTicker",
    "E": 1772574569035,
    "s": "BTCUSDT",
    "p": "-1437.89000000",
    "P": "-2.071",
    "c": "68004.12000000",
}
SPAN = {
    "t": 1791240000000,
    "T": 1791240059999,
    "s": "BTCUSDT",
    "i": "1m",
    "o": "85885.40",
    "c": "85893.90",
    "h": "85900.00",
    "l": "85885.40",
    "v": "30.033",
    "x": True,
}
KLINE = {"e": "kline", "E": 1791240060493, "s": "BTCUSDT", "k": SPAN}
MARK = {
    "e": "markPriceUpdate",
    "E": 1562305380000,
    "s": "BTCUSDT",
    "p": "11794.15000000",
    "r": "-0.00038167",
    "T": 1562306400000,
}
TOP = {"u": 1, "s": "BTCUSDT", "b": "61837.63", "B": "3.78826", "a": "61837.64", "A": "1.5"}


def frame(stream: str, data: object) -> bytes:
    return json.dumps({"stream": f"btcusdt@{stream}", "data": data}).encode()


def level(price: str, quantity: str) -> Level:
    return Level(Price(Decimal(price)), Quantity(Decimal(quantity)))


def refusal(stream: str, data: object) -> BadFrame:
    with pytest.raises(BadFrame) as caught:
        decode(frame(stream, data), NOW)
    return caught.value


def test_trade_has_the_time_at_which_it_happened() -> None:
    trade = decode(frame("trade", TRADE), NOW)

    at = Nanos(1723161255342 * MILLISECOND)
    price, quantity = Price(Decimal("61837.63")), Quantity(Decimal("0.02"))
    assert trade == Trade(at, 3735683259, price, quantity, buyer_is_maker=True)


def test_numbers_lose_the_zeros_that_fill_them_up() -> None:
    trade = decode(frame("trade", TRADE | {"p": "61800.00000000"}), NOW)

    assert isinstance(trade, Trade)
    assert (str(trade.price), str(trade.quantity)) == ("61800", "0.02")


def test_depth5_book_has_the_time_of_its_arrival() -> None:
    book = decode(frame("depth5@100ms", DEPTH5), NOW)

    bids = (level("61222", "0.88634"), level("61221.99", "0.00107"))
    asks = (level("61222.01", "1.83509"), level("61222.02", "0.0008"))
    assert book == Book(NOW, bids, asks)


def test_deeper_partial_book_is_cut_to_five_levels() -> None:
    asks = [[f"{61223 + n}.0", "1.0"] for n in range(20)]

    book = decode(frame("depth20", DEPTH5 | {"asks": asks}), NOW)

    assert isinstance(book, Book)
    assert [one.price for one in book.asks] == [61223, 61224, 61225, 61226, 61227]


def test_diff_keeps_the_levels_that_are_gone() -> None:
    diff = decode(frame("depth@100ms", DIFF), NOW)

    at = Nanos(1723161255308 * MILLISECOND)
    gone, changed = (level("55653.87", "0"),), (level("61838.04", "0.32332"),)
    assert diff == DepthDiff(at, 50093239203, 50093239207, 50093239202, gone, changed)


def test_diff_of_the_futures_says_itself_which_one_it_follows() -> None:
    diff = decode(frame("depth@0ms", DIFF | {"pu": 50093239000}), NOW)

    assert isinstance(diff, DepthDiff)
    assert diff.follows == 50093239000


def test_ticker_tells_the_change_as_a_fraction() -> None:
    ticker = decode(frame("ticker", TICKER), NOW)

    at = Nanos(1772574569035 * MILLISECOND)
    assert ticker == Ticker(at, Price(Decimal("68004.12")), -2.071 / 100)


def test_closed_candle_and_open_candle_are_two_types() -> None:
    closed = decode(frame("kline_1m", KLINE), NOW)
    running = decode(frame("kline_1m", KLINE | {"k": SPAN | {"x": False}}), NOW)

    assert isinstance(closed, Candle)
    assert (closed.open, closed.high, closed.low, closed.close, closed.volume) == tuple(
        Decimal(number) for number in ("85885.4", "85900", "85885.4", "85893.9", "30.033")
    )
    assert running == OpenCandle(closed)


def test_mark_price_tells_when_funding_is_charged() -> None:
    mark = decode(frame("markPrice@1s", MARK), NOW)

    at, settles = Nanos(1562305380000 * MILLISECOND), Nanos(1562306400000 * MILLISECOND)
    assert mark == MarkPrice(at, Price(Decimal("11794.15")), Decimal("-0.00038167"), settles)


@pytest.mark.parametrize("body", [TRADE, DIFF, TICKER, KLINE, MARK], ids=lambda one: one["e"])
def test_frame_of_a_raw_stream_says_itself_what_it_is(body: dict[str, Any]) -> None:
    streams = {
        "trade": "trade",
        "depthUpdate": "depth@100ms",
        "24hrTicker": "ticker",
        "kline": "kline_1m",
        "markPriceUpdate": "markPrice",
    }

    assert decode(json.dumps(body), NOW) == decode(frame(streams[body["e"]], body), NOW)


def test_bare_book_is_one_to_trade_on_and_a_deeper_one_a_snapshot() -> None:
    bids = [[f"{61222 - n}.0", "1.0"] for n in range(6)]

    assert isinstance(decode(json.dumps(DEPTH5), NOW), Book)
    assert isinstance(decode(json.dumps(DEPTH5 | {"bids": bids}), NOW), DepthSnapshot)


def test_farewell_is_heard_on_whichever_stream_it_comes() -> None:
    farewell = {"e": "serverShutdown", "E": 1770123456789}

    assert isinstance(decode(json.dumps(farewell), NOW), ServerShutdown)
    assert isinstance(decode(frame("trade", farewell), NOW), ServerShutdown)
    assert isinstance(decode(frame("whatever", farewell), NOW), ServerShutdown)


def test_book_top_is_read_and_not_used() -> None:
    assert decode(frame("bookTicker", TOP), NOW) == Unused()


@pytest.mark.parametrize(
    ("stream", "data", "reason"),
    [
        ("trade", TRADE | {"p": "NaN"}, "'NaN' is not a number"),
        ("trade", TRADE | {"p": "-1.0"}, "'-1.0' is not a number"),
        ("trade", TRADE | {"p": "1e5"}, "'1e5' is not a number"),
        ("trade", TRADE | {"p": "٣"}, "is not a number"),
        ("trade", TRADE | {"p": "1_0"}, "is not a number"),
        ("trade", TRADE | {"p": "0.00"}, "a price of zero"),
        ("trade", TRADE | {"p": 61837.63}, "Expected `str`"),
        ("trade", TRADE | {"q": "0.0"}, "a trade of nothing"),
        ("trade", TRADE | {"T": -1}, "Expected `int` >= 0"),
        ("trade", TRADE | {"T": 10**15}, "Expected `int` <="),
        ("trade", TRADE | {"m": "yes"}, "Expected `bool`"),
        ("trade", DIFF, "another kind"),
        ("trade", {"e": "trade"}, "missing required field"),
        ("trade", None, "Expected `object`"),
        ("depth5@100ms", DEPTH5 | {"bids": []}, "empty on one side"),
        ("depth5@100ms", DEPTH5 | {"bids": DEPTH5["asks"]}, "crossed"),
        ("depth5@100ms", DEPTH5 | {"bids": [["1.0", "0.0"]]}, "without size"),
        ("depth5@100ms", DEPTH5 | {"bids": [["1.0"]]}, "length 2"),
        ("depth@100ms", DIFF | {"u": 1}, "run backwards"),
        ("bookTicker", TOP | {"a": "1.0"}, "crossed"),
        ("kline_1m", KLINE | {"k": SPAN | {"h": "1.0"}}, "its high is below"),
        ("kline_1m", KLINE | {"k": SPAN | {"t": 1791240000001}}, "off the grid"),
        ("kline_1m", KLINE | {"k": SPAN | {"i": "1h"}}, "a candle"),
        ("kline_1m", KLINE | {"k": SPAN | {"i": "7m"}}, "Invalid enum value"),
        ("markPrice", MARK | {"r": ""}, "is not a number"),
        ("unheard", TRADE, "unknown stream"),
        ("", TRADE, "unknown stream"),
    ],
)
def test_frame_that_cannot_be_believed_is_refused(stream: str, data: object, reason: str) -> None:
    refused = refusal(stream, data)

    assert refused.stream == f"btcusdt@{stream}"
    assert reason in refused.reason


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"\xff\xfe", "\ud800", b"[1,2]", b"null", b"[" * 100_000, b'{"stream":3}', b"{}"],
    ids=range(9),
)
def test_what_is_no_frame_at_all_is_refused(data: bytes | str) -> None:
    with pytest.raises(BadFrame):
        decode(data, NOW)


def test_reason_quotes_little_of_a_huge_frame() -> None:
    refused = refusal("x" * 10_000, "y" * 10_000)

    assert len(str(refused)) < 300


def believed(data: bytes | str) -> Decoded | None:
    """What it decodes to; nothing where it is refused. Any other error fails the test."""
    try:
        return decode(data, NOW)
    except BadFrame:
        return None


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
streams = st.sampled_from(["trade", "depth5@100ms", "depth@100ms", "ticker", "kline_1m", "x", ""])


@given(st.binary() | st.text())
def test_any_bytes_and_any_text_are_decoded_or_refused(data: bytes | str) -> None:
    believed(data)


@given(streams, values)
def test_any_json_is_decoded_or_refused(stream: str, data: object) -> None:
    believed(json.dumps({"stream": f"btcusdt@{stream}", "data": data}))
    believed(json.dumps(data))


@settings(max_examples=300)
@given(
    st.sampled_from([TRADE, DEPTH5, DIFF, TICKER, KLINE, MARK, TOP]),
    st.data(),
)
def test_frame_with_one_wrong_value_is_decoded_to_something_finite_or_refused(
    body: dict[str, Any], data: st.DataObject
) -> None:
    key = data.draw(st.sampled_from(sorted(body)))
    broken = body | {key: data.draw(values | st.sampled_from(["NaN", "-1", "Infinity", "1E9"]))}

    decoded = believed(json.dumps(broken))

    if isinstance(decoded, Trade):
        assert 0 < decoded.price < Decimal(10) ** 15
        assert 0 < decoded.quantity < Decimal(10) ** 15
    if isinstance(decoded, Book):
        assert decoded.best_bid < decoded.best_ask


@given(st.decimals(min_value=0, max_value=10**9, places=8))
def test_number_is_read_as_exactly_what_it_says(value: Decimal) -> None:
    decoded = believed(frame("depth@100ms", DIFF | {"a": [["1.5", f"{value:.8f}"]]}))

    assert isinstance(decoded, DepthDiff)
    assert decoded.asks[0].quantity == value


def test_klines_are_read_and_checked() -> None:
    row = [1499040000000, "0.0163", "0.8", "0.0157", "0.0157", "148976.1", 0, "0", 1, "0", "0", "0"]

    candles = read_klines(json.dumps([row]), Timeframe.H1)

    assert [one.close for one in candles] == [Decimal("0.0157")]
    for broken in ([row, row], [row[:3]], {"code": 1}, [[1, *row[1:]]]):
        with pytest.raises(BadFrame):
            read_klines(json.dumps(broken), Timeframe.H1)


def test_filters_of_spot_and_futures_make_an_instrument() -> None:
    tick = {"filterType": "PRICE_FILTER", "tickSize": "0.01000000"}
    lot = {"filterType": "LOT_SIZE", "stepSize": "0.00001000"}
    spot = {"filterType": "NOTIONAL", "minNotional": "5.00000000"}
    futures = {"filterType": "MIN_NOTIONAL", "notional": "5"}

    for smallest in (spot, futures):
        symbol = {"symbol": "BTCUSDT", "filters": [tick, lot, smallest]}
        assert read_instrument(json.dumps({"symbols": [symbol]}), "BTCUSDT") == BTCUSDT
    for filters in ([tick, lot], [tick, spot], []):
        with pytest.raises(BadFrame, match="exchangeInfo"):
            read_instrument(
                json.dumps({"symbols": [{"symbol": "BTCUSDT", "filters": filters}]}), "BTCUSDT"
            )
    with pytest.raises(BadFrame):
        read_instrument('{"symbols":[]}', "BTCUSDT")


def test_bounds_of_a_limit_price_are_read_for_each_side() -> None:
    held = [
        {"filterType": "PRICE_FILTER", "tickSize": "0.01"},
        {"filterType": "LOT_SIZE", "stepSize": "0.00001"},
        {"filterType": "NOTIONAL", "minNotional": "5"},
    ]
    spot = {
        "filterType": "PERCENT_PRICE_BY_SIDE",
        "bidMultiplierUp": "1.1",
        "bidMultiplierDown": "0.8",
        "askMultiplierUp": "1.2",
        "askMultiplierDown": "0.9",
        "avgPriceMins": 5,
    }
    futures = {"filterType": "PERCENT_PRICE", "multiplierUp": "1.05", "multiplierDown": "0.95"}
    read = [
        read_instrument(
            json.dumps({"symbols": [{"symbol": "BTCUSDT", "filters": [*held, far]}]}), "BTCUSDT"
        )
        for far in (spot, futures)
    ]

    bounds = [[str(x) for x in (*astuple(rules.buys), *astuple(rules.sells))] for rules in read]

    assert bounds == [["0.8", "1.1", "0.9", "1.2"], ["0.95", "1.05", "0.95", "1.05"]]


def test_time_and_mark_price_are_read_from_their_bodies() -> None:
    premium = {
        "symbol": "BTCUSDT",
        "markPrice": "11793.63104562",
        "lastFundingRate": "-0.00038246",
        "nextFundingTime": 1597392000000,
        "time": 1597370495002,
    }

    assert read_time('{"serverTime":1499827319559}') == 1499827319559 * MILLISECOND
    mark = read_mark_price(json.dumps(premium))
    assert (mark.mark, mark.rate) == (Decimal("11793.63104562"), Decimal("-0.00038246"))
    with pytest.raises(BadFrame):
        read_mark_price(json.dumps(premium | {"markPrice": "NaN"}))


def test_error_bodies_of_the_exchange_are_quoted_and_others_are_not() -> None:
    for case in json.loads(shared("protocol/error_bodies.json").read_text()):
        body = case.get("body", "")
        said = read_failure(body.encode())
        assert bool(said) == body.startswith("{")
        assert "\n" not in said


def test_recorded_frames_decode_to_exactly_what_they_say() -> None:
    for line in shared("protocol/btcusdt_2024-08-08/spot_trade.jsonl").read_text().splitlines():
        data = json.loads(line)["data"]
        at, price = Nanos(data["T"] * MILLISECOND), Price(Decimal(data["p"]))
        quantity = Quantity(Decimal(data["q"]))
        assert decode(line, NOW) == Trade(at, data["t"], price, quantity, data["m"])
    for line in shared("protocol/btcusdt_2026-06-07/spot_depth5.jsonl").read_text().splitlines():
        data = json.loads(line)
        bids, asks = (tuple(level(*one) for one in data[side]) for side in ("bids", "asks"))
        assert decode(line, NOW) == Book(NOW, bids, asks)


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("spot_aggTrade.jsonl", Unused),
        ("spot_bookTicker.jsonl", Unused),
        ("spot_kline_1m.jsonl", OpenCandle),
        ("btcusdt_2024-08-08/spot_bookTicker.jsonl", Unused),
        ("btcusdt_2024-08-08/spot_depth_100ms.jsonl", DepthDiff),
        ("btcusdt_2024-08-08/spot_rest_depth_snapshot.jsonl", DepthSnapshot),
        ("btcusdt_2024-08-08/usdm_bookTicker.jsonl", Unused),
        ("btcusdt_2024-08-08/usdm_depth_0ms.jsonl", DepthDiff),
        ("btcusdt_2024-08-08/usdm_rest_depth_snapshot.jsonl", DepthSnapshot),
        ("btcusdt_2024-08-08/usdm_trade.jsonl", Trade),
        ("btcusdt_2026-06-07/rest_depth_limit5000.json", DepthSnapshot),
        ("btcusdt_2026-06-07/spot_depth_diff.jsonl", DepthDiff),
        ("btcusdt_2026-06-07/spot_trade.jsonl", Trade),
    ],
)
def test_every_recorded_frame_decodes_to_its_kind(file: str, kind: type) -> None:
    lines = shared(f"protocol/{file}").read_text().splitlines()

    assert {type(decode(line, NOW)) for line in lines} == {kind}


def test_quoted_frames_of_later_years_decode_too() -> None:
    kinds = [Ticker, Ticker, Ticker, Unused, Candle, OpenCandle]
    lines = shared("protocol/quoted_frames.jsonl").read_text().splitlines()

    decoded = [decode(json.dumps(json.loads(line)["frame"]), NOW) for line in lines]

    assert [type(one) for one in decoded] == kinds


def test_stream_is_named_without_reading_what_came_on_it() -> None:
    stream, data = unwrap(b'{"stream":"btcusdt@trade","data":{"any":[1]}}')

    assert (stream, bytes(data)) == ("btcusdt@trade", b'{"any":[1]}')  # type: ignore[arg-type]
