"""Feed: market data, checked, without holes, in order."""

from actors.feed.actor import FeedActor, Listeners
from actors.feed.series import Series
from actors.feed.source import Line, Source

__all__ = ["FeedActor", "Line", "Listeners", "Series", "Source"]
