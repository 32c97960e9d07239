"""The newest of everything as metric families, made when somebody asks for them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client import Metric
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)

from actors.messages import RoomVitals, Span, Vitals
from domain.account import Marked
from domain.facts import Checkpointed, Ready, Starting
from domain.market import Book, Ticker
from domain.microstructure import MarketQuality
from domain.tally import (
    DECODE_SECONDS,
    DELAY_SECONDS,
    WRITE_SECONDS,
    Tallied,
    Tally,
)
from domain.units import SECOND, Nanos

PREFIX = "plasmatrader_"

SPANS: dict[Span, tuple[str, str, tuple[float, ...]]] = {
    Span.DELAY: (
        "stream_delay_seconds",
        "From a trade's own time at the exchange to its arrival here.",
        DELAY_SECONDS,
    ),
    Span.DECODE: (
        "decode_seconds",
        "The reading of one frame of the stream, up to the feed's inbox.",
        DECODE_SECONDS,
    ),
    Span.COMMIT: ("ledger_commit_seconds", "One durable change of the ledger.", WRITE_SECONDS),
}
"""What each span is called, what it is, and its bounds."""


@dataclass(slots=True)
class Newest:
    """The newest of everything; written by one thread, read by another, each field as a whole.

    Attributes:
        starting: what the program said of itself when it began.
        ready: what the model is; None until trading may begin.
        marked: the account.
        book: newest book.
        ticker: newest 24-hour figures.
        quality: newest measure of the book.
        vitals: how the actors do.
        checkpoint: newest saved state.
        received: bytes that have come from the venue.
        fed: when market data last came, in market time.
        now: market time of the newest tick.
        spans: what the actors have measured.
    """

    starting: Starting | None = None
    ready: Ready | None = None
    marked: Marked | None = None
    book: Book | None = None
    ticker: Ticker | None = None
    quality: MarketQuality | None = None
    vitals: Vitals | None = None
    checkpoint: Checkpointed | None = None
    received: int = 0
    fed: Nanos | None = None
    now: Nanos = Nanos(0)  # noqa: RUF009 - a NewType call is the value itself
    spans: dict[Span, Tallied] = field(
        default_factory=lambda: {span: Tally(SPANS[span][2]).tallied() for span in Span}
    )


def families(newest: Newest, quiet: float) -> Iterator[Metric]:
    """Everything that is not counted by an event; `quiet` is the age of the newest tick [s]."""
    yield from _who(newest)
    yield from _account(newest.marked)
    yield from _market(newest, quiet)
    yield from _rooms(newest.vitals)
    for span, (name, text, _) in SPANS.items():
        yield histogram(name, text, newest.spans[span])


def histogram(name: str, text: str, times: Tallied) -> HistogramMetricFamily:
    """A tally as Prometheus has it: each bucket holds all that is not above its bound."""
    reached, buckets = 0, []
    for bound, count in zip((*map(repr, times.bounds), "+Inf"), times.counts, strict=True):
        reached += count
        buckets.append((bound, float(reached)))
    family = HistogramMetricFamily(PREFIX + name, text)
    family.add_metric([], buckets, times.total)
    return family


def gauge(name: str, text: str, value: float | None) -> Iterator[GaugeMetricFamily]:
    """One value; nothing where nobody knows it."""
    if value is not None:
        yield GaugeMetricFamily(PREFIX + name, text, value=value)


def _who(newest: Newest) -> Iterator[Metric]:
    starting, ready = newest.starting, newest.ready
    family = GaugeMetricFamily(
        f"{PREFIX}info",
        "Always 1; the labels say what runs.",
        labels=("version", "book", "model", "model_sha", "verified"),
    )
    version, book = ("", "") if starting is None else (starting.version, starting.book)
    model, sha = ("", "") if ready is None else (ready.model, ready.model_sha)
    verified = str(ready is not None and ready.verified).lower()
    family.add_metric((version, book, model, sha, verified), 1.0)
    yield family
    saved = None if newest.checkpoint is None else newest.checkpoint.at / SECOND
    yield from gauge("checkpoint_timestamp_seconds", "When the state was last saved.", saved)


def _account(marked: Marked | None) -> Iterator[Metric]:
    if marked is None:
        return
    account, held = marked.account, marked.account.position
    size = 0.0 if held is None else float(held.quantity) * held.side.sign
    amounts = (
        ("balance_usdt", "Wallet balance.", account.wallet),
        ("equity_usdt", "Wallet balance and unrealised gain.", marked.equity),
        ("high_water_usdt", "Highest equity ever.", marked.high_water),
        ("pnl_usdt", "All gains and losses after costs.", account.pnl),
        ("fees_usdt", "Fees paid so far.", account.fees),
        ("funding_usdt", "Funding received so far, negative when paid.", account.funding),
        ("unrealised_usdt", "What equity is above the wallet.", marked.equity - account.wallet),
        ("drawdown_ratio", "How far equity is below its best; trading stops at 0.08.", None),
        ("position_btc", "What we hold, negative when short.", size),
        ("win_rate_ratio", "Share of the last 50 trades that gained.", account.win_rate),
        ("trades", "Positions closed ever.", account.trades),
    )
    for name, text, amount in amounts:
        yield from gauge(name, text, float(marked.drawdown if amount is None else amount))


def _market(newest: Newest, quiet: float) -> Iterator[Metric]:
    price = newest.book.mid if newest.book is not None else None
    if price is None and newest.ticker is not None:
        price = newest.ticker.last
    yield from gauge("price_usdt", "Middle of the book.", None if price is None else float(price))
    quality = newest.quality
    if quality is not None:
        yield from gauge("spread_bps", "Relative spread.", quality.spread_bps)
        yield from gauge("liquidity_usd", "Waiting in the top five levels.", quality.liquidity)
        yield from gauge("pressure_ratio", "Waiting to buy over waiting to sell.", quality.pressure)
    age = None if newest.fed is None else max(0, newest.now - newest.fed) / SECOND
    yield from gauge("feed_age_seconds", "Market time since market data last came.", age)
    yield from gauge("tick_age_seconds", "Wall time since the dashboard heard a tick.", quiet)
    received = CounterMetricFamily(f"{PREFIX}received_bytes", "Market data from the venue.")
    received.add_metric([], newest.received)
    yield received


def _rooms(vitals: Vitals | None) -> Iterator[Metric]:
    rooms = () if vitals is None else vitals.rooms
    yield _by_actor("mailbox_messages", "Messages that wait.", rooms, lambda x: x.waiting)
    yield _by_actor(
        "mailbox_wait_seconds",
        "How long the newest one that was timed had waited.",
        rooms,
        lambda x: None if x.waited_ms is None else x.waited_ms / 1000,
    )
    yield _by_actor("actor_up", "Whether it lives.", rooms, lambda x: x.alive)
    yield _by_actor(
        "mailbox_handled_total",
        "Messages that its present life handled.",
        rooms,
        lambda x: x.handled,
    )
    yield _by_actor(
        "mailbox_dropped_total", "Messages that came while it was dead.", rooms, lambda x: x.dropped
    )
    yield _by_actor(
        "mailbox_overtaken_total", "Values that newer ones overtook.", rooms, lambda x: x.skipped
    )


def _by_actor(
    name: str, text: str, rooms: Iterable[RoomVitals], value: Callable[[RoomVitals], float | None]
) -> Metric:
    """One value of each actor, where it is known."""
    labels, total = ("actor",), name.endswith("_total")
    family: GaugeMetricFamily | CounterMetricFamily = (
        CounterMetricFamily(PREFIX + name, text, labels=labels)
        if total
        else GaugeMetricFamily(PREFIX + name, text, labels=labels)
    )
    for room in rooms:
        known = value(room)
        if known is not None:
            family.add_metric((room.name,), float(known))
    return family


def labelled_gauge(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    """One value for each of a label's."""
    family = GaugeMetricFamily(PREFIX + name, text, labels=(label,))
    for one, value in values.items():
        family.add_metric((one,), float(value))
    return family


def labelled_counter(name: str, text: str, label: str, values: Mapping[str, int]) -> Metric:
    """One count for each of a label's."""
    family = CounterMetricFamily(PREFIX + name, text, labels=(label,))
    for one, value in values.items():
        family.add_metric((one,), float(value))
    return family
