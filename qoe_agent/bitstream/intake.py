"""Packets into a programme: their sizes and, of a few pictures a second, type and quantiser out of the headers."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from qoe_agent.bitstream.slices import TOP, Headers
from qoe_agent.maths.programme import Level
from qoe_agent.model import KEY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qoe_agent.maths.programme import Programme
    from qoe_agent.maths.quantisers import Quantisers
    from qoe_agent.model import Format, Packet

READS = 3.0
"""Pictures a second whose headers are read."""
GOLDEN = 0.6180339887498949
"""Steps by this share of a circle come everywhere on it: in step with no period of the encoder's."""
H264_SCALE = 51
TOGETHER = 0.2
"""Seconds of sound whose sizes are added up before they are told."""


class Intake:
    """Follows the first video and the first sound track of a connection."""

    __slots__ = ("_dice", "_headers", "formats", "programme", "quantisers")

    def __init__(self, programme: Programme, quantisers: Quantisers) -> None:
        self.programme, self.quantisers = programme, quantisers
        self.formats: dict[str, Format] = {}
        """Of the tracks followed, by kind."""
        self._headers: Headers | None = None
        self._dice = 0.0

    def connection(self) -> None:
        """Another one: its tracks are announced anew."""
        self.formats.clear()
        self._headers = None

    def format(self, seen: Format) -> None:
        """Take what a track is like from now on."""
        if seen.kind == "data" or self.formats.setdefault(seen.kind, seen).track != seen.track:
            return
        before, self.formats[seen.kind] = self.formats[seen.kind], seen
        if seen.kind == "audio":
            self.programme.sounding = True
            return
        if self._headers is None or (before.codec, before.extradata) != (seen.codec, seen.extradata):
            self._headers = Headers(seen.codec, seen.extradata)
        self.size(seen.width, seen.height)

    def size(self, width: int | None, height: int | None) -> None:
        """Pictures are so large from now on."""
        known = width and height and width > 0 and height > 0
        self.programme.level(Level(self.formats["video"].codec, width * height) if known and width and height else None)

    def packets(self, taken: Iterable[Packet]) -> None:
        """Take packets, in order of arrival."""
        video, audio = (self.formats[kind].track if kind in self.formats else None for kind in ("video", "audio"))
        programme, headers, dice = self.programme, self._headers, self._dice
        share = READS / max(programme.rate or READS, READS)
        heard, since = 0, None
        for packet in taken:
            if packet.track == audio:
                if since is None or packet.pts is None or not 0.0 <= packet.pts - since < TOGETHER:
                    programme.heard(since, heard)
                    heard, since = 0, packet.pts
                heard += packet.size
            elif packet.track == video:
                media = packet.pts if packet.dts is None else packet.dts
                if media is None or not isfinite(media):
                    continue
                key = packet.flags & KEY != 0
                programme.picture(media, packet.size, key)
                dice = (dice + GOLDEN) % 1.0
                if (dice < share or key) and headers is not None:
                    self._read(headers, packet.data)
        programme.heard(since, heard)
        self._dice = dice

    def _read(self, headers: Headers, data: bytes) -> None:
        scale = TOP.get(self.formats["video"].codec)
        for one in headers.read(data):
            kind = one.kind if scale == H264_SCALE or one.kind == "I" else "inter"
            self.quantisers.add("slice", kind, one.qp)
            if scale == H264_SCALE and kind != "I":
                self.programme.quantiser(one.qp)
