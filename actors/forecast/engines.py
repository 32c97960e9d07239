"""The engines, by the names that the command line knows, and the way to a model that is used."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from actors.forecast.engine import Forecaster
from actors.forecast.exact import ExactBolt
from actors.forecast.sources import UNPUBLISHED, Located, locate
from actors.forecast.stock import ChronosBolt
from actors.forecast.verification import examined
from domain.errors import SettingsInvalid

EXACT = "exact"

ENGINES: Mapping[str, Callable[[Path, str], Forecaster]] = {
    EXACT: partial(ExactBolt, verified=True),
    "stock": ChronosBolt,
    "int8": partial(ChronosBolt, eight_bits=True),
}
"""Who computes a forecast; each loads the checkpoint of a folder under a name for the screen."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A checkpoint that may be used, and who computes it."""

    engine: str
    located: Located
    around: Callable[[Forecaster], Forecaster] | None = None
    """Puts something around the model, that is used in its place."""

    def open(self) -> Forecaster:
        """Load it."""
        model = ENGINES[self.engine](self.located.folder, self.located.label)
        return model if self.around is None else self.around(model)


def choose(name: str, engine: str, models: Path) -> Choice:
    """What `--model NAME --engine E` means: found, downloaded if need be, and verified.

    Raises:
        SettingsInvalid: it cannot be had, or is not to be trusted with our engine.
    """
    located = locate(name, models)
    if engine != EXACT:
        return Choice(engine, located)
    try:
        return Choice(engine, _trusted(located, models))
    except SettingsInvalid as error:
        if name not in ("auto", *UNPUBLISHED):
            raise
        embedded = _trusted(locate("embedded", models), models)
        return Choice(engine, replace(embedded, notes=(f"{error}: using embedded",)))


def _trusted(located: Located, models: Path) -> Located:
    """The same, once our engine is known to give stock's numbers for it; said where it is news."""
    found, new = examined(located.folder, located.label, models)
    said = f"verified {located.label}: {found.error:.0e} from {found.against} at most"
    return replace(located, notes=(*located.notes, said)) if new else located
