"""Microstructure: spread, pressure and liquidity of each book, told to whoever trades on it."""

from collections import deque
from decimal import Decimal
from typing import assert_never

from actors.actor import Actor, Mailbox
from actors.messages import (
    Begin,
    DashboardInbox,
    MicrostructureInbox,
    RiskInbox,
    SupervisorInbox,
    Tick,
)
from domain.market import Book, Trade
from domain.microstructure import SPREAD_WINDOW, MarketQuality, liquidity, pressure, spread_bps
from domain.units import MINUTE, Nanos


class MicrostructureActor(Actor[MicrostructureInbox]):
    """Turns books and trades into one measure of quality."""

    def __init__(
        self,
        *,
        risk: Mailbox[RiskInbox],
        dashboard: Mailbox[DashboardInbox],
        supervisor: Mailbox[SupervisorInbox],
    ) -> None:
        super().__init__(supervisor)
        self._risk = risk
        self._dashboard = dashboard
        self._spreads: deque[float] = deque(maxlen=SPREAD_WINDOW)
        self._trades: deque[tuple[Nanos, Decimal]] = deque()
        self._traded = Decimal(0)

    def receive(self, message: MicrostructureInbox) -> None:
        """Measure each book; remember a minute of trades."""
        match message:
            case Book() as book:
                self._measure(book)
            case Trade(at, _, _, quantity):
                self._trades.append((at, quantity))
                self._traded += quantity
            case Begin() | Tick():
                pass
            case _:
                assert_never(message)

    def _measure(self, book: Book) -> None:
        spread = spread_bps(book)
        self._spreads.append(spread)
        self._forget(Nanos(book.at - MINUTE))
        quality = MarketQuality(
            at=book.at,
            spread_bps=spread,
            spread_average_bps=sum(self._spreads) / len(self._spreads),
            pressure=pressure(book),
            liquidity=liquidity(book),
            traded=float(self._traded),
            modelled=book.modelled,
        )
        self._risk.tell(quality)
        self._dashboard.tell(quality)

    def _forget(self, before: Nanos) -> None:
        while self._trades and self._trades[0][0] < before:
            self._traded -= self._trades.popleft()[1]
