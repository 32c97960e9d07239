"""What a disk may hold after its power went: replayed from a trace of a program's system calls.

A file has what was written before its last sync, and of what was written since any of its sectors:
they reach the disk in no order. A write to a descriptor that was opened with O_DSYNC is there at
once. Names that were given are there from the next sync of anything on, and before that or not.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

CALLS = "openat,lseek,write,pwrite64,writev,fdatasync,fsync,ftruncate,rename,unlink,unlinkat"

TRACER = ("-y", "-xx", "-s", "1000000", "-e", f"trace={CALLS}")
"""How strace is to be asked for a trace."""

SECTOR = 512
"""What a disk writes whole [bytes]."""

CALL = re.compile(r"^(?P<thread>\d+) +(?P<name>\w+)\((?P<rest>.*)\) += (?P<result>-?\d+)")
DESCRIPTOR = re.compile(r"^(\d+)<([^>]*)>")
TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


@dataclass(frozen=True)
class Call:
    """One system call: its name, the file it is about, the texts in it, its last number."""

    name: str
    descriptor: int
    path: str
    texts: tuple[bytes, ...]
    number: int
    result: int
    rest: str


@dataclass
class Disk:
    """The files of one folder on a disk that may lose its power.

    Attributes:
        synced: what is surely there.
        waiting: what was written since, in order: path, place, data; no data cuts the file there.
        names: names given or taken since the last sync: from, to; no `to` for one that was taken.
    """

    synced: dict[str, bytearray] = field(default_factory=dict)
    waiting: list[tuple[str, int, bytes | None]] = field(default_factory=list)
    names: list[tuple[str, str]] = field(default_factory=list)

    def write(self, path: str, at: int, data: bytes | None, *, now: bool) -> None:
        """Data is on its way, or there at once."""
        if now:
            _put(self.synced, path, at, data)
        else:
            self.waiting.append((path, at, data))

    def sync(self, path: str) -> None:
        """What was written to this file is there, and so is every name."""
        for one, at, data in self.waiting:
            if one == path:
                _put(self.synced, one, at, data)
        self.waiting = [x for x in self.waiting if x[0] != path]
        for old, new in self.names:
            _rename(self.synced, old, new)
            self.waiting = [(new if x[0] == old else x[0], *x[1:]) for x in self.waiting]
        self.names.clear()

    def after_a_cut(self, generator: np.random.Generator, share: float) -> dict[str, bytearray]:
        """What is there when the power goes now and this share of the sectors had got through."""
        files = {path: bytearray(data) for path, data in self.synced.items()}
        for path, at, data in self.waiting:
            for begin, piece in _sectors(at, data):
                if generator.random() < share:
                    _put(files, path, begin, piece)
        for old, new in self.names[: round(share * len(self.names))]:
            _rename(files, old, new)
        return files


def replayed(trace: Path, home: Path) -> Iterator[tuple[Disk, bytes]]:
    """The disk after each call that concerns it, and what the program had said by then."""
    disk, said, dsync = Disk(), b"", set[int]()
    places: dict[int, int] = {}
    for call in _calls(trace):
        if call.name == "openat":
            places[call.result] = 0
            (dsync.add if "O_DSYNC" in call.rest else dsync.discard)(call.result)
        elif call.name == "lseek":
            places[call.descriptor] = call.result
        elif call.name in {"write", "writev"} and call.descriptor == 1:
            said += b"".join(call.texts)
        else:
            _apply(disk, call, home, places, now=call.descriptor in dsync)
        if call.name not in {"openat", "lseek"}:
            yield disk, said


def laid_out(files: dict[str, bytearray], folder: Path) -> Path:
    """The files under this folder."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def _apply(disk: Disk, call: Call, home: Path, places: dict[int, int], *, now: bool) -> None:
    paths = [_within(home, text.decode()) for text in call.texts[:2]] if _names(call) else []
    if call.name == "rename" and all(paths):
        disk.names.append((paths[0], paths[1]))
    elif call.name.startswith("unlink") and paths and paths[0]:
        disk.names.append((paths[0], ""))
    path = "" if _names(call) else _within(home, call.path)
    if call.name in {"fdatasync", "fsync"}:
        disk.sync(path)
    elif path and call.name == "pwrite64":
        disk.write(path, call.number, b"".join(call.texts), now=now)
    elif path and call.name in {"write", "writev"}:
        disk.write(path, places[call.descriptor], b"".join(call.texts), now=now)
        places[call.descriptor] += call.result
    elif path and call.name == "ftruncate":
        disk.write(path, call.number, None, now=now)


def _names(call: Call) -> bool:
    return call.name.startswith(("rename", "unlink"))


def _calls(trace: Path) -> Iterator[Call]:
    for line in trace.read_text(encoding="ascii").splitlines():
        found = CALL.match(line)
        if found is None or found["result"].startswith("-"):
            continue
        rest = found["rest"]
        about = DESCRIPTOR.match(rest)
        number = re.search(r", (\d+)$", rest)
        yield Call(
            found["name"],
            int(about[1]) if about else -1,
            _plain(about[2]).decode() if about else "",
            tuple(_plain(text) for text in TEXT.findall(rest)),
            int(number[1]) if number else 0,
            int(found["result"]),
            rest,
        )


def _plain(text: str) -> bytes:
    if "\\x" not in text:
        return text.encode()
    return bytes.fromhex(text.replace("\\x", ""))


def _within(home: Path, path: str) -> str:
    """The path relative to HOME; '' where it is not in it, or is of no account."""
    inside = path.removeprefix(f"{home}/")
    return "" if inside == path or path.endswith(("lock.mdb", "/lock")) else inside


def _sectors(at: int, data: bytes | None) -> Iterator[tuple[int, bytes | None]]:
    if data is None:
        yield at, None
        return
    begin = 0
    while begin < len(data):
        end = min(len(data), begin + SECTOR - (at + begin) % SECTOR)
        yield at + begin, data[begin:end]
        begin = end


def _put(files: dict[str, bytearray], path: str, at: int, data: bytes | None) -> None:
    file = files.setdefault(path, bytearray())
    if data is None:
        del file[at:]
        file.extend(bytes(at - len(file)))
        return
    file.extend(bytes(max(0, at + len(data) - len(file))))
    file[at : at + len(data)] = data


def _rename(files: dict[str, bytearray], old: str, new: str) -> None:
    for path in [x for x in files if x == old or x.startswith(f"{old}/")]:
        data = files.pop(path)
        if new:
            files[new + path.removeprefix(old)] = data
