"""`state.json`: the state as the user's schema has it, written, read and checked.

The schema is `state.schema.json` beside this file. A document holds the wallet, what is open, and
every closed round trip: `side` and `price` are those of the entry, `pnl` is after all costs.
"""

import json
import os
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.account import KELLY_WINDOW, OPENING_BALANCE, Account, Position, RoundTrip
from domain.errors import StateInvalid
from domain.execution import CENT
from domain.instrument import BTCUSDT
from domain.market import Side
from domain.moments import instant, moment
from domain.policy import plan_from
from domain.units import HOUR, MINUTE, Money, Nanos, Price, Quantity

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

SCHEMA = Path(__file__).parent / "state.schema.json"

SAVE_EVERY = Nanos(5 * MINUTE)
"""How often the document is written [market time]."""

AMOUNT_MAX = 10**12
"""No amount, price or size of a document is larger; the ledger's decimals hold it exactly."""

SIZE_MAX = 1 << 26
"""A longer document is none [bytes]; half a million trades have as much."""

DRAWDOWN_DIGITS = 6
"""A millionth is a cent of the wallet."""

RESTORED_HORIZON = HOUR
"""How long a restored position, whose plan no document holds, is kept at most."""

Document = dict[str, Any]


def document(at: Nanos, account: Account, trips: Sequence[RoundTrip], drawdown: float) -> Document:
    """The state in the user's schema."""
    return {
        "timestamp": moment(at),
        "wallet_balance": float(account.wallet),
        "positions": _positions(account.position),
        "total_pnl": float(account.pnl),
        "trades": [_trade(trip) for trip in trips],
        "risk_metrics": {
            "current_drawdown": round(drawdown, DRAWDOWN_DIGITS),
            "win_rate": account.win_rate,
        },
    }


def write(path: Path, state: Document, *, durable: bool = True) -> None:
    """Replace the file as a whole: after a crash it is the old document or the new one.

    Args:
        path: the file.
        state: its new content.
        durable: wait until it is on the disk. A replay that can be run again does without.
    """
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text(state))
        file.flush()
        if durable:
            os.fsync(file.fileno())
    temporary.replace(path)


def text(state: Document) -> str:
    """The document as a person reads it."""
    return json.dumps(state, indent=2) + "\n"


def read(path: Path) -> Document:
    """A document that fulfils the schema.

    Raises:
        StateInvalid: the file cannot be read, is no JSON, or breaks the schema; says where.
    """
    try:
        with path.open("rb") as file:
            data = file.read(SIZE_MAX + 1)  # of a device that never ends, too
        if len(data) > SIZE_MAX:
            raise StateInvalid(f"{path} is longer than {SIZE_MAX} bytes")
        state = json.loads(data.decode("utf-8"), parse_constant=_no_constant)
    except OSError as error:
        raise StateInvalid(f"{path} cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise StateInvalid(f"{path} is not JSON ({error})") from error
    check(state, str(path))
    return dict(state)


def check(state: object, name: str) -> None:
    """Raise StateInvalid, naming the place, where the document breaks the schema."""
    from jsonschema.exceptions import best_match  # noqa: PLC0415 - a start reads no document

    first = best_match(_validator().iter_errors(state))
    if first is not None:
        place = "/".join(str(step) for step in first.absolute_path) or "the document"
        raise StateInvalid(f"{name} breaks the schema at {place}: {first.message[:200]}")
    assert isinstance(state, dict)
    for stamp in (state["timestamp"], *(trade["timestamp"] for trade in state["trades"])):
        try:
            instant(stamp)
        except ValueError as error:
            raise StateInvalid(f"{name}: {stamp} is no moment in time ({error})") from error
    _check_amounts(state, name)


def _check_amounts(state: Document, name: str) -> None:
    """Refuse numbers that the ledger could not hold to the last digit, or that round to nothing."""
    sizes = [
        (part[key], key)
        for part in (*state["positions"].values(), *state["trades"])
        for key in ("size", "price", "entry_price")
        if key in part
    ]
    amounts = [(state[key], key) for key in ("wallet_balance", "total_pnl")]
    amounts += [(trade["pnl"], "pnl") for trade in state["trades"]]
    for number, key in (*sizes, *amounts):
        if abs(number) > AMOUNT_MAX:
            raise StateInvalid(f"{name}: {key} is more than {AMOUNT_MAX}")
    for number, key in sizes:
        if _exact(number) < CENT:
            raise StateInvalid(f"{name}: {key} is less than {CENT}")


def described(state: Document) -> tuple[Account, tuple[RoundTrip, ...]]:
    """The account and the round trips that a valid document describes."""
    wallet = _money(state["wallet_balance"])
    trips = tuple(_trip(trade) for trade in state["trades"])
    gained = Money(wallet - OPENING_BALANCE)
    account = Account(
        wallet=wallet,
        realised=gained,
        fees=Money(Decimal(0)),
        funding=Money(Decimal(0)),
        position=_position(state),
        trades=len(trips),
        wins=sum(trip.pnl > 0 for trip in trips),
        recent=trips[-KELLY_WINDOW:],
        restated=Money(_money(state["total_pnl"]) - gained),
    )
    return account, trips


@cache
def _validator() -> "Draft202012Validator":
    from jsonschema import Draft202012Validator  # noqa: PLC0415

    return Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _exact(number: float) -> Decimal:
    return Decimal(str(number))


def _money(number: float) -> Money:
    """To the ledger's last digit, without zeros that only fill it up."""
    rounded = _exact(number).quantize(CENT, ROUND_HALF_EVEN)
    return Money(rounded.normalize() if rounded else Decimal(0))


def _positions(position: Position | None) -> Document:
    if position is None:
        return {}
    return {
        BTCUSDT.symbol: {
            "side": "LONG" if position.side is Side.BUY else "SHORT",
            "size": float(position.quantity),
            "entry_price": float(position.entry),
        }
    }


def _trade(trip: RoundTrip) -> Document:
    return {
        "timestamp": moment(trip.at),
        "side": str(trip.side),
        "price": float(trip.entry),
        "size": float(trip.quantity),
        "pnl": float(trip.pnl),
    }


def _trip(trade: Document) -> RoundTrip:
    price, quantity = Price(_exact(trade["price"])), Quantity(_exact(trade["size"]))
    return RoundTrip(
        at=instant(trade["timestamp"]),
        side=Side(trade["side"]),
        entry=price,
        quantity=quantity,
        pnl=_money(trade["pnl"]),
        notional=Money(price * quantity),
    )


def _position(state: Document) -> Position | None:
    held = state["positions"].get(BTCUSDT.symbol)
    if held is None:
        return None
    at, zero = instant(state["timestamp"]), Money(Decimal(0))
    side = Side.BUY if held["side"] == "LONG" else Side.SELL
    price, quantity = Price(_exact(held["entry_price"])), Quantity(_exact(held["size"]))
    plan = plan_from(price, side, at, RESTORED_HORIZON)
    return Position(side, quantity, Money(price * quantity), at, plan, zero, zero, at)
