"""Where a model comes from: the repository itself, a folder, or the Hugging Face hub."""

import json
import logging
import os
import re
from dataclasses import asdict, dataclass
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

PINS_FILE = "pins.json"
"""File among the downloaded models that says what was taken of each at first."""

PATIENCE_S = 3.0
"""How long the hub may take to answer before we do without it [s]."""

logger = logging.getLogger(__name__)
logger.addHandler(logging.NullHandler())  # a command that keeps no log says its one line alone

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
"""What a name on the hub looks like: owner and model."""


SHA256 = re.compile(r"[0-9a-f]{64}")
"""How the hub names the content of a large file."""


@dataclass(frozen=True, slots=True)
class Located:
    """A checkpoint on this machine."""

    folder: Path
    """Holds `config.json` and `model.safetensors`."""
    label: str
    """What the screen shows."""
    notes: tuple[str, ...] = ()
    """What the user should hear about the choice, a line each."""


@dataclass(frozen=True, slots=True)
class Pin:
    """What a name on the hub stands for: never anything else from then on."""

    revision: str
    """Commit of the model's repository [hex]."""
    sha256: str
    """Of the weights [hex]."""


PINS = {
    "amazon/chronos-bolt-tiny": Pin(
        "a0e552de83495b5c28c14c71c374f3e33280b340",
        "75068728d376d2bec670379eeef4bfb4d24c0cfe24d957451f8d19b447030a32",
    ),
    "amazon/chronos-bolt-mini": Pin(
        "251268337516a88e253628c43e1d26ec577b376b",
        "1a1a4297f132b808c5c7da24e3cce549d519c01ff5c2661fcad404baba018f24",
    ),
    "amazon/chronos-bolt-small": Pin(
        "772f3d25d38aec6d914c8949dab4462e2d46f5d8",
        "06a6a19bbe74bc10a9cd193bd4bf2bf638ae07f7e0d51653ae7ab8ea968a21dd",
    ),
    "amazon/chronos-bolt-base": Pin(
        "5d9f166d69f47aef3401367a7b842e78fe97b121",
        "31f875483a3215bc6880a0837ea608a13ce55f88ad90538c3cdd0b29aeb60b36",
    ),
}
"""What is known beforehand; of all other models what was downloaded first is written down.

Each pair is told alike by several projects that publish what they verified (docs/threat-model.md).
"""


class Changed(SettingsInvalid):
    """A model's weights are no longer those that its name stood for."""


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
    except Changed as error:
        return Located(_checked(EMBEDDED), "embedded", (*notes, f"{error}: using embedded"))
    except SettingsInvalid:
        missing = f"{PREFERRED} is not in the cache and the hub does not answer"
        return Located(_checked(EMBEDDED), "embedded", (*notes, f"{missing}: using embedded"))
    return Located(folder, PREFERRED, (*notes, f"using {PREFERRED}"))


def _from_hub(name: str, models: Path) -> Path:
    """Folder of a hub checkpoint: from the cache, else downloaded; always the same weights."""
    pin = PINS.get(name) or _pinned(models).get(name)
    folder = _cached(name, models, pin) or _fetched(name, models, pin)
    sha256 = fingerprint(folder)
    if pin is None:
        _write_down(name, Pin(folder.name, sha256), models)
    elif sha256 != pin.sha256:
        raise Changed(
            f"the weights of {name} in {folder} are not those that were pinned: "
            f"sha256 {sha256[:12]} instead of {pin.sha256[:12]}"
        )
    return folder


def _fetched(name: str, models: Path, pin: Pin | None) -> Path:
    """Download a checkpoint.

    Raises:
        SettingsInvalid: the hub is switched off, does not answer, or does not have it.
    """
    if os.environ.get("HF_HUB_OFFLINE", "") in {"1", "true", "TRUE"}:
        raise SettingsInvalid(f"{name} is not in {models} and the hub is switched off; {_WAY_OUT}")
    try:
        folder, told = _downloaded(name, models, pin)
    except Exception as error:  # the hub's client raises kinds of three packages
        logger.exception("%s cannot be had", name)
        raise SettingsInvalid(
            f"cannot get {name} from the hub ({type(error).__name__}); {_WAY_OUT}"
        ) from error
    if SHA256.fullmatch(told) and told != (sha256 := fingerprint(folder)):
        raise Changed(
            f"what came of {name} is not what the hub promised: "
            f"sha256 {sha256[:12]} instead of {told[:12]}"
        )
    return _checked(folder)


def _cached(name: str, models: Path, pin: Pin | None) -> Path | None:
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415 - not for embedded

    revision = None if pin is None else pin.revision
    found = [
        try_to_load_from_cache(name, file, cache_dir=models, revision=revision) for file in FILES
    ]
    paths = [Path(path) for path in found if isinstance(path, str)]
    return paths[0].parent if len(paths) == len(FILES) else None


def _downloaded(name: str, models: Path, pin: Pin | None) -> tuple[Path, str]:
    """Fetch both files; a hub that does not answer at once is not waited for.

    Returns:
        Where they are, and what the hub says the weights' SHA-256 is, where it says so.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url  # noqa: PLC0415

    endpoint = os.environ.get("HF_ENDPOINT")
    revision = None if pin is None else pin.revision
    told = ""
    for file in FILES:
        url = hf_hub_url(name, file, endpoint=endpoint, revision=revision)
        about = get_hf_file_metadata(url, timeout=PATIENCE_S, endpoint=endpoint, token=False)
        told = about.etag or ""
    paths = [
        hf_hub_download(
            name, file, cache_dir=models, endpoint=endpoint, revision=revision, token=False
        )
        for file in FILES
    ]
    return Path(paths[0]).parent, told


def _pinned(models: Path) -> dict[str, Pin]:
    """What the downloaded models were at first.

    Raises:
        SettingsInvalid: the file that says so is damaged.
    """
    file = models / PINS_FILE
    try:
        return {name: Pin(**pin) for name, pin in json.loads(file.read_text()).items()}
    except FileNotFoundError:
        return {}
    except (AttributeError, OSError, TypeError, ValueError) as error:
        raise Changed(f"{file} cannot be read, so no model in there can be trusted") from error


def _write_down(name: str, pin: Pin, models: Path) -> None:
    pins = {**_pinned(models), name: pin}
    fresh = models / (PINS_FILE + ".tmp")
    fresh.write_text(json.dumps({known: asdict(one) for known, one in pins.items()}, indent=2))
    fresh.replace(models / PINS_FILE)


def _checked(folder: Path) -> Path:
    """The folder, once both files of a checkpoint are seen in it."""
    fingerprint(folder)
    return folder
