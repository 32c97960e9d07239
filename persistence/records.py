"""How values become bytes in a table and values again."""

from typing import TypeVar

import msgspec

from domain.errors import StoreCorrupt

Value = TypeVar("Value")


def encoded(value: object) -> bytes:
    """The value as MessagePack; decimals as strings, so that none loses a digit."""
    return msgspec.msgpack.encode(value)


def decoded(record: bytes, kind: type[Value]) -> Value:
    """The value that was written; raises StoreCorrupt where the bytes are not one."""
    try:
        return msgspec.msgpack.decode(record, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StoreCorrupt(f"{kind.__name__} of {len(record)} bytes: {error}") from error
