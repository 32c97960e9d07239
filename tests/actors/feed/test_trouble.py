"""Feed, line and store together against an exchange that breaks all the time."""

import threading
from contextlib import closing, suppress
from pathlib import Path

import pytest
from pykka import ActorDeadError

from actors.actor import Address, launch
from actors.feed import FeedActor, Listeners, Series
from actors.messages import Begin, FeedInbox
from domain.candles import holes
from domain.facts import FeedUp
from domain.horizons import TIMEFRAMES, Timeframe
from domain.market import Origin
from domain.units import MINUTE
from persistence.candles import CandleStore
from persistence.environment import open_environment
from tests.actors.feed.listening import Ear, a_line, wait_for
from tests.exchange.handmade import START, HandMade, candle
from tests.exchange.server import Exchange
from tests.exchange.trouble import Trouble

SECONDS = 15.0
A_MINUTE_A_SECOND = 60.0


@pytest.mark.parametrize("seed", [1])
def test_after_a_run_of_random_faults_the_store_is_the_exchanges(tmp_path: Path, seed: int) -> None:
    dashboard, supervisor, end = Ear(), Ear(), threading.Event()
    with (
        closing(open_environment(tmp_path / "store", durable=False)) as environment,
        Exchange(HandMade(), speed=A_MINUTE_A_SECOND) as exchange,
    ):
        store, home = CandleStore(environment), Address[FeedInbox]()
        heard = Listeners(Ear(), Ear(), Ear(), Ear(), dashboard)
        feed = launch(
            FeedActor, a_line(exchange), Series(store), home, heard, supervisor=supervisor
        )
        home.move_to(feed)
        home.tell(Begin())
        wait_for(lambda: store.newest(Timeframe.M1, 1))
        trouble = Trouble(exchange, seed)
        threading.Timer(SECONDS, end.set).start()
        trouble.keep_on(every=1.0, lasting=0.8, end=end)
        trouble.heal()
        healed = exchange.market.now
        wait_for(lambda: store.newest(Timeframe.M1, 1)[0].open_time > healed + MINUTE, 20.0)
        wait_for(lambda: holes(store.newest(Timeframe.M1, 2000)) == [], 10.0)
        alive = feed.is_alive()
        stored = {x: store.newest(x, 2000) for x in TIMEFRAMES}
        with suppress(ActorDeadError):  # whether it lived is looked at above
            feed.stop()

    assert alive
    assert supervisor.told == []
    assert len(trouble.struck) >= 10
    minutes = [one for one in stored[Timeframe.M1] if one.open_time >= START]
    assert len(minutes) >= SECONDS - 3
    assert [one for one in minutes if one != candle(Timeframe.M1, one.open_time)] == []
    assert {one.kind for found in stored.values() for one in found} <= {Origin.REAL, Origin.DERIVED}
    assert all(fact.seconds < 30 * A_MINUTE_A_SECOND for fact in dashboard.all(FeedUp))
