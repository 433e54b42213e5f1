"""Every parser of ours against libavformat's demuxer, packet for packet, on every fixture (DECISIONS 29).

Order, payload, key flag, presentation and decode time within a tick; not duration.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
import pytest

from qoe_agent.bitstream.flv import Flv
from qoe_agent.bitstream.ts import Ts
from qoe_agent.model import Packet

STREAMS = Path(__file__).parent.parent / "fixtures" / "streams"
FILES = sorted(path for path in STREAMS.rglob("*.*") if path.suffix in (".flv", ".ts"))
TICKS = {".flv": 1 / 1000, ".ts": 1 / 90000}
PERIOD = (1 << 33) / 90000
"""After which MPEG-TS timestamps begin anew."""

NOT_KEYS = {"intra_refresh.ts"}
"""libavcodec/h264_parser.c calls any recovery point a key frame; we do not when the picture is not whole yet."""
CUT = {"truncated.flv"}
"""libavformat hands out the torn last tag, marked corrupt; we count it as damage."""


@dataclass(frozen=True)
class Seen:
    kind: str
    data: bytes
    key: bool
    corrupt: bool
    pts: float | None
    dts: float | None


def ours(path: Path, chunk: int) -> list[Seen]:
    parser = Flv() if path.suffix == ".flv" else Ts()
    data = path.read_bytes()
    found = [o for i in range(0, len(data), chunk) for o in parser.feed(data[i : i + chunk], float(i))]
    found += parser.flush(float(len(data)))
    return [Seen(o.kind, o.data, o.key, False, o.pts, o.dts) for o in found if isinstance(o, Packet)]


def theirs(path: Path) -> list[Seen]:
    with av.open(str(path)) as container:
        return [
            Seen(
                packet.stream.type,
                bytes(packet),
                packet.is_keyframe,
                packet.is_corrupt,
                None if packet.pts is None else float(packet.pts * packet.time_base),
                None if packet.dts is None else float(packet.dts * packet.time_base),
            )
            for packet in container.demux()
            if packet.size
        ]


def same_time(mine: float | None, other: float | None, tick: float, offset: float) -> bool:
    if mine is None or other is None:
        return mine is other
    return abs(mine - other - offset) <= tick * 1.01


@pytest.mark.parametrize("chunk", [1 << 20, 1111], ids=["whole", "pieces"])
@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(STREAMS)) for path in FILES])
def test_parser_equals_libavformat(path: Path, chunk: int) -> None:
    mine, reference = ours(path, chunk), theirs(path)
    if path.name in CUT:
        assert reference[-1].corrupt
        reference = reference[:-1]
    assert [(p.kind, p.data) for p in mine] == [(p.kind, p.data) for p in reference]
    # libavformat shifts a stream that is about to wrap by one period, so that it starts below zero
    offset = PERIOD if path.name == "wrap.ts" else 0.0
    tick = TICKS[path.suffix]
    for got, want in zip(mine, reference, strict=True):
        assert same_time(got.pts, want.pts, tick, offset), (got.pts, want.pts)
        assert same_time(got.dts, want.dts, tick, offset), (got.dts, want.dts)
    if path.name in NOT_KEYS:
        assert {p.data for p in mine if p.key} < {p.data for p in reference if p.key}
    else:
        assert [p.key for p in mine] == [p.key for p in reference]


def test_fixtures_cover_codecs_and_containers() -> None:
    names = {path.name for path in FILES}
    assert {"h264.flv", "hevc.flv", "av1.flv", "opus.flv", "mp3.flv", "h264.ts", "hevc.ts", "opus.ts"} <= names
