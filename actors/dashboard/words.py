"""Numbers, ages and events in the words of the screen."""

from collections.abc import Callable
from decimal import Decimal
from math import isfinite
from typing import Any

from actors.dashboard.lines import Span, Style, plain
from domain.facts import (
    Accounted,
    ActorRestarted,
    BackedUp,
    BadMessage,
    Baselined,
    Checkpointed,
    Closed,
    Decided,
    Decision,
    Fact,
    FeedDown,
    FeedUp,
    Filled,
    Forecasted,
    Funded,
    Gap,
    Halted,
    Ingested,
    Noted,
    Ordered,
    OrderRefused,
    Progress,
    Ready,
    Resumed,
    Signalled,
    Starting,
    Stopped,
    Stopping,
)
from domain.life import Status
from domain.moments import spoken
from domain.signals import Direction
from domain.units import SECOND, Nanos

NOTHING = "—"

DECISION_STYLE: dict[Decision, Style] = {
    Decision.ANALYZING: "accent",
    Decision.LONG_ENTRY: "good",
    Decision.SHORT_ENTRY: "bad",
    Decision.POSITION_HOLD: "accent",
    Decision.CLOSE_POSITION: "warn",
    Decision.RISK_PAUSE: "warn",
    Decision.WAITING: "strong",
}

DIRECTION_STYLE: dict[Direction, Style] = {
    Direction.LONG: "good",
    Direction.SHORT: "bad",
    Direction.FLAT: "dim",
}


def dollars(amount: Decimal) -> str:
    """An amount with cents.

    >>> dollars(Decimal("43247.819"))
    '$43,247.82'
    """
    return f"${amount:,.2f}"


def round_dollars(amount: Decimal) -> str:
    """An amount with cents only where it has any.

    >>> round_dollars(Decimal("43180.00")), round_dollars(Decimal("43180.1"))
    ('$43,180', '$43,180.10')
    """
    return dollars(amount).removesuffix(".00")


def gain(amount: Decimal) -> str:
    """A signed amount; what rounds to nothing is positive.

    >>> gain(Decimal("1.56")), gain(Decimal("-0.004"))
    ('+$1.56', '+$0.00')
    """
    text = f"{abs(amount):,.2f}"
    sign = "-" if amount < 0 and text != "0.00" else "+"
    return f"{sign}${text}"


def short_dollars(amount: float) -> str:
    """An amount in few characters.

    >>> [short_dollars(x) for x in (950.0, 48_620.0, 4_862_000.0)]
    ['$950', '$48.6k', '$4.86M']
    """
    if not isfinite(amount):
        return NOTHING
    for size, unit, digits in ((1e6, "M", 2), (1e3, "k", 1)):
        if abs(amount) >= size:
            return f"${amount / size:,.{digits}f}{unit}"
    return f"${amount:,.0f}"


def quantity(amount: Decimal) -> str:
    """An amount of the base currency without idle zeros.

    >>> quantity(Decimal("0.02300")), quantity(Decimal("2.00"))
    ('0.023', '2')
    """
    text = f"{amount:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(fraction: float | None, digits: int = 2) -> str:
    """A signed fraction; what rounds to nothing has no sign.

    >>> percent(0.0034), percent(None), percent(-0.00001)
    ('+0.34%', '—', '0.00%')
    """
    if fraction is None or not isfinite(fraction):
        return NOTHING
    rounded = round(fraction * 100, digits)
    return f"{rounded:+,.{digits}f}%" if rounded else f"{0:.{digits}f}%"


def share(fraction: float | None, digits: int = 1) -> str:
    """An unsigned fraction.

    >>> share(0.873)
    '87.3%'
    """
    return percent(fraction, digits).removeprefix("+")


def number(value: float, digits: int = 2) -> str:
    """A plain number.

    >>> number(1.344), number(float("nan"))
    ('1.34', '—')
    """
    return f"{value:,.{digits}f}" if isfinite(value) else NOTHING


def fine(value: float) -> str:
    """A plain number that may be very small.

    >>> fine(1.344), fine(0.0231), fine(0.00114), fine(0.0)
    ('1.34', '0.023', '0.0011', '0.00')
    """
    size = abs(value)
    return number(value, next((digits for limit, digits in _SMALL if 0 < size < limit), 2))


_SMALL = ((0.01, 4), (0.1, 3))
"""Below what a number has how many decimals."""


