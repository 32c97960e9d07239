"""Which PlasmaTrader this is."""

VERSION = "3.0.0"
"""The program's version: major, minor, patch."""
