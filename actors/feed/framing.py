"""A WebSocket connection's bytes as the messages in them. Knows no socket.

One call takes all that a socket had: at a burst that is hundreds of frames, and reading them one
by one through the library costs several system calls each. What a server may send is little: text,
pings, pongs, farewells, unmasked and uncompressed (RFC 6455).
"""

from dataclasses import dataclass, field
from enum import IntEnum

from domain.errors import FeedLost

MESSAGE_MAX = 1 << 20
"""Longer messages are not kept; the exchange's longest is a fiftieth of it [bytes]."""

_FINAL_TEXT = 0x81
_FINAL, _RESERVED, _OPCODE = 0x80, 0x70, 0x0F
_CONTROL_FROM = 8


class Opcode(IntEnum):
    """The control frames."""

    CLOSE = 8
    PING = 9
    PONG = 10


@dataclass(slots=True)
class Heard:
    """What some bytes held.

    Attributes:
        messages: whole messages, in order.
        controls: control frames with their content.
        oversized: lengths of messages that were too long to be kept.
    """

    messages: list[bytes] = field(default_factory=list)
    controls: list[tuple[int, bytes]] = field(default_factory=list)
    oversized: list[int] = field(default_factory=list)


class Framing:
    """Give it what came, in order; it keeps what is not whole yet, never more than MESSAGE_MAX."""

    __slots__ = ("_fragments", "_rest", "_skip")

    def __init__(self) -> None:
        self._rest = b""
        self._skip = 0
        self._fragments: list[bytes] = []

    def feed(self, data: bytes) -> Heard:
        """All that is complete now.

        Raises:
            FeedLost: this is no WebSocket, or one that speaks in ways we did not agree to.
        """
        heard = Heard()
        buffer = self._rest + data if self._rest else data
        position, end = min(self._skip, len(buffer)), len(buffer)
        self._skip -= position
        while end - position >= 2:  # noqa: PLR2004 - the shortest head
            head = _head(buffer, position, end)
            if head is None:
                break
            start, length = head
            if length > MESSAGE_MAX:
                heard.oversized.append(length)
                position = min(start + length, end)
                self._skip = start + length - position
                continue
            if start + length > end:
                break
            position, first = start + length, buffer[position]
            if first == _FINAL_TEXT:
                heard.messages.append(buffer[start:position])
            else:
                self._take(first, buffer[start:position], heard)
        self._rest = buffer[position:]
        return heard

    def _take(self, first: int, content: bytes, heard: Heard) -> None:
        """Anything but a whole text message."""
        if first & _RESERVED:
            raise FeedLost("the connection carries no WebSocket frames")
        opcode = first & _OPCODE
        if opcode >= _CONTROL_FROM:
            heard.controls.append((opcode, content))
            return
        self._fragments.append(content)
        if sum(map(len, self._fragments)) > MESSAGE_MAX:
            raise FeedLost("a message in pieces that has no end")
        if first & _FINAL:
            heard.messages.append(b"".join(self._fragments))
            self._fragments = []


def _head(buffer: bytes, position: int, end: int) -> tuple[int, int] | None:
    """Where the content begins and how long it is; None while that cannot be known."""
    length = buffer[position + 1]
    if length < 126:  # noqa: PLR2004 - RFC 6455, 5.2
        return position + 2, length
    width = {126: 2, 127: 8}.get(length)
    if width is None:
        raise FeedLost("the exchange masks its frames")
    start = position + 2 + width
    if start > end:
        return None
    return start, int.from_bytes(buffer[position + 2 : start], "big")
