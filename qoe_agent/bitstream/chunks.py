"""RTMP chunk streams: bytes to whole messages and back (Adobe RTMP 1.0 §5.3)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MESSAGE_LIMIT = 16_000_000
"""Bytes of the largest message that is taken."""
CHANNEL_LIMIT = 64
"""Most chunk streams at once."""
PENDING_LIMIT = 2 * MESSAGE_LIMIT
"""Bytes of all unfinished messages together."""

_DEFAULT_SIZE = 128
_EXTENDED = 0xFFFFFF
_PERIOD = 1 << 32
_BASIC_SIZES = {0: 2, 1: 3}
_HEADER_SIZES = (11, 7, 3, 0)


class Violation(Exception):
    """What came cannot be RTMP; the text says why."""


@dataclass(slots=True)
class Message:
    """One whole RTMP message."""

    kind: int
    stamp: int
    """Milliseconds, 32 bits."""
    stream: int
    payload: bytes


@dataclass(slots=True)
class _Channel:
    """What a chunk stream remembers from header to header."""

    stamp: int = 0
    time: int = 0
    """The time that the last header gave: absolute or a delta."""
    extended: bool = False
    size: int = 0
    kind: int = 0
    stream: int = 0
    parts: bytearray = dataclasses.field(default_factory=bytearray)
    begun: bool = False
    """A message is under way."""


class Reader:
    """Takes the bytes behind the handshake, hands out messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._size = _DEFAULT_SIZE
        self._channels: dict[int, _Channel] = {}
        self._pending = 0
        self._whole: Message | None = None
        self._given_up = False

    def feed(self, data: bytes) -> Iterator[Message | None]:
        """Take more bytes; None stands for a message that was given up half-way for a new one.

        What is done with a message counts before the next is read. Raises Violation.
        """
        self._buffer += data
        position = 0
        while (end := self._chunk(position)) is not None:
            position = end
            if self._given_up:
                self._given_up = False
                yield None
            if self._whole is not None:
                yield self._whole
        del self._buffer[:position]

    def resize(self, size: int) -> None:
        """The other side sends chunks of this size from now on (Set Chunk Size)."""
        if not 0 < size < 1 << 31:
            raise Violation("a chunk size that cannot be")
        self._size = size

    def abort(self, channel: int) -> None:
        """Forget the unfinished message of a chunk stream (Abort Message)."""
        if state := self._channels.get(channel):
            self._drop(state)

    def _drop(self, state: _Channel) -> None:
        self._pending -= len(state.parts)
        state.parts.clear()
        state.begun = False

    def _chunk(self, position: int) -> int | None:
        """Take one chunk; where it ends, or None when it is not all there. `_whole` is what it completes."""
        buffer, end = self._buffer, len(self._buffer)
        if position >= end:
            return None
        form, channel = buffer[position] >> 6, buffer[position] & 63
        at = position + _BASIC_SIZES.get(channel, 1)
        body = at + _HEADER_SIZES[form]
        if body > end:
            return None
        if channel < 2:
            channel = 64 + int.from_bytes(buffer[position + 1 : at], "little")
        state = self._channels.get(channel) or self._new(form, channel)
        time = int.from_bytes(buffer[at : at + 3], "big") if form < 3 else state.time
        extended = time == _EXTENDED if form < 3 else state.extended
        if extended:
            if body + 4 > end:
                return None
            again = int.from_bytes(buffer[body : body + 4], "big")
            # some servers do not repeat the extended time in a message's later chunks (SRS knows them, too)
            if form < 3 or not state.begun or again == state.time:
                time, body = again, body + 4
        begins = form < 3 or not state.begun
        size = int.from_bytes(buffer[at + 3 : at + 6], "big") if form < 2 else state.size
        part_end = body + min(self._size, size if begins else size - len(state.parts))
        if part_end > end:
            return None
        if begins:
            self._begin(state, form, time, extended, size)
            if form < 2:
                state.kind = buffer[at + 6]
            if form == 0:
                state.stream = int.from_bytes(buffer[at + 7 : at + 11], "little")
        self._take(state, buffer[body:part_end])
        return part_end

    def _new(self, form: int, channel: int) -> _Channel:
        if form > 1:  # librtmp opens with 1, too
            raise Violation("a chunk continues a message that never began")
        if len(self._channels) >= CHANNEL_LIMIT:
            raise Violation("too many chunk streams")
        state = self._channels[channel] = _Channel()
        return state

    def _begin(self, state: _Channel, form: int, time: int, extended: bool, size: int) -> None:
        if state.begun:
            self._given_up = True
            self._drop(state)
        if size > MESSAGE_LIMIT:
            raise Violation("a message too large")
        # a chunk of type 3 that begins a message repeats the time before, even an absolute one (§5.3.1.2.4)
        state.stamp = time if form == 0 else (state.stamp + time) % _PERIOD
        state.time, state.extended, state.size, state.begun = time, extended, size, True

    def _take(self, state: _Channel, part: bytearray) -> None:
        self._whole = None
        if len(state.parts) + len(part) == state.size:
            payload = bytes(state.parts + part) if state.parts else bytes(part)
            self._drop(state)
            self._whole = Message(state.kind, state.stamp, state.stream, payload)
            return
        state.parts += part
        self._pending += len(part)
        if self._pending > PENDING_LIMIT:
            raise Violation("too many unfinished messages")


def write(channel: int, message: Message) -> bytes:
    """`message` as chunks of the default size; `channel` below 64."""
    payload = message.payload
    head = channel.to_bytes(1, "big") + message.stamp.to_bytes(3, "big") + len(payload).to_bytes(3, "big")
    out = head + message.kind.to_bytes(1, "big") + message.stream.to_bytes(4, "little") + payload[:_DEFAULT_SIZE]
    for at in range(_DEFAULT_SIZE, len(payload), _DEFAULT_SIZE):
        out += (0xC0 | channel).to_bytes(1, "big") + payload[at : at + _DEFAULT_SIZE]
    return out
