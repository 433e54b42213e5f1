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
FEW = 64
"""Chunks that are looked at first, of those that may be one message's; then twice as many, and so on."""

_DEFAULT_SIZE = 128
_EXTENDED = 0xFFFFFF
_PERIOD = 1 << 32
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

    channel: int
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
        self._head = b""
        """The beginning of a chunk header that is not whole."""
        self._current: _Channel | None = None
        """Whose chunk is under way, and how many bytes of it are to come."""
        self._left = 0
        self._size = _DEFAULT_SIZE
        self._channels: dict[int, _Channel] = {}
        self._pending = 0
        self._given_up = False
        self.position = 0
        """Where the message that `feed` hands out ends, in the bytes given to it."""

    def feed(self, data: bytes) -> Iterator[Message | None]:
        """Take more bytes; None stands for a message that was given up half-way for a new one.

        What is done with a message counts before the next is read. Raises Violation.
        """
        before = len(self._head)
        if before:
            data, self._head = self._head + data, b""
        position = 0
        while True:
            if self._current is None:
                body = self._header(data, position)
                if body is None:
                    self._head = data[position:]
                    return
                position = body
                if self._given_up:
                    self._given_up = False
                    self.position = max(0, position - before)
                    yield None
            state = self._current
            assert state is not None
            payload, position = self._payload(data, position, state)
            if payload is not None:
                self._current, state.begun = None, False
                self.position = position - before
                yield Message(state.kind, state.stamp, state.stream, payload)
            elif self._left:
                return

    def _payload(self, data: bytes, position: int, state: _Channel) -> tuple[bytes | None, int]:
        """Take from `position` on what belongs to the message: it, if it is whole now, and where to go on."""
        first = position + self._left
        if self._left == state.size and first <= len(data):
            return data[position:first], first
        if first > len(data):
            self._left = first - len(data)
            self._gather(state, memoryview(data)[position:])
            return None, len(data)
        stop = self._follow(data, first, state)
        part = bytearray(memoryview(data)[position:stop])
        del part[self._left :: self._size + 1]
        if len(part) == state.size:
            return bytes(part), stop
        self._gather(state, part)
        self._left, self._current = 0, None
        if len(state.parts) < state.size:
            return None, stop
        payload = bytes(state.parts)
        self._drop(state)
        return payload, stop

    def _follow(self, data: bytes, first: int, state: _Channel) -> int:
        """Where those of the message's chunks end that follow its chunk up to `first`, whole and one after the other:
        to take many at once costs little more than one."""
        if state.extended or state.channel > 63:
            return first
        step = self._size + 1
        whole, short = divmod(state.size - len(state.parts) - self._left, self._size)
        later = whole + (short > 0)
        end = first + whole * self._size + short + later
        head, same, looked = bytes((0xC0 | state.channel,)), 0, 0
        while same == looked < later:  # no farther than needed: others may come between any two
            heads = data[first + same * step : min(end, first + (2 * same + FEW) * step) : step]
            same, looked = same + len(heads) - len(heads.lstrip(head)), same + max(1, len(heads))
        if same == later and end <= len(data):
            return end
        return first + min(same, whole, (len(data) - first) // step) * step

    def _gather(self, state: _Channel, part: bytearray | memoryview) -> None:
        self._pending += len(part)
        if self._pending > PENDING_LIMIT:
            raise Violation("too many unfinished messages")
        state.parts += part

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

    def _header(self, data: bytes, position: int) -> int | None:
        """Read a chunk's header; where its payload begins, or None when it is not all there."""
        end = len(data)
        if position >= end:
            return None
        form, channel = data[position] >> 6, data[position] & 63
        at = position + (1 if channel > 1 else 2 + channel)
        body = at + _HEADER_SIZES[form]
        if body > end:
            return None
        if channel < 2:
            channel = 64 + int.from_bytes(data[position + 1 : at], "little")
        state = self._channels.get(channel) or self._new(form, channel)
        if form == 3 and state.begun and not state.extended:
            self._current, self._left = state, min(self._size, state.size - len(state.parts))
            return body
        time = int.from_bytes(data[at : at + 3], "big") if form < 3 else state.time
        extended = time == _EXTENDED if form < 3 else state.extended
        if extended:
            if body + 4 > end:
                return None
            again = int.from_bytes(data[body : body + 4], "big")
            # some servers do not repeat the extended time in a message's later chunks (SRS knows them, too)
            if form < 3 or not state.begun or again == state.time:
                time, body = again, body + 4
        if form < 3 or not state.begun:
            self._begin(state, form, time, extended, data[at : at + 11])
        self._current, self._left = state, min(self._size, state.size - len(state.parts))
        return body

    def _new(self, form: int, channel: int) -> _Channel:
        if form > 1:  # librtmp opens with 1, too
            raise Violation("a chunk continues a message that never began")
        if len(self._channels) >= CHANNEL_LIMIT:
            raise Violation("too many chunk streams")
        state = self._channels[channel] = _Channel(channel)
        return state

    def _begin(self, state: _Channel, form: int, time: int, extended: bool, head: bytes) -> None:
        """A new message, by a header of `form` whose fields are at the front of `head`."""
        if state.begun:
            self._given_up = True
            self._drop(state)
        if form < 2:
            state.size, state.kind = int.from_bytes(head[3:6], "big"), head[6]
            if state.size > MESSAGE_LIMIT:
                raise Violation("a message too large")
        if form == 0:
            state.stream = int.from_bytes(head[7:11], "little")
        # a chunk of type 3 that begins a message repeats the time before, even an absolute one (§5.3.1.2.4)
        state.stamp = time if form == 0 else (state.stamp + time) % _PERIOD
        state.time, state.extended, state.begun = time, extended, True


def write(channel: int, message: Message) -> bytes:
    """`message` as chunks of the default size; `channel` below 64."""
    payload = message.payload
    head = channel.to_bytes(1, "big") + message.stamp.to_bytes(3, "big") + len(payload).to_bytes(3, "big")
    out = head + message.kind.to_bytes(1, "big") + message.stream.to_bytes(4, "little") + payload[:_DEFAULT_SIZE]
    for at in range(_DEFAULT_SIZE, len(payload), _DEFAULT_SIZE):
        out += (0xC0 | channel).to_bytes(1, "big") + payload[at : at + _DEFAULT_SIZE]
    return out
