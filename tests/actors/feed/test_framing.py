"""Bytes of a WebSocket connection, however they are cut."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.feed.framing import MESSAGE_MAX, Framing, Heard, Opcode
from domain.errors import FeedLost

TEXT = 0x81


def frame(payload: bytes, first: int = TEXT) -> bytes:
    size = len(payload)
    if size < 126:
        return bytes([first, size]) + payload
    if size < 2**16:
        return bytes([first, 126]) + struct.pack(">H", size) + payload
    return bytes([first, 127]) + struct.pack(">Q", size) + payload


def fed(framing: Framing, data: bytes, size: int) -> Heard:
    """The bytes in pieces of this size."""
    whole = Heard()
    for start in range(0, len(data), size):
        heard = framing.feed(data[start : start + size])
        whole.messages += heard.messages
        whole.controls += heard.controls
        whole.oversized += heard.oversized
    return whole


@given(
    payloads=st.lists(st.binary(max_size=70_000) | st.binary(max_size=200), max_size=5),
    size=st.integers(1, 5000),
)
def test_messages_come_out_whole_however_the_bytes_are_cut(
    payloads: list[bytes], size: int
) -> None:
    data = b"".join(map(frame, payloads))

    assert fed(Framing(), data, max(size, len(data) // 50)).messages == payloads


def test_pieces_of_a_message_are_joined_and_pings_may_come_between() -> None:
    data = frame(b"one ", 0x01) + frame(b"?", 0x89) + frame(b"two", 0x80)

    heard = Framing().feed(data)

    assert heard.messages == [b"one two"]
    assert heard.controls == [(Opcode.PING, b"?")]


@pytest.mark.parametrize("size", [100_000, 10**8])
def test_message_that_is_too_long_is_skipped_without_being_kept(size: int) -> None:
    framing = Framing()
    data = frame(b"x" * 10_485_760) + frame(b"next")

    heard = fed(framing, data, size)

    assert heard.oversized == [10_485_760]
    assert heard.messages == [b"next"]


@pytest.mark.parametrize(
    "data", [frame(b"packed", 0xC1), bytes([TEXT, 0x85]) + b"masked"], ids=["compressed", "masked"]
)
def test_what_we_did_not_agree_to_ends_the_connection(data: bytes) -> None:
    with pytest.raises(FeedLost):
        Framing().feed(data)


def test_pieces_without_end_are_not_collected_for_ever() -> None:
    framing = Framing()
    piece = frame(b"x" * 60_000, 0x01)

    with pytest.raises(FeedLost, match="no end"):
        fed(framing, piece * (MESSAGE_MAX // 60_000 + 1), 10**6)
