"""An RTMP client that plays one stream, without the socket: bytes and their arrival in, observations out.

Adobe RTMP 1.0; the order of the calls is that of libavformat/rtmpproto.c, which every server knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from qoe_agent.bitstream import amf, chunks
from qoe_agent.bitstream.chunks import Message, Violation
from qoe_agent.bitstream.flv_tracks import AUDIO, SCRIPT, SCRIPT_AMF3, VIDEO, Tracks
from qoe_agent.bitstream.rtmp_address import Address, address
from qoe_agent.maths.quoting import listed
from qoe_agent.model import Answer, Damage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.model import Observation

__all__ = ["Address", "Client", "Event", "Output", "address"]

_HANDSHAKE = 1536
_VERSION = 3
_SET_CHUNK_SIZE, _ABORT, _USER_CONTROL, _WINDOW, _BANDWIDTH = 1, 2, 4, 5, 6
_ACKNOWLEDGE, _COMMAND_AMF3, _COMMAND, _AGGREGATE = 3, 17, 20, 22
_STREAM_EOF, _SET_BUFFER, _PING, _PONG = 1, 3, 6, 7
_CONNECT_CALL, _CREATE_CALL = 1.0, 2.0

_OUR_WINDOW = 2_500_000
_BUFFER = 3000
"""Milliseconds that we claim to buffer, as libavformat does."""
_FROM_LIVE = -2000.0
"""What libavformat and librtmp send for: live, or else recorded."""

_ENDS = {"NetStream.Play.UnpublishNotify", "NetStream.Play.Stop", "NetStream.Play.Complete"}
_REASONS = {
    "NetStream.Play.StreamNotFound": "not_found",
    "NetStream.Play.FileNotFound": "not_found",
    "NetConnection.Connect.InvalidApp": "not_found",
    "NetConnection.Connect.Rejected": "auth",
    "NetConnection.Connect.Closed": "reset",
    "NetConnection.Connect.AppShutdown": "reset",
}


@dataclass(frozen=True, slots=True)
class Event:
    """A step of the conversation."""

    at: float
    what: Literal["shaken", "playing", "over"]
    """The handshake is done; the server plays (or media came); nothing more will come."""
    reason: str = ""
    """Over: one of LOST_REASONS."""
    detail: str = ""


Output: TypeAlias = "Observation | Event"


class Client:
    """Plays one stream. Feed it what arrives with `receive`, send what `to_send` returns."""

    def __init__(self, where: Address, flash_ver: str) -> None:
        self._where = where
        self._flash_ver = flash_ver
        self._outgoing = bytearray([_VERSION]) + bytes(_HANDSHAKE)
        self._shaking: bytearray | None = bytearray()
        self._answered = False
        self._reader = chunks.Reader()
        self._tracks = Tracks()
        self._stream, self._server = 0, ""
        self._window = _OUR_WINDOW
        self._received = 0
        self._acknowledged = 0
        self.state = "handshake"
        """handshake, connecting, playing, over."""
        self.media = False
        """Whether any audio or video has come."""

    def to_send(self) -> bytes:
        """What has to go to the server now."""
        out = bytes(self._outgoing)
        self._outgoing.clear()
        return out

    def receive(self, data: bytes, at: float) -> list[Output]:
        """Take bytes that arrived at `at`."""
        return self.receive_all(((data, at),))

    def receive_all(self, pieces: Sequence[tuple[bytes, float]]) -> list[Output]:
        """Take several pieces at once, each with its arrival; a message arrives with its last byte."""
        out: list[Output] = []
        self._received += sum(len(data) for data, _ in pieces)
        rest: list[tuple[bytes, float]] = []
        for data, at in pieces:
            if self.state == "over":
                return out
            rest.append((data if self._shaking is None else self._shake(data, at, out), at))
        self._read(rest, out)
        if self._received - self._acknowledged >= self._window and self.state != "over":
            self._acknowledged = self._received
            self._send(2, _ACKNOWLEDGE, (self._received & 0xFFFFFFFF).to_bytes(4, "big"))
        return out

    def _read(self, pieces: Sequence[tuple[bytes, float]], out: list[Output]) -> None:
        data = pieces[0][0] if len(pieces) == 1 else b"".join(data for data, _ in pieces)
        number, end, at = 0, len(pieces[0][0]), pieces[0][1]
        try:
            for message in self._reader.feed(data):
                while end < self._reader.position:
                    number += 1
                    end, at = end + len(pieces[number][0]), pieces[number][1]
                if message is None:
                    out.append(Damage(at, None, "parse", 1, "an RTMP message was left unfinished"))
                    continue
                self._message(message, at, out)
                if self.state == "over":
                    break
        except Violation as error:
            self._over("protocol", f"not RTMP: {error}", pieces[-1][1], out)

    def _over(self, reason: str, detail: str, at: float, out: list[Output]) -> None:
        self.state = "over"
        out.append(Event(at, "over", reason, detail))

    def _send(self, channel: int, kind: int, payload: bytes, stream: int = 0) -> None:
        self._outgoing += chunks.write(channel, Message(kind, 0, stream, payload))

    def _call(self, *values: amf.Value, stream: int = 0) -> None:
        self._send(8 if stream else 3, _COMMAND, amf.encode(values), stream)

    def _shake(self, data: bytes, at: float, out: list[Output]) -> bytes:
        """The simple handshake (§5.2): S0 and S1 are answered by C2, and S2 ends it. What is left of `data`."""
        shaking = self._shaking
        assert shaking is not None
        shaking += data
        if shaking[:1] and shaking[0] != _VERSION:
            self._over("protocol", "the server does not speak RTMP", at, out)
            return b""
        if len(shaking) >= 1 + _HANDSHAKE and not self._answered:
            self._answered = True
            self._outgoing += shaking[1 : 1 + _HANDSHAKE]
        if len(shaking) < 1 + 2 * _HANDSHAKE:
            return b""
        self._shaking = None
        self.state = "connecting"
        out.append(Event(at, "shaken"))
        claims = {
            "app": self._where.app,
            "flashVer": self._flash_ver,
            "tcUrl": self._where.tc_url,
            "fpad": False,
            "capabilities": 15,
            "audioCodecs": 4071,
            "videoCodecs": 252,
            "videoFunction": 1,
            "objectEncoding": 0,
            "fourCcList": ["av01", "avc1", "hvc1", "vp09", "vvc1"],
        }
        self._call("connect", _CONNECT_CALL, claims)
        return bytes(shaking[1 + 2 * _HANDSHAKE :])

    def _message(self, message: Message, at: float, out: list[Output]) -> None:
        kind, payload = message.kind, message.payload
        if kind in (AUDIO, VIDEO):
            self._tag(kind, message.stamp, payload, at, out)
        elif kind in (SCRIPT, SCRIPT_AMF3):
            self._script(kind, message.stamp, payload, at, out)
        elif kind == _AGGREGATE:
            self._aggregate(message, at, out)
        elif kind in (_COMMAND, _COMMAND_AMF3):
            self._command(amf.decode(payload[1:] if kind == _COMMAND_AMF3 else payload), at, out)
        elif len(payload) >= 4:
            self._control(kind, payload, at, out)

    def _tag(self, kind: int, stamp: int, payload: bytes, at: float, out: list[Output]) -> None:
        if not self.media:
            self.media = True
            self._playing(at, out)
        out += self._tracks.tag(kind, stamp, payload, at)

    def _script(self, kind: int, stamp: int, payload: bytes, at: float, out: list[Output]) -> None:
        values = amf.decode(payload)
        if values[:1] == ["onPlayStatus"]:
            self._status(values[-1], at, out)
        else:
            out += self._tracks.tag(kind, stamp, payload, at)

    def _playing(self, at: float, out: list[Output]) -> None:
        if self.state != "playing":
            self.state = "playing"
            out.append(Event(at, "playing"))
            if self._server:
                out.append(Answer(at, "headers", self._server))

    def _aggregate(self, message: Message, at: float, out: list[Output]) -> None:
        """FLV tags in one message (§7.1.6): the first has the message's time, the others keep their distance."""
        data, position, first = message.payload, 0, None
        while position + 11 <= len(data):
            size = int.from_bytes(data[position + 1 : position + 4], "big")
            stamp = int.from_bytes(data[position + 4 : position + 7], "big") | data[position + 7] << 24
            end = position + 11 + size
            if end > len(data):
                out.append(Damage(at, None, "parse", 1, "an RTMP aggregate is cut short"))
                return
            first = stamp if first is None else first
            inner = Message(data[position], (message.stamp + stamp - first) & 0xFFFFFFFF, 0, data[position + 11 : end])
            if inner.kind in (AUDIO, VIDEO, SCRIPT):
                self._message(inner, at, out)
            position = end + 4

    def _control(self, kind: int, payload: bytes, at: float, out: list[Output]) -> None:
        """Protocol control (§5.4) and user control (§7.1.7)."""
        value = int.from_bytes(payload[:4], "big")
        if kind == _SET_CHUNK_SIZE:
            self._reader.resize(value)
        elif kind == _ABORT:
            self._reader.abort(value)
        elif kind == _WINDOW:
            self._window = max(1, value)
        elif kind == _BANDWIDTH:
            self._send(2, _WINDOW, _OUR_WINDOW.to_bytes(4, "big"))
        elif kind == _USER_CONTROL:
            event, data = value >> 16, payload[2:6]
            if event == _PING:
                self._send(2, _USER_CONTROL, _PONG.to_bytes(2, "big") + data)
            elif event == _STREAM_EOF and self._stream and int.from_bytes(data, "big") == self._stream:
                self._over("ended", "the server signalled the end of the stream", at, out)

    def _command(self, values: list[amf.Value], at: float, out: list[Output]) -> None:
        if len(values) < 2 or not isinstance(values[0], str):
            return
        name, call, result = values[0], values[1], values[3] if len(values) > 3 else None
        if name == "_result" and call == _CONNECT_CALL and not self._stream:
            said = [one for one in values[2:4] if isinstance(one, dict)]
            said += [one["data"] for one in said if isinstance(one.get("data"), dict)]
            self._server = listed(pair for one in said for pair in one.items())
            self._send(2, _WINDOW, _OUR_WINDOW.to_bytes(4, "big"))
            self._call("createStream", _CREATE_CALL, None)
        elif name == "_result" and call == _CREATE_CALL and isinstance(result, float):
            self._play(result)
        elif name == "_error" and call in (_CONNECT_CALL, _CREATE_CALL):
            self._refused(result, at, out)
        elif name in ("onStatus", "onPlayStatus"):
            self._status(result, at, out)

    def _play(self, stream: float) -> None:
        self._stream = int(stream) if 0 <= stream < 1 << 32 else 0
        self._call("play", 0.0, None, self._where.stream, _FROM_LIVE, stream=self._stream)
        data = self._stream.to_bytes(4, "big") + _BUFFER.to_bytes(4, "big")
        self._send(2, _USER_CONTROL, _SET_BUFFER.to_bytes(2, "big") + data)

    def _refused(self, info: amf.Value, at: float, out: list[Output]) -> None:
        code, text = _said(info)
        self._over(_REASONS.get(code, "status"), f"the server refused: {text}", at, out)

    def _status(self, info: amf.Value, at: float, out: list[Output]) -> None:
        code, text = _said(info)
        if code in _ENDS:
            self._over("ended", text, at, out)
        elif code in _REASONS or (isinstance(info, dict) and info.get("level") == "error"):
            self._over(_REASONS.get(code, "status"), text, at, out)
        elif code == "NetStream.Play.Start":
            self._playing(at, out)

    def closed(self, at: float) -> Event:
        """What it means that the server closes the connection now."""
        detail = "the server closed the connection"
        if self.state == "handshake":
            detail += " during the handshake"
        elif self.state == "connecting":
            detail += " instead of playing: unknown application, or not allowed"
        elif not self.media:
            detail += " before any media came: no such stream, or not allowed"
        return Event(at, "over", "reset", detail)


def _said(info: amf.Value) -> tuple[str, str]:
    """The code of a status object, and code and description as one line."""
    if not isinstance(info, dict):
        return "", "no reason given"
    code, text = str(info.get("code", "")), str(info.get("description", ""))
    line = f"{code[:80]}: {text[:160]}" if text and text != code else code[:80]
    return code, "".join(c if c.isprintable() else " " for c in line) or "no reason given"
