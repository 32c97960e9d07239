from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from actors.validation.program import Heard
from actors.validation.record import Kept
from actors.validation.trading import Tally, executed, judged, wallet
from actors.validation.verdict import Result
from tests.actors.validation.made import a_record, failed, results, said, traded

EXITS = ("100.10", "99.90", "100.30", "100.02", "101")
PNL = "PnL exact, computed again from the fills"
FEES = "fees of 0.02 % maker, 0.04 % taker"
SLIPPAGE = "slippage simulated and told as it was"
LATENCY = "latency of 50 to 200 ms simulated"
LEDGER = "each fill once in the ledger"
SENT = "executed as they were sent"


def failures(events: list[dict[str, Any]], kept: Kept) -> list[str]:
    heard = (Heard(0.0, event) for event in events)
    return failed(judged([a_record(said(0, "ready"), *heard)], kept))


def test_ten_orders_that_add_up_pass() -> None:
    events, kept = traded(*EXITS)

    assert executed(events) == 10
    assert failures(events, kept) == []


def test_nine_orders_fail_and_the_rest_is_judged_all_the_same() -> None:
    events, kept = traded(*EXITS[:4])

    assert failures(events, kept) == ["10 orders executed"]


def test_no_order_at_all_fails_plainly() -> None:
    criteria = judged([a_record(said(0, "ready"), said(3600, "decision"))], traded()[1])

    assert failed(criteria) == ["10 orders executed"]
    assert criteria[0].found.startswith("0 orders, 0 fills, 0 round trips in 1.0 h")
    assert results(criteria) == {Result.FAIL, Result.NONE}


@pytest.mark.parametrize(
    ("name", "field", "value", "wrong"),
    [
        ("closed", "pnl", "0.00000001", [PNL]),
        ("fill", "fee", "0.02000401", [PNL, FEES]),
        ("fill", "slippage_bps", 1.5, [SLIPPAGE]),
        ("fill", "latency_ms", 49.9, [LATENCY]),
        ("fill", "side", "SELL", [SENT, PNL, SLIPPAGE, LEDGER]),
        ("fill", "order", "E99", [SENT, SLIPPAGE, LEDGER]),
        ("order", "quantity", "0.4", [SENT]),
    ],
)
def test_figure_that_is_told_wrong_is_found(
    name: str, field: str, value: object, wrong: list[str]
) -> None:
    events, kept = traded(*EXITS)
    next(event for event in events if event["event"] == name)[field] = value

    assert failures(events, kept) == wrong


def test_fill_that_is_not_in_the_ledger_and_one_that_nobody_heard_of_are_found() -> None:
    events, kept = traded(*EXITS)
    without = replace(kept, entries=kept.entries[:-1])
    silent = [event for event in events if event["event"] == "order" or event != events[-2]]

    assert failures(events, without) == [PNL, LEDGER]
    assert LEDGER in failures(silent, kept)


def test_funding_belongs_to_the_round_trip() -> None:
    events, kept = traded("100.10", funded="-0.25")
    told = said(0, "funding", rate="0.0001", amount="-0.25").event

    assert failures([*events[:2], told, *events[2:]], kept) == ["10 orders executed"]
    assert PNL in failures(events, kept)


def a_fill(side: str, quantity: str, price: str, fee: str = "0") -> dict[str, Any]:
    return {"event": "fill", "side": side, "quantity": quantity, "price": price, "fee": fee}


def test_short_that_is_closed_in_parts_earns_what_cash_says() -> None:
    tally = Tally()

    for fill in (
        a_fill("SELL", "3", "100", "0.12"),
        a_fill("BUY", "1", "90", "0.04"),
        a_fill("BUY", "2", "95", "0.08"),
    ):
        tally.take(fill)

    assert tally.trips == (Decimal("19.76"),)
    assert tally.wallet == Decimal("10019.76")
    assert tally.held == 0


def test_position_that_stays_open_has_realised_the_closed_part_at_its_average_cost() -> None:
    tally = Tally()

    for fill in (a_fill("BUY", "2", "100"), a_fill("BUY", "2", "110"), a_fill("SELL", "1", "108")):
        tally.take(fill)

    assert tally.trips == ()
    assert tally.wallet == Decimal(10_003)
    assert (tally.held, tally.cost) == (Decimal(3), Decimal(315))


def test_wallet_is_what_was_posted_on_it() -> None:
    _, kept = traded()

    assert wallet(kept) == 10_000
