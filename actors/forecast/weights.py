"""Weights as float32 arrays, read from safetensors without any library but numpy.

The format: eight bytes with the length of a header, the header in JSON (name, kind, shape, first
and last byte of each tensor), then the bytes. The file is mapped and its tensors are copied one by
one, so that there is never a second copy of them all, and nothing of the file is needed later on.
"""

import json
import mmap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.errors import SettingsInvalid

Float32 = NDArray[np.float32]

KINDS: Mapping[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
}
"""Kinds of number that are understood, with the type that their bytes are read as."""


class Weights(Mapping[str, Float32]):
    """The tensors of one safetensors file by name, each float32."""

    def __init__(self, path: Path) -> None:
        """Map the file and read its header.

        Raises:
            SettingsInvalid: it cannot be read, or is not a whole safetensors file.
        """
        self._path = path
        try:
            with path.open("rb") as file:
                self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._first = 8 + int.from_bytes(self._bytes[:8], "little")
            header: dict[str, Any] = json.loads(self._bytes[8 : self._first])
            self._header = {name: header[name] for name in header if name != "__metadata__"}
            ends = [self._header[name]["data_offsets"][1] for name in self._header]
            whole = max(ends, default=0) + self._first <= len(self._bytes)
        except (AttributeError, IndexError, KeyError, OSError, TypeError) as error:
            raise self._damaged() from error
        except (RecursionError, ValueError) as error:
            raise self._damaged() from error
        if not whole:
            raise self._damaged()

    def __getitem__(self, name: str) -> Float32:
        entry = self._header[name]
        try:
            kind = KINDS[entry["dtype"]]
            self._release()
            first, last = entry["data_offsets"]
            count = (last - first) // kind.itemsize
            flat = np.frombuffer(self._bytes, kind, count, self._first + first)
            return widened(flat, entry["dtype"]).reshape(entry["shape"])
        except (KeyError, TypeError, ValueError) as error:
            raise self._damaged() from error

    def __iter__(self) -> Iterator[str]:
        return iter(self._header)

    def __len__(self) -> int:
        return len(self._header)

    def _release(self) -> None:
        """Let go of the pages read so far; the system still has them."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self._bytes.madvise(mmap.MADV_DONTNEED)

    def _damaged(self) -> SettingsInvalid:
        return SettingsInvalid(f"{self._path} does not hold weights that can be read")


def widened(numbers: NDArray[Any], kind: str) -> Float32:
    """The same numbers in float32; bfloat16 is float32 without its lower half.

    >>> widened(np.array([0x3FC0], dtype="<u2"), "BF16")
    array([1.5], dtype=float32)
    """
    if kind == "BF16":
        return (numbers.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return numbers.astype(np.float32)
