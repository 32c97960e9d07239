"""Broker: executes approved orders on the paper venue and keeps the ledger."""

from actors.broker.actor import BrokerActor, Rest
from actors.broker.books import Books

__all__ = ["Books", "BrokerActor", "Rest"]
