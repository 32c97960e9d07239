"""The engines, by the names that the command line knows."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from actors.forecast.engine import Forecaster
from actors.forecast.exact import ExactBolt
from actors.forecast.stock import ChronosBolt

ENGINES: Mapping[str, Callable[[Path, str], Forecaster]] = {
    "exact": ExactBolt,
    "stock": ChronosBolt,
    "int8": partial(ChronosBolt, eight_bits=True),
}
"""Who computes a forecast; each loads the checkpoint of a folder under a name for the screen."""
