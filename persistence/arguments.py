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


def default_home() -> Path:
    """HOME where nobody names one."""
    return Path(os.environ.get("PLASMATRADER_HOME") or "~/.plasmatrader")
