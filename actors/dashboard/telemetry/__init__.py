"""What outsiders see of a run, where somebody asked: meters, health, alerts.

All of it is folded from what the dashboard hears; nothing here is asked of an actor.
"""
