"""A Binance-compatible exchange on loopback, REST and streams on one port, with faults.

with Exchange(source, speed=60) as exchange:
    ... exchange.rest, exchange.ws ...
    exchange.drop_all()
"""

import base64
import hashlib
import json
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, cast
from urllib.parse import parse_qs, urlsplit

from actors.feed.source import Source
from domain.horizons import Timeframe
from tests.exchange.faults import Faults
from tests.exchange.market import Market, levels, millis, number, past, row

_ACCEPT = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_LIMIT_DEFAULT, _LIMIT_MAX = 500, 1000


@dataclass(frozen=True)
class Answer:
    """An answer that a test has ordered in place of the true one."""

    path: str
    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    cut: bool = False
    """Whether it breaks off halfway."""
    drip: float = 0.0
    """How long to wait before each further byte [s]."""


class Exchange(ThreadingHTTPServer):
    """The exchange. `requests` lists every REST request it has seen."""

    daemon_threads = True

    def __init__(
        self, source: Source, *, speed: float = 1.0, port: int = 0, waits: bool = False
    ) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.market = Market(source, speed, waits=waits)
        self.requests: list[str] = []
        self.connections = 0
        self.clients: set[_Client] = set()
        self._ordered: list[Answer] = []
        self._refusing = False
        self.closed = threading.Event()
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)

    @property
    def rest(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self.market.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closed.set()
        self.market.stop()
        self.shutdown()
        self._thread.join()
        self.drop_all()
        self.server_close()

    def drop_all(self) -> None:
        """Cut every connection, as a cable would."""
        for one in list(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def refuse(self, refusing: bool) -> None:  # noqa: FBT001 - a switch
        """Take no new connection."""
        self._refusing = refusing

    def silence(self, silent: bool) -> None:  # noqa: FBT001
        """Say nothing on any stream; pings are still answered."""
        self.market.faults.silent = silent

    @property
    def faults(self) -> Faults:
        """What else goes wrong."""
        return self.market.faults

    def say(self, stream: str, data: bytes) -> None:
        """Send this on a stream to all who listen to it, whatever it is."""
        for listener in list(self.market.listeners):
            listener(f"{self.market.symbol.lower()}@{stream}", data)

    def pour(self, frames: bytes, stream: str = "") -> None:
        """Send these bytes, whole WebSocket frames, to all who listen; wait until they are gone.

        Where a stream is named, only to those who have asked for it.
        """
        for one in list(self.clients):
            if not stream or stream in one.streams:
                one.pour(frames)

    def order(self, answer: Answer, times: int = 1) -> None:
        """The next requests whose path begins like this get this answer."""
        self._ordered += [answer] * times

    def ordered(self, path: str) -> Answer | None:
        for answer in self._ordered:
            if path.startswith(answer.path):
                self._ordered.remove(answer)
                return answer
        return None

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._open.add(connection)
        return connection, address

    def verify_request(self, _request: Any, _address: Any) -> bool:
        return not self._refusing

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, _request: Any, _address: Any) -> None:
        """A client that went away is nothing to report."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        exchange = cast("Exchange", self.server)
        if self.headers.get("Upgrade", "").lower() == "websocket":
            exchange.connections += 1
            _Client(self, exchange).serve()
            return
        exchange.requests.append(self.path)
        ordered = exchange.ordered(self.path)
        if ordered is not None:
            self._send(ordered)
            return
        url = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        status, body = answer(exchange.market, url.path, asked)
        self._send(Answer(self.path, status, json.dumps(body, separators=(",", ":")).encode()))

    def _send(self, answer: Answer) -> None:
        exchange = cast("Exchange", self.server)
        body = answer.body
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json;charset=UTF-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-MBX-USED-WEIGHT-1M", str(exchange.faults.weight))
        for name, value in answer.headers:
            self.send_header(name, value)
        self.end_headers()
        if answer.cut:
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        elif answer.drip:
            for byte in body:
                if exchange.closed.wait(answer.drip):
                    return
                self.wfile.write(bytes([byte]))
        else:
            self.wfile.write(body)


def answer(market: Market, path: str, asked: dict[str, str]) -> tuple[int, Any]:
    """Status and body of a REST request."""
    if path == "/api/v3/ping":
        return 200, {}
    if path == "/api/v3/time":
        return 200, {"serverTime": millis(market.now) + market.faults.skew_ms}
    known = {
        "/api/v3/exchangeInfo": _exchange_info,
        "/api/v3/klines": _klines,
        "/api/v3/depth": _depth,
        "/api/v3/historicalTrades": _historical_trades,
        "/fapi/v1/premiumIndex": _premium_index,
    }
    if path not in known:
        return 404, {"code": -1, "msg": "Not found."}
    if "symbol" not in asked:
        return 400, {"code": -1102, "msg": "Mandatory parameter 'symbol' was not sent."}
    if asked["symbol"] != market.symbol:
        return 400, {"code": -1121, "msg": "Invalid symbol."}
    return known[path](market, asked)


def _exchange_info(market: Market, _asked: dict[str, str]) -> tuple[int, Any]:
    filters = [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01000000", "tickSize": "0.01000000"},
        {"filterType": "LOT_SIZE", "minQty": "0.00001000", "stepSize": "0.00001000"},
        {"filterType": "NOTIONAL", "minNotional": "5.00000000", "applyMinToMarket": True},
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": "5",
            "bidMultiplierDown": "0.2",
            "askMultiplierUp": "5",
            "askMultiplierDown": "0.2",
        },
    ]
    return 200, {"timezone": "UTC", "symbols": [{"symbol": market.symbol, "filters": filters}]}


def _klines(market: Market, asked: dict[str, str]) -> tuple[int, Any]:
    if asked.get("interval") not in {timeframe.value for timeframe in Timeframe}:
        return 400, {"code": -1120, "msg": "Invalid interval."}
    candles = market.candles(Timeframe(asked["interval"]))
    first, last = int(asked.get("startTime", 0)), int(asked.get("endTime", 2**53))
    limit = min(int(asked.get("limit", _LIMIT_DEFAULT)), _LIMIT_MAX)
    found = [candle for candle in candles if first <= millis(candle.open_time) <= last]
    chosen = found[:limit] if "startTime" in asked else found[-limit:]
    rows = [row(candle) for candle in chosen]
    return 200, market.faults.shown(Timeframe(asked["interval"]), rows)


def _historical_trades(market: Market, asked: dict[str, str]) -> tuple[int, Any]:
    first = int(asked.get("fromId", 0))
    limit = min(int(asked.get("limit", _LIMIT_DEFAULT)), _LIMIT_MAX)
    found = [trade for trade in list(market.trades) if trade.trade_id >= first][:limit]
    return 200, [past(trade) for trade in found]


def _depth(market: Market, _asked: dict[str, str]) -> tuple[int, Any]:
    book = market.book
    if book is None:
        return 503, {"code": -1016, "msg": "This service is no longer available."}
    sides = {"bids": levels(book.bids), "asks": levels(book.asks)}
    return 200, {"lastUpdateId": market.updates, **sides}


def _premium_index(market: Market, _asked: dict[str, str]) -> tuple[int, Any]:
    mark = market.mark
    if mark is None:
        return 503, {"code": -1016, "msg": "This service is no longer available."}
    return 200, {
        "symbol": market.symbol,
        "markPrice": number(mark.mark),
        "indexPrice": number(mark.mark),
        "lastFundingRate": number(mark.rate),
        "nextFundingTime": millis(mark.settles),
        "time": millis(mark.at),
    }


class _Client:
    """One WebSocket connection: combined streams at /stream?streams=a/b, raw ones at /ws/a.

    More can be asked for later, by a SUBSCRIBE.
    """

    def __init__(self, handler: BaseHTTPRequestHandler, exchange: Exchange) -> None:
        self._handler = handler
        self._exchange = exchange
        self._market = exchange.market
        self._lock = threading.Lock()
        url = urlsplit(handler.path)
        self._combined = url.path == "/stream"
        asked = parse_qs(url.query).get("streams", [""])[0] if self._combined else url.path[4:]
        self.streams = set(asked.split("/"))

    def serve(self) -> None:
        """Shake hands, then answer what the client sends until it leaves."""
        handler = self._handler
        handler.close_connection = True
        key = handler.headers["Sec-WebSocket-Key"].encode()
        handler.send_response(101)
        handler.send_header("Upgrade", "websocket")
        handler.send_header("Connection", "Upgrade")
        accept = base64.b64encode(hashlib.sha1(key + _ACCEPT).digest())  # noqa: S324 - RFC 6455
        handler.send_header("Sec-WebSocket-Accept", accept.decode())
        handler.end_headers()
        self._market.listeners.add(self._hear)
        self._exchange.clients.add(self)
        lifetime = self._market.faults.lifetime
        end = threading.Timer(lifetime, self._end)
        if lifetime:
            end.start()
        try:
            while self._answer():
                pass
        finally:
            end.cancel()
            self._market.listeners.discard(self._hear)
            self._exchange.clients.discard(self)

    def _end(self) -> None:
        with suppress(OSError):
            self._send(_CLOSE, b"")
            self._handler.connection.shutdown(socket.SHUT_RDWR)

    def _hear(self, stream: str, data: bytes) -> None:
        if stream not in self.streams:
            return
        text = b'{"stream":"%b","data":%b}' % (stream.encode(), data) if self._combined else data
        try:
            self._send(_TEXT, text)
        except OSError:
            self._market.listeners.discard(self._hear)

    def _send(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        if size < 126:
            head = struct.pack(">BB", 0x80 | opcode, size)
        elif size < 2**16:
            head = struct.pack(">BBH", 0x80 | opcode, 126, size)
        else:
            head = struct.pack(">BBQ", 0x80 | opcode, 127, size)
        self.pour(head + payload)

    def pour(self, frames: bytes) -> None:
        """Send these bytes as they are; nothing comes between them."""
        with self._lock:
            self._handler.connection.sendall(frames)

    def _answer(self) -> bool:
        """Read one frame of the client, which are short and masked; whether it stays."""
        head = self._handler.rfile.read(2)
        if len(head) < 2:
            return False
        opcode, size = head[0] & 0x0F, head[1] & 0x7F
        if size == 126:
            size = int(struct.unpack(">H", self._handler.rfile.read(2))[0])
        mask = self._handler.rfile.read(4)
        masked = self._handler.rfile.read(size)
        payload = bytes(byte ^ mask[n % 4] for n, byte in enumerate(masked))
        if opcode == _PING:
            self._send(_PONG, payload)
        if opcode == _TEXT:
            self._subscribe(payload)
        if opcode == _CLOSE:
            with suppress(OSError):
                self._send(_CLOSE, payload)
        return opcode != _CLOSE

    def _subscribe(self, request: bytes) -> None:
        asked = json.loads(request)
        self.streams |= set(asked["params"])
        self._send(_TEXT, json.dumps({"result": None, "id": asked["id"]}).encode())
