"""Where a model comes from: the repository itself, a folder, or the Hugging Face hub."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from actors.forecast.engine import fingerprint
from domain.errors import SettingsInvalid

EMBEDDED = Path(__file__).parent / "embedded"
"""The checkpoint that the repository ships."""

PREFERRED = "amazon/chronos-bolt-small"
"""What `auto` takes where it can be had."""

UNPUBLISHED = ("chronos-bolt-medium", "amazon/chronos-bolt-medium")
"""The mission's name; Amazon published tiny, mini, small and base only."""

FILES = ("config.json", "model.safetensors")
"""All that is fetched of a checkpoint: never a pickle."""

PATIENCE_S = 3.0
"""How long the hub may take to answer before we do without it [s]."""

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
"""What a name on the hub looks like: owner and model."""


@dataclass(frozen=True, slots=True)
class Located:
    """A checkpoint on this machine."""

    folder: Path
    """Holds `config.json` and `model.safetensors`."""
    label: str
    """What the screen shows."""
    notes: tuple[str, ...] = ()
    """What the user should hear about the choice, a line each."""


def locate(name: str, models: Path) -> Located:
    """The checkpoint that `--model NAME` means, downloaded into `models` where it must be.

    Args:
        name: `auto`, `embedded`, a hub id, or a folder.
        models: cache of downloaded checkpoints, in the hub's own layout.

    Returns:
        A folder with the two files of a checkpoint; `embedded` asks neither cache nor network.

    Raises:
        SettingsInvalid: it cannot be had; the message says what was tried and what can be done.
    """
    if name == "embedded":
        return Located(_checked(EMBEDDED), "embedded")
    if name == "auto":
        return _preferred(models, ())
    if name in UNPUBLISHED:
        return _preferred(models, (f"{name} was never published",))
    folder = Path(name).expanduser()
    if folder.is_dir():
        return Located(_checked(folder), folder.resolve().name)
    if not HUB_ID.fullmatch(name):
        raise SettingsInvalid(f"no model folder {name}; {_WAY_OUT}")
    return Located(_from_hub(name, models), name)


_WAY_OUT = "`--model embedded` needs no download"


def _preferred(models: Path, notes: tuple[str, ...]) -> Located:
    """The preferred published checkpoint, else the embedded one, and which of them."""
    try:
        folder = _from_hub(PREFERRED, models)
    except SettingsInvalid:
        missing = f"{PREFERRED} is not in the cache and the hub does not answer"
        return Located(_checked(EMBEDDED), "embedded", (*notes, f"{missing}: using embedded"))
    return Located(folder, PREFERRED, (*notes, f"using {PREFERRED}"))


def _from_hub(name: str, models: Path) -> Path:
    """Folder of a hub checkpoint: from the cache, else downloaded."""
    cached = _cached(name, models)
    if cached is not None:
        return cached
    if os.environ.get("HF_HUB_OFFLINE", "") in {"1", "true", "TRUE"}:
        raise SettingsInvalid(f"{name} is not in {models} and the hub is switched off; {_WAY_OUT}")
    try:
        return _checked(_downloaded(name, models))
    except Exception as error:  # the hub's client raises kinds of three packages
        raise SettingsInvalid(
            f"cannot get {name} from the hub ({type(error).__name__}); {_WAY_OUT}"
        ) from error


def _cached(name: str, models: Path) -> Path | None:
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415 - not for embedded

    found = [try_to_load_from_cache(name, file, cache_dir=models) for file in FILES]
    paths = [Path(path) for path in found if isinstance(path, str)]
    return paths[0].parent if len(paths) == len(FILES) else None


def _downloaded(name: str, models: Path) -> Path:
    """Fetch both files; a hub that does not answer at once is not waited for."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url  # noqa: PLC0415

    endpoint = os.environ.get("HF_ENDPOINT")
    for file in FILES:
        url = hf_hub_url(name, file, endpoint=endpoint)
        get_hf_file_metadata(url, timeout=PATIENCE_S, endpoint=endpoint, token=False)
    paths = [
        hf_hub_download(name, file, cache_dir=models, endpoint=endpoint, token=False)
        for file in FILES
    ]
    return Path(paths[0]).parent


def _checked(folder: Path) -> Path:
    """The folder, once both files of a checkpoint are seen in it."""
    fingerprint(folder)
    return folder