def span_of_time(length: Nanos) -> str:
    """How long, in its largest unit.

    >>> [span_of_time(Nanos(seconds * SECOND)) for seconds in (4, 119, 7_300, 260_000)]
    ['4s', '1m', '2h', '3d']
    """
    seconds = length // SECOND
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def short_span(length: Nanos) -> str:
    """How long, in its two largest units.

    >>> [short_span(Nanos(seconds * SECOND)) for seconds in (4, 119, 7_300, 260_000)]
    ['4s', '1m 59s', '2h 1m', '3d 0h']
    """
    seconds = length // SECOND
    for size, unit, small, less in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit} {seconds % size // small}{less}"
    return f"{seconds // 60}m {seconds % 60}s" if seconds >= 60 else f"{seconds}s"  # noqa: PLR2004


def clock(at: Nanos) -> str:
    """The time of day in UTC."""
    return spoken(at)[11:]


def style_of(amount: Decimal | float) -> Style:
    """Green for more, red for less; money that rounds to nothing is neither.

    >>> style_of(Decimal("-0.004")), style_of(Decimal("-0.006")), style_of(0.1)
    ('text', 'bad', 'good')
    """
    if isinstance(amount, Decimal) and f"{abs(amount):.2f}" == "0.00" and amount:
        return "text"
    return "bad" if amount < 0 else "good"


def sentence(fact: Fact) -> Span:
    """What happened, in one line."""
    style, text = _SENTENCES[type(fact)](fact)
    return Span(plain(text), style)


Told = tuple[Style, str]


def _starting(fact: Starting) -> Told:
    return "strong", f"PlasmaTrader {fact.version} begins: {fact.mode}, {fact.book} book"


def _progress(fact: Progress) -> Told:
    return "dim", f"{fact.criterion} {fact.done:,} of {fact.total:,} {fact.detail}"


def _ingested(fact: Ingested) -> Told:
    repaired = f", {fact.repaired:,} repaired" if fact.repaired else ""
    return "text", f"{fact.candles:,} candles stand{repaired}, took {number(fact.seconds, 1)} s"


def _baselined(fact: Baselined) -> Told:
    volatility = " ".join(share(one) for one in fact.volatility)
    lowest = min((one for row in fact.correlation for one in row), default=0.0)
    return "text", (
        f"usual: volatility of a day {volatility}, lowest correlation {number(lowest, 2)}, "
        f"spread {number(fact.spread_bps, 2)} bps"
    )


def _ready(fact: Ready) -> Told:
    return "good", f"ready with {fact.model} after {number(fact.seconds, 1)} s"


def _forecasted(fact: Forecasted) -> Told:
    return "dim", f"forecast took {number(fact.took_ms, 0)} ms"


def _signalled(fact: Signalled) -> Told:
    text = f"signal {fact.direction}, confidence {share(fact.confidence)}"
    return DIRECTION_STYLE[fact.direction], f"{text}, {number(fact.expected_bps, 1)} bps expected"


def _decided(fact: Decided) -> Told:
    return DECISION_STYLE[fact.state], f"{fact.state}: {fact.reason}"


def _ordered(fact: Ordered) -> Told:
    text = f"order {fact.side} {quantity(fact.quantity)} BTC {fact.kind}"
    return "accent", f"{text}, price {round_dollars(fact.price)}"


def _refused(fact: OrderRefused) -> Told:
    if fact.code == Status.CANCELED:  # on purpose, as a stop is once the target is reached
        return "dim", f"order canceled: {fact.reason}"
    return "warn", f"order refused: {fact.reason}"


def _filled(fact: Filled) -> Told:
    text = f"filled {fact.side} {quantity(fact.quantity)} BTC @ {round_dollars(fact.price)}"
    return "accent", f"{text}, fee {fact.fee:.4f}, slip {number(fact.slippage_bps, 1)} bps"


def _funded(fact: Funded) -> Told:
    return style_of(fact.amount), f"funding {gain(fact.amount)} at {percent(float(fact.rate), 4)}"


def _closed(fact: Closed) -> Told:
    return style_of(fact.pnl), f"closed with {gain(fact.pnl)}: {fact.reason}"


def _accounted(fact: Accounted) -> Told:
    return "dim", f"balance {dollars(fact.balance)}, equity {dollars(fact.equity)}"


def _feed_down(fact: FeedDown) -> Told:
    return "bad", f"market data lost: {fact.reason}"


def _feed_up(fact: FeedUp) -> Told:
    return "good", f"market data flows again after {number(fact.seconds, 1)} s"


def _gap(fact: Gap) -> Told:
    return "warn", f"{fact.missing:,} {fact.timeframe} candles missing, {fact.repaired:,} repaired"


def _bad_message(fact: BadMessage) -> Told:
    return "warn", f"bad message on {fact.stream}: {fact.reason}"


def _restarted(fact: ActorRestarted) -> Told:
    text = f"{fact.actor} restarted in {number(fact.seconds, 1)} s"
    return "bad", f"{text}: {fact.error}"


def _halted(fact: Halted) -> Told:
    return "bad", f"halted: {fact.reason}"


def _resumed(fact: Resumed) -> Told:
    return "good", f"trading goes on: {fact.reason}"


def _checkpointed(fact: Checkpointed) -> Told:
    return "dim", f"state {fact.sequence:,} saved"


def _backed_up(fact: BackedUp) -> Told:
    return "dim", f"backup {fact.file}"


def _noted(fact: Noted) -> Told:
    return "text", fact.text


def _stopping(fact: Stopping) -> Told:
    return "warn", f"stopping: {fact.reason}"


def _stopped(fact: Stopped) -> Told:
    return "strong", f"stopped in {number(fact.seconds, 1)} s, everything is saved"


_SENTENCES: dict[type, Callable[[Any], Told]] = {
    Starting: _starting,
    Progress: _progress,
    Ingested: _ingested,
    Baselined: _baselined,
    Ready: _ready,
    Forecasted: _forecasted,
    Signalled: _signalled,
    Decided: _decided,
    Ordered: _ordered,
    OrderRefused: _refused,
    Filled: _filled,
    Funded: _funded,
    Closed: _closed,
    Accounted: _accounted,
    FeedDown: _feed_down,
    FeedUp: _feed_up,
    Gap: _gap,
    BadMessage: _bad_message,
    ActorRestarted: _restarted,
    Halted: _halted,
    Resumed: _resumed,
    Checkpointed: _checkpointed,
    BackedUp: _backed_up,
    Noted: _noted,
    Stopping: _stopping,
    Stopped: _stopped,
}
