"""What the user asked for on the command line, checked."""

import argparse
import math
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from actors.guardian import ALERT_URLS
from domain.errors import SettingsInvalid
from domain.facts import Mode
from domain.moments import LATEST
from domain.units import DAY, HOUR, MINUTE, SECOND, Nanos
from domain.version import VERSION
from persistence.arguments import Parser, default_home, path

REST = (
    "https://api.binance.com",
    "https://api1.binance.com",
    "https://api2.binance.com",
    "https://api3.binance.com",
    "https://api4.binance.com",
    "https://data-api.binance.vision",
)
WEBSOCKET = (
    "wss://stream.binance.com:9443",
    "wss://stream.binance.com:443",
    "wss://data-stream.binance.vision",
)
FUTURES_REST = ("https://fapi.binance.com",)
FUTURES_WEBSOCKET = ("wss://fstream.binance.com",)

ENGINES = ("exact", "stock", "int8")
"""Our own forward pass, chronos-forecasting's with the same numbers, or that in eight bits."""

ALERT_FORMATS = ("auto", "json", "slack", "discord", "ntfy")
"""How an alert is written; `auto` goes by the host that it is sent to."""

PORTS = 1 << 16

SPEEDS = (1e-3, 1e6)
"""Slowest and fastest market by the clock [times real time]."""

SPEED_MAX = math.inf
"""`--speed max`: the deterministic loop."""

UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}


@dataclass(frozen=True, slots=True)
class Settings:
    """All options, with their defaults filled in; see `--help` for what they mean."""

    home: Path
    demo: bool
    replay: Path | None
    history: Path | None
    speed: float
    start: Nanos | None
    end: Nanos | None
    model: str
    engine: str
    rest: tuple[str, ...]
    websocket: tuple[str, ...]
    futures_rest: tuple[str, ...]
    futures_websocket: tuple[str, ...]
    headless: bool
    duration: Nanos | None
    seed: int
    record: Path | None
    metrics: int | None
    alert_urls: tuple[str, ...]
    alert_format: str
    eager: bool = False

    @property
    def deterministic(self) -> bool:
        """Whether the one-thread loop runs instead of actor threads."""
        return self.speed == SPEED_MAX

    @property
    def watched(self) -> bool:
        """Whether somebody sits in front of a screen, who is shown it."""
        return not self.headless and sys.stdout.isatty()

    @property
    def mode(self) -> Mode:
        """Where the market data is to come from."""
        if self.demo:
            return Mode.DEMO
        return Mode.LIVE if self.replay is None else Mode.REPLAY


def parse(arguments: Sequence[str]) -> Settings:
    """The settings that these arguments ask for.

    Raises:
        SettingsInvalid: an option is unknown, malformed, or contradicts another one.
        SystemExit: `--help` or `--version` was asked for and answered.
    """
    found = _parser().parse_args(arguments)
    settings = Settings(
        home=found.home.expanduser(),
        demo=found.demo,
        replay=found.replay,
        history=found.history,
        speed=found.speed if found.speed is not None else 1.0,
        start=found.start,
        end=found.end,
        model=found.model,
        engine=found.engine,
        rest=tuple(found.rest or REST),
        websocket=tuple(found.ws or WEBSOCKET),
        futures_rest=tuple(found.futures_rest or FUTURES_REST),
        futures_websocket=tuple(found.futures_ws or FUTURES_WEBSOCKET),
        headless=found.headless,
        duration=found.duration,
        seed=found.seed,
        record=found.record,
        metrics=found.metrics,
        alert_urls=tuple(found.alert_url or _alert_urls_kept()),
        alert_format=found.alert_format,
        eager=found.eager,
    )
    _check(settings, given_speed=found.speed is not None)
    return settings


