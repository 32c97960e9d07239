from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from actors.dashboard.telemetry.condition import Condition
from actors.dashboard.telemetry.meters import LABELS_MAX, Meters
from actors.messages import (
    Connected,
    DashboardInbox,
    EntrySent,
    Measured,
    RoomVitals,
    SignalLeaves,
    Span,
    Tick,
    Traffic,
    Vitals,
)
from domain.account import Marked
from domain.facts import (
    ActorRestarted,
    BadMessage,
    Closed,
    FeedUp,
    Filled,
    Forecasted,
    Gap,
    Halted,
    Liquidity,
    Mode,
    OrderRefused,
    Ready,
    Starting,
)
from domain.horizons import Timeframe
from domain.market import Side
from domain.tally import WRITE_SECONDS, Tally
from domain.units import SECOND, Nanos
from tests.builders import NOON, a_book, a_position, a_quality, an_account, marked, money, price
from tests.builders import quantity as some
from tests.strategies import messages

Key = tuple[str, frozenset[tuple[str, str]]]


def after(*heard: DashboardInbox) -> dict[Key, float]:
    """All samples of a demo that has heard this, without the label that says it is one."""
    meters = Meters(Mode.DEMO, Condition(lambda: 0.0), lambda: {"delivered": 7})
    for message in heard:
        meters.hear(message)
    return dict(samples(meters))


def samples(meters: Meters) -> Iterator[tuple[Key, float]]:
    for family in text_string_to_metric_families(generate_latest(meters.registry).decode()):
        for sample in family.samples:
            assert sample.labels.pop("mode") == "DEMO"
            yield (sample.name, frozenset(sample.labels.items())), sample.value


def of(found: dict[Key, float], name: str, **labels: str) -> float:
    return found["plasmatrader_" + name, frozenset(labels.items())]


def test_what_can_be_counted_begins_at_zero() -> None:
    found = after()

    assert of(found, "refusals_total", code="WIDE_SPREAD") == 0
    assert of(found, "fills_total", side="BUY", liquidity="MAKER") == 0
    assert of(found, "events_total", event="halted") == 0
    assert of(found, "ledger_commit_seconds_count") == 0
    assert of(found, "trading") == 0
    assert of(found, "alerts_total", outcome="delivered") == 7
    assert of(found, "not_trading", reason="starting") == 1


def test_every_fact_counts_and_some_count_by_what_they_say() -> None:
    fill = Filled(
        NOON, "E1", Side.SELL, price(100), some("1"), money(1), Liquidity.TAKER, 80.0, 0.5
    )
    refused = OrderRefused(NOON, "E1", "WIDE_SPREAD", "the spread is wider than 10 bps")

    found = after(
        *(fill, fill, refused, Halted(NOON, "x"), ActorRestarted(NOON, "RiskActor", "x", 0.1)),
        *(Closed(NOON, money("-1"), "stop"), Closed(NOON, money("2"), "target")),
        *(BadMessage(NOON, "btcusdt@trade", "x"), FeedUp(NOON, 2.5), Connected(NOON, "x")),
        Gap(NOON, Timeframe.M1, missing=5, repaired=3),
    )

    assert of(found, "fills_total", side="SELL", liquidity="TAKER") == 2
    assert of(found, "refusals_total", code="WIDE_SPREAD") == 1
    assert of(found, "events_total", event="halted") == 1
    assert of(found, "actor_restarts_total", actor="RiskActor") == 1
    assert of(found, "closed_trades_total", result="won") == 1
    assert of(found, "closed_trades_total", result="lost") == 1
    assert of(found, "bad_messages_total", stream="btcusdt@trade") == 1
    assert of(found, "feed_down_seconds_total") == 2.5
    assert of(found, "connections_total") == 1
    assert of(found, "gap_candles_total", outcome="repaired") == 3
    assert of(found, "gap_candles_total", outcome="lost") == 2


def test_account_is_shown_as_it_stands() -> None:
    short = an_account(position=a_position(side=Side.SELL, size="0.25"))
    state: Marked = marked(short, equity="9500", high_water="10000")

    found = after(state)

    assert of(found, "equity_usdt") == 9500
    assert of(found, "balance_usdt") == 10_000
    assert of(found, "unrealised_usdt") == -500
    assert of(found, "drawdown_ratio") == pytest.approx(0.05)
    assert of(found, "position_btc") == -0.25


