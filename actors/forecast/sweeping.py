"""When garbage is collected: right after a forecast, when nobody waits for one.

Python stops all threads while it looks for garbage, for as long as there is to look at. So what
stands when the model has forecast first (the modules, the weights, the history; 25 ms to look
through) is set aside for good, and so is once an hour what has come to stay since; what is looked
through in between is what the last minute left.
"""

import gc

MIDDLE = 1
"""The generation up to which is looked through after each forecast."""

FULL_EVERY = 60
"""Forecasts from one look at everything to the next."""


class Sweeper:
    """Collects garbage after each forecast."""

    def __init__(self) -> None:
        self._forecasts = 0

    def sweep(self) -> None:
        """A forecast is done: collect what was left of it, and at times what was left of all."""
        if self._forecasts % FULL_EVERY == 0:
            gc.collect()
            gc.freeze()
        else:
            gc.collect(MIDDLE)
        self._forecasts += 1