def _check(settings: Settings, *, given_speed: bool) -> None:
    replayed = settings.replay is not None
    contradictions = (
        (settings.demo and replayed, "--demo and --replay exclude each other"),
        (
            given_speed and not (settings.demo or replayed),
            "--speed needs --demo or --replay: a live market has its own pace",
        ),
        (not replayed and bool(settings.start or settings.end), "--from and --to need --replay"),
        (not replayed and settings.history is not None, "--history needs --replay"),
        (
            settings.record is not None and (settings.demo or replayed),
            "--record keeps live frames: it excludes --demo and --replay",
        ),
        (
            None not in (settings.start, settings.end)
            and (settings.start or 0) >= (settings.end or 0),
            "--from must be earlier than --to",
        ),
        (
            settings.demo and settings.deterministic and settings.duration is None,
            "--demo --speed max never ends: say how long with --for",
        ),
    )
    for stands, message in contradictions:
        if stands:
            raise SettingsInvalid(message)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="plasmatrader",
        description="Trades BTC/USDT on paper: Binance's public data, Chronos-Bolt's forecasts.",
        epilog="Without --demo or --replay it trades the live market.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--version", action="version", version=f"PlasmaTrader {VERSION}")
    add("--demo", action="store_true", help="embedded market: no network, no download")
    add("--replay", type=path, metavar="PATH", help="recorded frames or a candle archive")
    add("--history", type=path, metavar="PATH", help="candles before the start of a recording")
    add("--speed", type=_speed, metavar="X", help="times real time, or max: the exact loop")
    add("--from", type=instant, dest="start", metavar="T", help="first moment of a replay, UTC")
    add("--to", type=instant, dest="end", metavar="T", help="last moment of a replay, UTC")
    add(
        "--home",
        type=path,
        default=default_home(),
        metavar="DIR",
        help="state (default: %(default)s)",
    )
    add("--model", default="auto", metavar="NAME", help="auto, embedded, a hub id or a folder")
    add("--engine", choices=ENGINES, default="exact", help="who computes it (default: exact)")
    add("--headless", action="store_true", help="event lines instead of the dashboard")
    add("--for", type=_duration, dest="duration", metavar="D", help="stop after 30s, 10m, 48h")
    add("--seed", type=seed_number, default=1, metavar="N", help="latencies and the demo market")
    add("--record", type=path, metavar="DIR", help="keep the raw live frames for --replay")
    eager = "trade on every confident signal: tries the machinery, and costs fees"
    add("--eager", action="store_true", help=eager)
    _add_addresses(parser)
    return parser


def _add_addresses(parser: argparse.ArgumentParser) -> None:
    """Where the market is found, and where others find out how we do."""
    add = parser.add_argument
    add("--metrics", type=_port, metavar="PORT", help="Prometheus at 127.0.0.1:PORT/metrics")
    add(
        "--alert-url",
        type=_alert_url,
        action="append",
        metavar="URL",
        help=f"who is told of trouble; repeatable (default: ${ALERT_URLS})",
    )
    add("--alert-format", choices=ALERT_FORMATS, default="auto", help="default: by the host")
    add("--rest", type=_url, action="append", metavar="URL", help="base of the REST API")
    add("--ws", type=_url, action="append", metavar="URL", help="base of the streams")
    add("--futures-rest", type=_url, action="append", metavar="URL", help="the same, futures")
    add("--futures-ws", type=_url, action="append", metavar="URL", help="the same, futures")


def _speed(text: str) -> float:
    if text == "max":
        return SPEED_MAX
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not SPEEDS[0] <= speed <= SPEEDS[1]:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number above 0 nor 'max'")
    return speed


def _duration(text: str) -> Nanos:
    match = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)([smhd])", text)
    duration = Nanos(int(float(match[1]) * UNITS[match[2]])) if match else Nanos(0)
    if not 0 < duration <= LATEST:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration such as 30s, 10m or 48h")
    return duration


def instant(text: str) -> Nanos:
    """The moment that a user means, UTC unless it says otherwise; a date is its midnight."""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=moment.tzinfo or UTC)
        at = Nanos(int(moment.timestamp()) * SECOND)
    except (OverflowError, ValueError) as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no moment such as 2025-03-01 or 2025-03-01T12:00"
        ) from error
    if not 0 <= at <= LATEST:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 1970 and 2100")
    return at


def seed_number(text: str) -> int:
    """A seed that a user gives."""
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no whole number from 0 on")
    return int(text)


def _url(text: str) -> str:
    """Shown on the screen and in events, so it may hold no password."""
    if not re.fullmatch(r"(https?|wss?)://[^/@?#\x00-\x20\x7f-\U0010ffff]+(/[!-~]*)?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no URL such as https://api.binance.com")
    try:
        port = urlsplit(text).port
    except ValueError:
        port = 0
    if port == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no URL such as https://api.binance.com")
    return text.rstrip("/")


def _port(text: str) -> int:
    if not text.isdecimal() or not text.isascii() or not 0 < int(text) < PORTS:
        raise argparse.ArgumentTypeError(f"{text!r} is no port from 1 to {PORTS - 1}")
    return int(text)


def _alert_url(text: str) -> str:
    """Never shown, not even where it is wrong: it is a key to somebody's channel."""
    reason = "it is no URL such as https://ntfy.sh/topic"
    if not re.fullmatch(r"https?://[!-~]+", text):
        raise argparse.ArgumentTypeError(reason)
    try:
        parts = urlsplit(text)
        if not parts.hostname or parts.port == 0:
            raise argparse.ArgumentTypeError(reason)
    except ValueError:
        raise argparse.ArgumentTypeError(reason) from None
    return text


def _alert_urls_kept() -> tuple[str, ...]:
    """Those that the environment names."""
    try:
        return tuple(map(_alert_url, os.environ.get(ALERT_URLS, "").split()))
    except argparse.ArgumentTypeError as error:
        raise SettingsInvalid(f"${ALERT_URLS}: {error}") from None
