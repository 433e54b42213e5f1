"""Turns the programme into FLV tags and TS packets, with PyAV's own encoders (libx264, aac)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import av.container
import numpy as np
from av.video.frame import PictureType

from qoe_agent.demo import flv

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    from qoe_agent.demo.programme import Programme

LEAD_IN = 1.0
"""Media time of the first frame: AAC's priming would else be negative."""
_FLUSH_PACKETS = 0x200
"""AVFMT_FLAG_FLUSH_PACKETS: hand out each packet at once."""
_VIDEO_PID = 0x100
"""mpegtsenc's first stream."""
_TS = 188
_AAC_FRAME = 1024


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes that belong together: a whole number of tags or TS packets."""

    data: bytes
    key_pts: float | None = None
    """Media time, if a key frame begins here: a new viewer may start."""


@dataclass(slots=True)
class Coded:
    """What came out for one frame."""

    flv: list[Piece] = field(default_factory=list)
    ts: list[Piece] = field(default_factory=list)


class Encoder:
    """One broadcast's encoders and muxers; feed it frames in order."""

    def __init__(self, programme: Programme, key_every: int, bit_rate: int = 800_000) -> None:
        self._programme, self._key_every, self._bit_rate = programme, key_every, bit_rate
        self._written: list[bytes] = []
        self._keys: deque[float] = deque()
        options = {"pes_payload_size": "0"}  # no gathering of audio frames: each leaves when it is ready
        self._ts = av.open(_Pipe(self._written), "w", format="mpegts", options=options)
        self._ts.flags |= _FLUSH_PACKETS
        self._video_stream = self._ts.add_mux_stream("h264", rate=programme.rate)
        self._audio = self._ts.add_stream("aac", rate=programme.sample_rate)
        self._audio.bit_rate = 96_000
        self._audio.codec_context.layout = "stereo" if programme.channels == 2 else "mono"
        self._samples = np.zeros((programme.channels, 0), np.float32)
        self._heard = 0
        self._video: VideoCodecContext | None = None
        self.sequence = b""
        """FLV tags that a new viewer needs before any other."""

    def frame(self, index: int, picture: NDArray[np.uint8], sound: NDArray[np.float32]) -> Coded:
        """Encode frame `index` of the broadcast; a picture of another size starts a new encoder."""
        coded = Coded()
        height, width = picture.shape[0] * 2 // 3, picture.shape[1]
        if self._video is None or (self._video.width, self._video.height) != (width, height):
            self._video = self._open(width, height)
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts, frame.time_base = index + int(LEAD_IN * self._programme.rate), self._video.time_base
        if index % self._key_every == 0:
            frame.pict_type = PictureType.I
        for packet in self._video.encode(frame):
            self._video_packet(packet, coded)
        self._sound(sound, coded)
        coded.ts = list(self._pieces())
        return coded

    def close(self) -> None:
        """Let go of the muxer."""
        self._ts.close()

    def _open(self, width: int, height: int) -> VideoCodecContext:
        video: VideoCodecContext = av.CodecContext.create("libx264", "w")
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.framerate = Fraction(self._programme.rate)
        video.time_base = 1 / Fraction(self._programme.rate)
        video.gop_size = 10 * self._key_every  # the key frames that count are forced, also after a new start
        video.bit_rate = self._bit_rate * width * height // (self._programme.width * self._programme.height)
        video.thread_count = 1
        video.options = {"preset": "ultrafast", "tune": "zerolatency", "sc_threshold": "0", "forced-idr": "1"}
        return video

    def _video_packet(self, packet: av.Packet[VideoStream], coded: Coded) -> None:
        pts = float((packet.pts or 0) * (packet.time_base or 0))
        stamp, data, key = round(pts * 1000), bytes(packet), packet.is_keyframe
        if key:
            self._keys.append(pts)
            self._renew_sequence(data, stamp, coded)
        coded.flv.append(Piece(flv.video(data, stamp, key), pts if key else None))
        packet.stream = self._video_stream  # type: ignore[assignment]  # PyAV types mux streams as plain ones
        self._ts.mux(packet)

    def _renew_sequence(self, data: bytes, stamp: int, coded: Coded) -> None:
        """Say the decoder configurations where they are new."""
        config = self._audio.codec_context.extradata or b""
        if not config:
            self._ts.start_encoding()  # opens the audio encoder, which then knows its configuration
            config = self._audio.codec_context.extradata or b""
        sequence = flv.video_header(data, 0) + flv.audio_header(config, 0)
        if sequence != self.sequence:
            self.sequence = sequence
            coded.flv.append(Piece(flv.video_header(data, stamp) + flv.audio_header(config, stamp)))

    def _sound(self, sound: NDArray[np.float32], coded: Coded) -> None:
        rate, layout = self._programme.sample_rate, self._audio.codec_context.layout.name
        self._samples = np.concatenate([self._samples, sound], axis=1)
        while self._samples.shape[1] >= _AAC_FRAME:
            samples, self._samples = np.split(self._samples, [_AAC_FRAME], axis=1)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=layout)
            frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
            frame.pts = self._heard + int(LEAD_IN * rate)
            self._heard += _AAC_FRAME
            for packet in self._audio.encode(frame):
                pts = float((packet.pts or 0) * (packet.time_base or 0))
                coded.flv.append(Piece(flv.audio(bytes(packet), round(pts * 1000))))
                self._ts.mux(packet)

    def _pieces(self) -> Iterator[Piece]:
        """What the muxer wrote, joined where its buffer was full in the middle of a TS packet."""
        data = b""
        for written in self._written:
            data += written
            if len(data) % _TS == 0:
                yield Piece(data, self._keys.popleft() if _starts_key(data) else None)
                data = b""
        self._written.clear()


def _starts_key(data: bytes) -> bool:
    """Whether the first video packet carries random_access_indicator (ISO/IEC 13818-1 §2.4.3.5)."""
    for at in range(0, len(data) - 5, _TS):
        if (data[at + 1] & 0x1F) << 8 | data[at + 2] == _VIDEO_PID:
            return bool(data[at + 3] & 0x20 and data[at + 4] and data[at + 5] & 0x40)
    return False


class _Pipe:
    """The file that the TS muxer believes it writes."""

    def __init__(self, written: list[bytes]) -> None:
        self._written = written

    def write(self, data: bytes) -> int:
        self._written.append(bytes(data))
        return len(data)
