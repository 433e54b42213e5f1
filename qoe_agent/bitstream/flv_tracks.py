"""From FLV tags to packets: the tracks of a stream, their formats and their unwrapped times."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from qoe_agent.bitstream import amf, dates, flv_tags, nal
from qoe_agent.bitstream.audio import describe_aac
from qoe_agent.maths.quoting import listed
from qoe_agent.maths.timeline import Unwrap
from qoe_agent.model import DISCONTINUITY, KEY, WRAPPED, Answer, Captured, Damage, Format, Packet

if TYPE_CHECKING:
    from qoe_agent.bitstream.described import Described
    from qoe_agent.bitstream.flv_tags import Body
    from qoe_agent.model import Observation

AUDIO, VIDEO, SCRIPT_AMF3, SCRIPT = 8, 9, 15, 18

_PERIOD = 1 << 32
_DATA = 2
"""The track of script tags that are not about the stream itself (onFI, onTextData, …)."""
_ABOUT_STREAM = ("onMetaData", "@clearDataFrame", "|RtmpSampleAccess", "onStatus", "onPlayStatus")
_DESCRIBED = ("h264", "hevc", "av1")
_KILOBIT = 125.0
_NEAR = 2.0
"""Seconds by which a script tag's own time may differ from the frames' and still be meant."""


@dataclass(slots=True)
class _Track:
    index: int
    kind: Literal["video", "audio"]
    codec: str
    breaks: int
    own: Format
    """What the track says of itself."""
    extradata: bytes = b""
    framing: int = 4
    sets: bytes = b""
    """Parameter sets last met in the packets themselves."""
    epoch: int | None = None
    sent: Format | None = None
    stale: bool = True
    """Whether `own` or what onMetaData claims may have changed since."""


@dataclass(frozen=True, slots=True)
class _Declared:
    """What onMetaData claims; the rates in bytes per second."""

    width: int | None = None
    height: int | None = None
    frame_rate: float | None = None
    video_rate: float | None = None
    audio_rate: float | None = None


_NOTHING = _Declared()


@dataclass(slots=True)
class Tracks:
    """Takes the tags of one stream in order."""

    _tracks: dict[tuple[str, int], _Track] = field(default_factory=dict)
    _declared: _Declared = _NOTHING
    _breaks: int = 0
    _unwrap: Unwrap = field(default_factory=lambda: Unwrap(_PERIOD))
    _now: int = 0
    """The latest frame's time in milliseconds, unwrapped."""
    _data: Format | None = None
    _metadata: str = ""
    """As it was last told."""
    _promised: str | None = None
    """The video codec that onMetaData claims, until there is a frame."""

    def discontinuity(self) -> None:
        """The timeline breaks here: the next packet of each track says so."""
        self._breaks += 1

    def tag(self, kind: int, stamp: int, payload: bytes, at: float) -> list[Observation]:
        """Take the body of one tag with its 32-bit millisecond timestamp."""
        out: list[Observation] = []
        try:
            if kind == VIDEO:
                for body in flv_tags.video(payload):
                    self._body(body, "video", stamp, at, out)
            elif kind == AUDIO:
                for body in flv_tags.audio(payload):
                    self._body(body, "audio", stamp, at, out)
            elif kind in (SCRIPT, SCRIPT_AMF3):
                self._script(payload[1:] if kind == SCRIPT_AMF3 else payload, stamp, at, out)
        except flv_tags.Truncated:
            out.append(Damage(at, 0 if kind == VIDEO else 1, "parse", 1, "an FLV tag ends within its header"))
        return out

    def _body(self, body: Body, kind: Literal["video", "audio"], stamp: int, at: float, out: list[Observation]) -> None:
        if not body.data:
            return
        track = self._tracks.get((kind, body.number))
        if track is None or track.codec != body.codec:
            track = self._track(body, kind, track)
        if body.what == "config":
            if body.data != track.extradata or track.sets:  # many send it before each key frame
                track.extradata, track.sets = body.data, b""
                track.framing = nal.length_size(body.data, body.codec) or 4
                track.own, track.stale = _describe(track), True
            self._tell(track, at, out)
        elif body.what == "frame":
            self._frame(track, body, stamp, at, out)

    def _track(self, body: Body, kind: Literal["video", "audio"], before: _Track | None) -> _Track:
        """A track that was not there, or not in this codec."""
        number = body.number
        index = (0 if kind == "video" else 1) if not number else 2 * number + (1 if kind == "video" else 2)
        own = Format(0.0, index, kind, body.codec, sample_rate=body.sample_rate, channels=body.channels)
        track = _Track(index, kind, body.codec, before.breaks if before else self._breaks, own)
        if before:
            track.sent, track.epoch = before.sent, before.epoch
        self._tracks[kind, number] = track
        return track

    def _frame(self, track: _Track, body: Body, stamp: int, at: float, out: list[Observation]) -> None:
        data, bits = body.data, KEY if body.key else 0
        if self._promised:
            self._expect(self._promised, at, out)
        if track.codec in _DESCRIBED:
            bits = nal.flags(track.codec, data, track.framing, body.key)
            if bits & KEY:
                self._look_inside(track, data)
        self._tell(track, at, out)
        time = self._now = self._unwrap(stamp)
        epoch = time // _PERIOD
        if track.epoch is not None and epoch > track.epoch:
            bits |= WRAPPED
        track.epoch = epoch
        if track.breaks != self._breaks:
            track.breaks = self._breaks
            bits |= DISCONTINUITY
        dts = (time + body.shift) / 1000
        pts = (time + body.shift + body.offset) / 1000
        out.append(Packet(at, track.index, track.kind, pts, dts, bits, len(data), data))

    def _look_inside(self, track: _Track, data: bytes) -> None:
        """Parameter sets within the packets overrule the sequence header, as they do for decoders."""
        sets = nal.parameter_sets(track.codec, data, track.framing)
        if sets and sets != track.sets:
            track.sets = sets
            found = nal.describe(track.codec, data, track.framing)
            if found.width is not None:
                track.stale = True
                track.own = _with(track.own, found)

    def _tell(self, track: _Track, at: float, out: list[Observation]) -> None:
        """Send the track's format if it is news."""
        if not track.stale:
            return
        track.stale = False
        own, declared, sent = track.own, self._declared, track.sent
        if track.kind == "audio":
            new = replace(own, at=at, bit_rate=declared.audio_rate)
        else:
            new = replace(
                own,
                at=at,
                width=own.width or declared.width,
                height=own.height or declared.height,
                frame_rate=declared.frame_rate or own.frame_rate,
                bit_rate=declared.video_rate,
            )
        if sent is None or new != replace(sent, at=at):
            track.sent = new
            out.append(new)

    def _script(self, payload: bytes, stamp: int, at: float, out: list[Observation]) -> None:
        values = amf.decode(payload)
        if values[:1] == ["@setDataFrame"]:
            del values[0]
        name = values[0] if values else None
        if name == "onMetaData" and len(values) > 1 and isinstance(values[1], dict):
            self._declared = _declared(values[1])
            if (said := listed(values[1].items())) != self._metadata:
                self._metadata = said
                out.append(Answer(at, "metadata", said))
            self._promised = flv_tags.claimed_codec(values[1].get("videocodecid"))
            for track in self._tracks.values():
                track.stale = True
                if track.sent is not None:
                    self._tell(track, at, out)
        elif isinstance(name, str) and name not in _ABOUT_STREAM:
            if self._data is None:
                self._data = Format(at, _DATA, "data", "unknown:amf0")
                out.append(self._data)
            # frames alone move the clock: servers stamp script tags with 0
            time = (self._now + (stamp - self._now + _PERIOD // 2) % _PERIOD - _PERIOD // 2) / 1000
            out.append(Packet(at, _DATA, "data", time, time, KEY, len(payload), payload))
            fields = values[1] if name == "onFI" and len(values) > 1 and isinstance(values[1], dict) else {}
            captured = dates.local(fields.get("sd"), fields.get("st"))
            if captured is not None:
                pts = time if abs(time - self._now / 1000) <= _NEAR else self._now / 1000
                out.append(Captured(at, _DATA, pts, captured, "onfi"))

    def _expect(self, codec: str, at: float, out: list[Observation]) -> None:
        """Announce pictures that are promised, though sound comes first: some servers begin them at a key frame."""
        self._promised = None
        if ("video", 0) not in self._tracks:
            track = self._tracks["video", 0] = _Track(0, "video", codec, self._breaks, Format(0.0, 0, "video", codec))
            self._tell(track, at, out)


def _describe(track: _Track) -> Format:
    """What a track's sequence header says."""
    out = Format(0.0, track.index, track.kind, track.codec, track.extradata)
    if track.codec in _DESCRIBED:
        return _with(out, nal.describe(track.codec, track.extradata))
    if track.codec == "aac" and (aac := describe_aac(track.extradata)):
        return replace(out, sample_rate=aac[0], channels=aac[1], profile=aac[2])
    if track.codec == "opus" and track.extradata.startswith(b"OpusHead") and len(track.extradata) > 9:
        return replace(out, sample_rate=48000, channels=track.extradata[9] or None)  # RFC 7845 §5.1
    return out


def _with(own: Format, found: Described) -> Format:
    return replace(
        own,
        width=found.width,
        height=found.height,
        profile=found.profile,
        level=found.level,
        pixel_format=found.pixel_format,
        frame_rate=found.frame_rate,
    )


def _declared(claims: dict[str, amf.Value]) -> _Declared:
    """The claims of onMetaData that we use, where they can be true. Rates come in kilobits per second."""

    def number(name: str, most: float) -> float | None:
        value = claims.get(name)
        good = isinstance(value, float) and math.isfinite(value) and 0 < value <= most
        return value if good else None

    def side(name: str) -> int | None:
        value = number(name, 65535)
        return int(value) if value and value >= 1 else None

    video_rate, audio_rate = number("videodatarate", 1e7), number("audiodatarate", 1e6)
    return _Declared(
        side("width"),
        side("height"),
        number("framerate", 1000),
        video_rate * _KILOBIT if video_rate else None,
        audio_rate * _KILOBIT if audio_rate else None,
    )
