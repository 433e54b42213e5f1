"""Where stamped media goes: encoders and muxer for a file, RTMP, UDP, a pipe, SRT and WHIP."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import av
import numpy as np

from qoe_agent.stamp.feed import RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qoe_agent.stamp.feed import Piece, Shape

TICKS = 90_000
"""Units of a second in which pictures are timed."""
SCHEMES = {"rtmp": "flv", "rtmps": "flv", "udp": "mpegts", "srt": "mpegts", "http": "matroska", "https": "matroska"}
"""What is sent to an address, or to the relay that sends it on."""
RELAYED = {"srt": "mpegts", "http": "whip", "https": "whip"}
"""What the relay makes of it: PyAV's FFmpeg has no SRT, and its WHIP fails in the DTLS handshake (av 18.1, GnuTLS)."""
TIMEOUT = 15.0
"""Seconds that an output may take."""
FLUSH_PACKETS = 0x200
"""AVFMT_FLAG_FLUSH_PACKETS: each packet leaves at once."""
GRACE = 5.0
"""Seconds that the SRT relay may take to send the rest."""


@dataclass(frozen=True, slots=True)
class Coding:
    """How the stamped media is encoded."""

    video: Literal["libx264", "libx265"] = "libx264"
    bit_rate: int = 4_000_000
    """Of the pictures, bits a second."""
    preset: str = "veryfast"
    key_every: float = 2.0
    """Seconds between key frames."""
    audio_rate: int = 128_000
    """Of the sound, bits a second."""


class Push:
    """One output. `send` takes pieces in order of time; `close` writes what the encoders still hold."""

    def __init__(self, to: str, coding: Coding, shape: Shape) -> None:
        self._relay: subprocess.Popen[bytes] | None = None
        self._whip = RELAYED.get(urlsplit(to).scheme) == "whip"
        self._container = self._open(to)
        self._container.flags |= FLUSH_PACKETS
        self._video = self._pictures(coding, shape)
        self._audio: Any = self._container.add_stream("libopus" if self._whip else "aac", rate=RATE)
        self._audio.codec_context.layout = "stereo"
        self._audio.bit_rate = coding.audio_rate
        self._frame_size = 960 if self._whip else 1024
        self._samples = np.zeros((2, 0), np.float32)
        self._heard = 0
        self._begun = False

    def _open(self, to: str) -> Any:
        scheme = urlsplit(to).scheme if "://" in to else ""
        if to == "-":
            return av.open(sys.stdout.buffer, "w", format="mpegts")
        if scheme in RELAYED:
            command = [*_relay(SCHEMES[scheme]), "-f", RELAYED[scheme], to]
            self._relay = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
            return av.open(self._relay.stdin, "w", format=SCHEMES[scheme])
        if scheme and scheme not in SCHEMES:
            raise ValueError(f"cannot send to {scheme}://; it can be a file, -, {', '.join(SCHEMES)}")
        if not scheme:
            return av.open(to, "w")
        return av.open(to, "w", format=SCHEMES[scheme], timeout=TIMEOUT)

    def _pictures(self, coding: Coding, shape: Shape) -> Any:
        stream: Any = self._container.add_stream(coding.video, rate=shape.rate)
        stream.width, stream.height, stream.pix_fmt = shape.width, shape.height, "yuv420p"
        stream.bit_rate = coding.bit_rate
        stream.codec_context.time_base = Fraction(1, TICKS)
        stream.codec_context.gop_size = max(1, round(coding.key_every * shape.rate))
        options = {"preset": coding.preset, "tune": "zerolatency"}
        if coding.video == "libx264":
            options |= {"sc_threshold": "0", "maxrate": str(coding.bit_rate), "bufsize": str(coding.bit_rate)}
            options |= {"profile": "baseline"} if self._whip else {}
        else:
            options |= {"x265-params": "log-level=error:scenecut=0"}
        stream.codec_context.options = options
        return stream

    def send(self, piece: Piece) -> None:
        """Encode and write a piece."""
        if piece.kind == "video":
            piece.picture.pts, piece.picture.time_base = round(piece.pts * TICKS), Fraction(1, TICKS)
            piece.picture.pict_type = 0
            self._write(self._video.encode(piece.picture))
        elif piece.samples is not None:
            self._sound(piece.samples)

    def close(self) -> None:
        """Write the rest, end the file or connection."""
        try:
            if self._begun:
                self._write(self._video.encode(None))
                self._write(self._audio.encode(None))
            self._container.close()
        finally:
            self._end_relay()

    def abandon(self) -> None:
        """End it after an error, as well as that can be done."""
        with contextlib.suppress(av.FFmpegError, OSError):
            self._container.close()
        self._end_relay()

    def _sound(self, samples: NDArray[np.float32]) -> None:
        """Collect sound to the encoder's frames."""
        self._samples = np.concatenate([self._samples, samples], axis=1)
        size = self._frame_size
        while self._samples.shape[1] >= size:
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(self._samples[:, :size]), "fltp", "stereo")
            frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), self._heard
            self._samples = self._samples[:, size:]
            self._heard += size
            self._write(self._audio.encode(frame))

    def _write(self, packets: Any) -> None:
        self._begun = True
        try:
            for packet in packets:
                self._container.mux(packet)
        except OSError:
            if self._relay is None:
                raise
            raise OSError(_last_words(self._relay)) from None

    def _end_relay(self) -> None:
        relay = self._relay
        if relay is None:
            return
        if relay.stdin:
            with contextlib.suppress(BrokenPipeError):
                relay.stdin.close()
        try:
            relay.wait(GRACE)
        except subprocess.TimeoutExpired:
            relay.kill()
            relay.wait()
        if relay.stderr:
            relay.stderr.close()


def _last_words(relay: subprocess.Popen[bytes]) -> str:
    with contextlib.suppress(subprocess.TimeoutExpired):
        relay.wait(1.0)
    if relay.returncode is None:
        return "FFmpeg takes no more"
    lines = relay.stderr.read().decode(errors="replace").splitlines() if relay.stderr else []
    return lines[-1] if lines else f"FFmpeg ended with status {relay.returncode}"


def _relay(sent: str) -> list[str]:
    """FFmpeg with SRT and WHIP, imageio-ffmpeg's or one on the path, up to what it is to make of `sent`."""
    try:
        import imageio_ffmpeg
    except ImportError:
        program = shutil.which("ffmpeg")
    else:
        program = imageio_ffmpeg.get_ffmpeg_exe()
    if program is None:
        raise ValueError("SRT and WHIP need an FFmpeg that has them: pip install 'qoe-agent[relay]'")
    quick = ["-fflags", "nobuffer", "-probesize", "100k", "-analyzeduration", "300k"]
    common = ["-hide_banner", "-loglevel", "error", "-nostdin", *quick, "-f", sent, "-i", "pipe:0"]
    return [program, *common, "-c", "copy", "-flush_packets", "1"]