def test_market_is_shown_with_its_age_in_market_time() -> None:
    found = after(a_book(), a_quality(spread_bps=2.0), Tick(Nanos(NOON + 3 * SECOND)))

    assert of(found, "price_usdt") == 100
    assert of(found, "spread_bps") == 2
    assert of(found, "feed_age_seconds") == 3
    assert of(after(Traffic(NOON, 77)), "received_bytes_total") == 77


def test_actors_are_shown_by_name() -> None:
    room = RoomVitals("RiskActor", 0, 3, 4, 5, handled=6, waited_ms=7.0, alive=False)

    found = after(Vitals(NOON, (room,)))

    assert of(found, "mailbox_messages", actor="RiskActor") == 3
    assert of(found, "mailbox_overtaken_total", actor="RiskActor") == 4
    assert of(found, "mailbox_dropped_total", actor="RiskActor") == 5
    assert of(found, "mailbox_handled_total", actor="RiskActor") == 6
    assert of(found, "mailbox_wait_seconds", actor="RiskActor") == pytest.approx(0.007)
    assert of(found, "actor_up", actor="RiskActor") == 0
    assert of(found, "actor_restarts_total", actor="RiskActor") == 0


def test_label_says_what_runs() -> None:
    found = after(
        Starting(NOON, Mode.DEMO, "3.0.0", "real"),
        Ready(NOON, "embedded", "ab", 1.0, verified=True),
    )

    labels = {
        "version": "3.0.0",
        "book": "real",
        "model": "embedded",
        "model_sha": "ab",
        "verified": "true",
    }
    assert of(found, "info", **labels) == 1


def test_name_that_is_no_utf_8_is_shown_all_the_same() -> None:
    found = after(Ready(NOON, "model-\udcff-é", "ab", 1.0))

    (labels,) = (dict(labels) for name, labels in found if name == "plasmatrader_info")
    assert labels["model"] == r"model-\udcff-é"


def test_tally_becomes_buckets_that_hold_all_below_them() -> None:
    tally = Tally(WRITE_SECONDS)
    for seconds in (0.0002, 0.002, 9.0):
        tally.add(seconds)

    found = after(Measured(NOON, Span.COMMIT, tally.tallied()))

    assert of(found, "ledger_commit_seconds_bucket", le="0.0001") == 0
    assert of(found, "ledger_commit_seconds_bucket", le="0.0025") == 2
    assert of(found, "ledger_commit_seconds_bucket", le="1.0") == 2
    assert of(found, "ledger_commit_seconds_bucket", le="+Inf") == 3
    assert of(found, "ledger_commit_seconds_sum") == pytest.approx(9.0022)


def test_entry_is_timed_from_the_signal_before_it_and_only_once() -> None:
    found = after(
        *(EntrySent(NOON, 1.0), SignalLeaves(NOON, 2.0), EntrySent(NOON, 2.003)),
        *(EntrySent(NOON, 2.004), SignalLeaves(NOON, 3.0), EntrySent(NOON, 99.0)),
    )

    assert of(found, "signal_to_order_seconds_count") == 1
    assert of(found, "signal_to_order_seconds_bucket", le="0.005") == 1


def test_forecast_is_timed() -> None:
    found = after(Forecasted(NOON, 30.0, NOON))

    assert of(found, "forecast_seconds_sum") == pytest.approx(0.03)


def test_names_from_the_network_are_tamed_and_bounded() -> None:
    wild = [f"stream{number}" for number in range(2 * LABELS_MAX)]

    found = after(*(BadMessage(NOON, name, "x") for name in ('a"} 1\n', "\x1b[2J", *wild)))

    streams = {dict(labels)["stream"] for name, labels in found if "bad_messages_total" in name}
    assert len(streams) <= LABELS_MAX + 5
    assert all(name.isprintable() for name in streams)
    assert of(found, "bad_messages_total", stream="other") == 2 + LABELS_MAX


@settings(max_examples=30)
@given(st.lists(messages, max_size=30))
def test_no_messages_in_any_order_break_them(heard: list[DashboardInbox]) -> None:
    assert of(after(*heard), "trading") in {0, 1}
