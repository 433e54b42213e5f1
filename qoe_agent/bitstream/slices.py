"""The quantiser and the type of coded pictures, out of their headers, without decoding: H.264, HEVC, AV1, VP9.

A slice's quantiser is what its header says; what the encoder adds from macroblock to macroblock (adaptive
quantisation) is only seen by decoding. Nothing here raises on garbage: what cannot be read is not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from qoe_agent.bitstream import av1, av1_frames, h264_slices, hevc_sets, hevc_slices, nal, vp9_frames
from qoe_agent.bitstream.bits import OutOfBits

if TYPE_CHECKING:
    from collections.abc import Callable

    from qoe_agent.bitstream.h264_slices import Slice

CODECS = ("h264", "hevc", "av1", "vp9")
TOP = {"h264": 51, "hevc": 51, "av1": 255, "vp9": 255}
"""The coarsest quantiser; the finest is 0, or below it in H.264 and HEVC above 8 bits."""
_SHORT, _LONG = 64, 1024
"""Bytes of a header that are looked at first, and at most."""
_MOST = 64
"""Slices of a picture that are looked at."""
_ANEW = 64
"""Pictures out of how many one is searched for further slices where none were found: in Annex B every byte is."""
_SETS = 64
"""Parameter sets that are remembered."""


class Coded(NamedTuple):
    """A picture, or one field of it."""

    kind: str
    """I, P or B; AV1 and VP9 know I and P only. B if any of its slices is, else P if any is."""
    qp: float
    """Mean over its slices, by their area; on the codec's own scale."""


