"""Real market data that lies beside the repository on some machines, and not on others."""

from pathlib import Path

import pytest

_DATA = Path(__file__).parents[1].parent / "shared" / "data"


def shared(name: str) -> Path:
    """The file or folder of this name below `shared/data`; skips the test where there is none."""
    path = _DATA / name
    if not path.exists():
        pytest.skip(f"shared/data/{name} is not on this machine")
    return path
