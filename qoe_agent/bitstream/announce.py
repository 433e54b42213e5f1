"""The format of a track that has no configuration record: found in its frames' own headers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from qoe_agent.bitstream import nal, sound
from qoe_agent.bitstream.audio import describe_adts
from qoe_agent.bitstream.described import Described
from qoe_agent.model import KEY, Format

if TYPE_CHECKING:
    from qoe_agent.bitstream.elementary import Frame
    from qoe_agent.bitstream.psi import Elementary

_Sound: TypeAlias = tuple[str, int | None, int | None, str | None]


class Announcer:
    """Says what a track is like when it begins and whenever that changes."""

    __slots__ = ("_codec", "_format", "_identity", "_kind", "_track")

    def __init__(self, track: int, stream: Elementary) -> None:
        self._track = track
        self._kind, self._codec = stream.kind, stream.codec
        self._format: Format | None = None
        self._identity: object = None
        """What the format was read from: parameter sets, or a sound header's fields."""

    def see(self, frame: Frame, flags: int) -> Format | None:
        """The format, if this frame brings a new one; looks closer only where headers changed."""
        if self._kind == "video":
            if self._format and not flags & KEY:
                return None
            identity: object = nal.parameter_sets(self._codec, frame.data[: frame.head], 0)
        else:
            identity = self._declared(frame.data) if self._kind == "audio" else None
        if self._format and (not identity or identity == self._identity):
            return None
        found = self._look(frame)
        self._identity = identity
        if found == self._format:
            return None
        self._format = found
        return replace(found, at=frame.at)

    def _declared(self, data: bytes) -> _Sound | None:
        """Codec, sample rate, channels and profile in a sound frame's header."""
        if self._codec == "aac":
            found = describe_adts(data[:7])
            return ("aac", *found) if found else None
        if self._codec == "opus":
            return "opus", 48000, None, None
        header = sound.HEADERS[self._codec][0](data, 0) if self._codec in sound.HEADERS else None
        return (header.codec, header.rate, header.channels, None) if header else None

    def _look(self, frame: Frame) -> Format:
        """The format as the frame's own headers declare it."""
        if self._kind == "video":
            seen = nal.describe(self._codec, frame.data[: frame.head])
            fields = {name: getattr(seen, name) for name in Described.__slots__}
            return Format(0.0, self._track, "video", self._codec, **fields)
        declared = self._declared(frame.data) if self._kind == "audio" else None
        codec, rate, channels, profile = declared or (self._codec, None, None, None)
        return Format(0.0, self._track, self._kind, codec, profile=profile, sample_rate=rate, channels=channels)
