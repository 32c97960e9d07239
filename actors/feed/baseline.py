"""What is usual for this market, told once: from the history, and from the first books after it."""

from domain.baselines import Baselines
from domain.facts import Baselined
from domain.market import Book
from domain.microstructure import SPREAD_WINDOW, spread_bps
from domain.units import Nanos


class Baseline:
    """Collects what is needed; complete after SPREAD_WINDOW books."""

    def __init__(self) -> None:
        self._figures: Baselines | None = None
        self._spreads: list[float] = []
        self._told = False

    def know(self, figures: Baselines) -> None:
        """What the history says."""
        self._figures = figures

    def hear(self, book: Book) -> Baselined | None:
        """One more book; all of it, as soon as it is complete."""
        if self._told:
            return None
        if len(self._spreads) < SPREAD_WINDOW:
            self._spreads.append(spread_bps(book))
        if self._figures is None or len(self._spreads) < SPREAD_WINDOW:
            return None
        self._told = True
        return self._whole(book.at, self._figures)

    def _whole(self, at: Nanos, figures: Baselines) -> Baselined:
        average = sum(self._spreads) / len(self._spreads)
        return Baselined(at, figures.daily_volatility, figures.correlation, average)
