"""Inputs made from inputs: values of their JSON exchanged, bytes changed, pieces moved."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63), 10**40),
    *(0.1, -0.0, 1e-320, 1e15, 1e308, -1e308, 4_102_444_800_001),
    *("", "0", "-0", "-1", "1e9", "NaN", "Infinity", "0x10", "1_0", " 1", "1.", ".5", "٣"),
    *("9" * 15, "9" * 16, "0." + "9" * 18, "9" * 5000, "a" * 5000, "\x00", "\x1b[2J", "\u202e"),
    *("0000-00-00T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "\ud800", "é"),
    *([], {}, [[]], {"": None}, ["1", "2"], [["1", "2"]] * 30),
)
"""What programs stumble over."""

BYTES = (b"\x00", b"\xff", b"\x80", b"\n", b"\r", b'"', b"{", b"[", b",", b" ", b"\\", b"1e9", b"-")

CHANGES_MAX = 6
"""How often one input is changed before it is tried."""

SIZE_MAX = 1 << 16
"""Longest input [bytes]."""


def mutated(data: bytes, others: Sequence[bytes], head: int | None, seed: int) -> bytes:
    """The input, changed a few times.

    Args:
        data: what is changed.
        others: inputs that pieces are taken from.
        head: bytes before the JSON in it; None where there is none.
        seed: the same gives the same.
    """
    rng = np.random.default_rng(seed)
    for _ in range(int(rng.integers(1, CHANGES_MAX + 1))):
        structured = head is not None and rng.random() < 0.7
        data = (
            _value_changed(data, head or 0, rng)
            if structured
            else _bytes_changed(data, others, rng)
        )
    return data[:SIZE_MAX]


def _value_changed(data: bytes, head: int, rng: np.random.Generator) -> bytes:
    try:
        tree = json.loads(data[head:])
    except (ValueError, RecursionError):
        return _bytes_changed(data, (), rng)
    if not rng.integers(8):
        start = bytes(rng.integers(0, 256, head, dtype=np.uint8))
    else:
        start = data[:head]
    try:
        text = json.dumps(_changed(tree, rng), separators=(",", ":"))
    except RecursionError:
        return data
    return start + text.encode("utf-8", "surrogatepass")


def _changed(tree: Any, rng: np.random.Generator) -> Any:
    """The tree with one place in it changed."""
    if isinstance(tree, dict) and tree:
        return _changed_object(tree, rng)
    if isinstance(tree, list) and tree:
        return _changed_list(tree, rng)
    return _leaf(tree, rng)


def _changed_object(tree: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    name = list(tree)[int(rng.integers(len(tree)))]
    match int(rng.integers(8)):
        case 0:
            return {key: value for key, value in tree.items() if key != name}
        case 1:
            return {**tree, str(_any(VALUES, rng))[:40]: tree[name]}
        case _:
            return {**tree, name: _changed(tree[name], rng)}


def _changed_list(tree: list[Any], rng: np.random.Generator) -> list[Any]:
    place = int(rng.integers(len(tree)))
    before, after = tree[:place], tree[place + 1 :]
    match int(rng.integers(8)):
        case 0:
            return before + after
        case 1:
            return before + [tree[place]] * int(rng.integers(2, 4)) + after
        case _:
            return [*before, _changed(tree[place], rng), *after]


def _leaf(leaf: Any, rng: np.random.Generator) -> Any:
    if isinstance(leaf, str) and leaf and rng.integers(2):
        return _bytes_changed(leaf.encode("utf-8", "replace"), (), rng).decode("utf-8", "replace")
    if isinstance(leaf, int | float) and rng.integers(2):
        return leaf * _any((-1, 0, 2, 10, 0.5, 1e6, 1e-6), rng) + _any((-1, 0, 1, 60_000), rng)
    return _any(VALUES, rng)


def _bytes_changed(data: bytes, others: Sequence[bytes], rng: np.random.Generator) -> bytes:
    place, end = sorted(int(x) for x in rng.integers(0, len(data) + 1, 2))
    end = min(end, place + 64)
    before, piece, after = data[:place], data[place:end], data[end:]
    match int(rng.integers(7)):
        case 0:
            changed = before + after
        case 1:
            changed = before + _any(BYTES, rng) + piece + after
        case 2:
            changed = before + piece + piece + after
        case 3 if others:
            other = _any(others, rng)
            changed = before + other[int(rng.integers(len(other) + 1)) :]
        case 4:
            changed = before + rng.bytes(len(piece)) + after
        case 5:
            changed = before
        case _:
            one = data[place : place + 1] or b"\0"
            changed = before + bytes([one[0] ^ (1 << int(rng.integers(8)))]) + data[place + 1 :]
    return changed


def _any(options: Sequence[Any], rng: np.random.Generator) -> Any:
    return options[int(rng.integers(len(options)))]
