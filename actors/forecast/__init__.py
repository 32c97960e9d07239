"""Forecast: Chronos-Bolt on the CPU, the only source of signals."""
