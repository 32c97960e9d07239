"""Microstructure: measures how good the market is to trade in, book by book."""

from actors.microstructure.actor import MicrostructureActor

__all__ = ["MicrostructureActor"]
