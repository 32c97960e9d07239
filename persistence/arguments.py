"""What the commands of this package have in common."""

import argparse
import os
from pathlib import Path
from typing import NoReturn

from domain.errors import SettingsInvalid


class Parser(argparse.ArgumentParser):
    """One clear line instead of argparse's usage block."""

    def error(self, message: str) -> NoReturn:
        """Answer a bad argument."""
        raise SettingsInvalid(f"{message}; see {self.prog} --help")


def path(text: str) -> Path:
    """A path that a user gives, `~` and `~user` in it filled in."""
    if not text:
        raise argparse.ArgumentTypeError("'' is no path")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: there is no such user") from error


def default_home() -> Path:
    """HOME where nobody names one."""
    return Path(os.environ.get("PLASMATRADER_HOME") or "~/.plasmatrader")