class Headers:
    """Reads the pictures of one track."""

    def __init__(self, codec: str, extradata: bytes = b"") -> None:
        self._codec = codec
        self._framing = nal.length_size(extradata, codec)
        self._known: dict[bytes, None] = {}
        self._sequences: dict[int, Any] = {}
        self._pictures: dict[int, Any] = {}
        self._several = False
        """Pictures are known to be of several slices, or fields."""
        self._read = 0
        self._av1: tuple[bytes, av1_frames.Sequence] | None = None
        if codec in ("h264", "hevc"):
            for unit in nal.cut(codec, extradata):
                self._set(unit)
        elif codec == "av1" and extradata[:1] == b"\x81":
            self._obus(extradata[4:])

    def read(self, data: bytes) -> tuple[Coded, ...]:
        """The pictures in a packet: one, two fields, or the shown and hidden frames of AV1 and VP9.

        Parameter sets in it are remembered: every key packet wants to be read.
        """
        if self._codec in ("h264", "hevc"):
            return self._units(data)
        found = self._obus(data) if self._codec == "av1" else self._frames(data) if self._codec == "vp9" else []
        return tuple(Coded("I" if frame.intra else "P", float(frame.quantiser)) for frame in found)

    def _units(self, data: bytes) -> tuple[Coded, ...]:
        h264 = self._codec == "h264"
        slices: list[Slice] = []
        whole = self._framing > 0 or self._several or self._read % _ANEW < 2
        self._read += 1
        for start in nal.heads(data, self._framing):
            if start >= len(data):
                break
            if h264:
                kind = data[start] & 31
                is_slice, is_set = kind in h264_slices.SLICES, kind in (h264_slices.SPS, h264_slices.PPS)
            else:
                kind = data[start] >> 1 & 63
                is_slice, is_set = kind < 10 or 16 <= kind < 22, kind in (hevc_sets.SPS, hevc_sets.PPS)
            if is_slice and len(slices) < _MOST:
                found = self._slice(data, start, kind)
                if found is not None:
                    slices.append(found)
                if not whole:
                    break
            elif is_set:
                self._set(data[start : nal.unit_end(data, start, self._framing)].rstrip(b"\0"))
        if whole:
            self._several = len(slices) > 1
        return pictures_of(slices)

    def _slice(self, data: bytes, start: int, kind: int) -> Slice | None:
        if self._codec == "h264":
            return _tried(
                data, start + 1, lambda part: h264_slices.head(part, data[start], self._sequences, self._pictures)
            )
        if data[start] & 1 or data[start + 1 : start + 2] > b"\7":  # nuh_layer_id: not the base layer
            return None
        return _tried(data, start + 2, lambda part: hevc_slices.head(part, kind, self._sequences, self._pictures))

    def _set(self, unit: bytes) -> None:
        """Take a sequence or picture parameter set; one that is known already costs nothing."""
        if unit in self._known:
            return
        kind = unit[0] & 31 if self._codec == "h264" else unit[0] >> 1 & 63
        rbsp = nal.unescape(unit[1 if self._codec == "h264" else 2 :])
        try:
            if kind == (h264_slices.SPS if self._codec == "h264" else hevc_sets.SPS):
                number, found = (h264_slices if self._codec == "h264" else hevc_sets).sequence(rbsp)
                target = self._sequences
            elif kind == (h264_slices.PPS if self._codec == "h264" else hevc_sets.PPS):
                number, found = (h264_slices if self._codec == "h264" else hevc_sets).pictures(rbsp)
                target = self._pictures
            else:
                return
        except OutOfBits:
            return
        if number in target or len(self._known) >= _SETS:
            self._known.clear()  # what was known under this number would have to be read again
        if len(target) < 256 or number in target:
            target[number] = found
            self._known[unit] = None

    def _obus(self, data: bytes) -> list[av1_frames.Frame]:
        found: list[av1_frames.Frame] = []
        for kind, start, end in av1.obus(data):
            if kind == av1.SEQUENCE_HEADER:
                payload = data[start:end]
                if self._av1 is None or self._av1[0] != payload:
                    try:
                        self._av1 = payload, av1_frames.sequence(payload)
                    except OutOfBits:
                        self._av1 = None
            elif kind in (av1.FRAME_HEADER, av1.FRAME) and self._av1 is not None and len(found) < _MOST:
                try:
                    frame = av1_frames.head(data[start : min(end, start + _SHORT)], self._av1[1])
                except OutOfBits:
                    continue
                if frame is not None:
                    found.append(frame)
        return found

    @staticmethod
    def _frames(data: bytes) -> list[av1_frames.Frame]:
        found = []
        for start, end in vp9_frames.frames(data):
            try:
                frame = vp9_frames.head(data[start : min(end, start + _SHORT)])
            except OutOfBits:
                continue
            if frame is not None:
                found.append(frame)
        return found


def _tried(data: bytes, start: int, parse: Callable[[bytes], Slice | None]) -> Slice | None:
    """`parse` on as much of a slice as its head takes."""
    for length in (_SHORT, _LONG):
        try:
            return parse(nal.unescape(data[start : start + length]))
        except OutOfBits:
            if start + length >= len(data):
                break
    return None


def pictures_of(slices: list[Slice]) -> tuple[Coded, ...]:
    """Pictures out of slices; a slice that begins where another did begins the next one."""
    pictures: list[list[Slice]] = []
    for one in slices:
        if not pictures or any(one.first == other.first for other in pictures[-1]):
            pictures.append([])
        pictures[-1].append(one)
    return tuple(map(_mean, pictures))


def _mean(slices: list[Slice]) -> Coded:
    if len(slices) == 1:
        return Coded(slices[0].kind, float(slices[0].qp))
    slices = sorted(slices, key=lambda one: one.first)
    ends = [one.first for one in slices[1:]] + [max(slices[-1].total, slices[-1].first + 1)]
    areas = [end - one.first for one, end in zip(slices, ends, strict=True)]
    kinds = {one.kind for one in slices}
    qp = sum(one.qp * area for one, area in zip(slices, areas, strict=True)) / sum(areas)
    return Coded("B" if "B" in kinds else "P" if "P" in kinds else "I", qp)
