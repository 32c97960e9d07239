import pytest

from actors.messages import Begin, Tick
from actors.microstructure import MicrostructureActor
from domain.units import MINUTE, SECOND
from tests.builders import NOON, a_book, a_trade
from tests.fakes import Outbox


class TestMicrostructure:
    def setup_method(self) -> None:
        self.risk = Outbox()
        self.dashboard = Outbox()
        self.actor = MicrostructureActor(
            risk=self.risk, dashboard=self.dashboard, supervisor=Outbox()
        )

    def test_each_book_is_measured_and_told(self) -> None:
        self.actor.receive(Begin())
        self.actor.receive(Tick(NOON))

        self.actor.receive(a_book(bid="99.95", ask="100.05"))

        (quality,) = self.risk.told
        assert self.dashboard.told == [quality]
        assert quality.spread_bps == pytest.approx(10)
        assert quality.at == NOON

    def test_average_spread_is_that_of_the_last_hundred_books(self) -> None:
        self.actor.receive(a_book(bid="99", ask="101"))
        for n in range(100):
            self.actor.receive(a_book(at=NOON + n, bid="99.95", ask="100.05"))

        assert self.risk.told[-1].spread_average_bps == pytest.approx(10)

    def test_volume_of_the_last_minute_forgets_older_trades(self) -> None:
        self.actor.receive(a_trade(at=NOON, size="0.5"))
        self.actor.receive(a_trade(at=NOON + 30 * SECOND, size="0.25"))

        self.actor.receive(a_book(at=NOON + 30 * SECOND))
        self.actor.receive(a_book(at=NOON + MINUTE + 1))

        assert [quality.traded for quality in self.risk.told] == [0.75, 0.25]
