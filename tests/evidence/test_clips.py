"""A clip holds the packets as they came, in a form that browsers play; a still is the picture of its time."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from qoe_agent.decode import clips
from qoe_agent.model import Format, Packet
from tests.accuracy.offline import demuxed
from tests.media import h264

STREAMS = Path(__file__).parents[2] / "fixtures" / "streams"


def taken(name: str) -> tuple[dict[int, Format], list[Packet]]:
    """The tracks of a fixture, and its packets from the first key frame on."""
    formats: dict[int, Format] = {}
    packets: list[Packet] = []
    for seen in demuxed(STREAMS / name):
        if isinstance(seen, Format):
            formats[seen.track] = seen
        elif packets or (seen.key and (seen.kind == "video" or name.startswith("audio"))):
            packets.append(seen)
    return formats, packets


def decoded(data: bytes) -> dict[str, int]:
    """Frames by kind."""
    found: dict[str, int] = {}
    with av.open(io.BytesIO(data)) as container:
        for packet in container.demux():
            for frame in packet.decode():
                kind = "video" if isinstance(frame, av.VideoFrame) else "audio"
                found[kind] = found.get(kind, 0) + 1
    return found


@pytest.mark.parametrize(
    "name",
    ["h264.flv", "h264.ts", "h264.mp4", "hevc.flv", "hevc.ts", "hevc.mp4", "av1.flv", "av1.mp4", "mp3.flv",
     "open_gop.ts", "audio_only.flv", "audio_only.ts", "video_only.ts", "resolution.flv", "jump_hour.ts",
     "jump_day.flv"],
)  # fmt: skip
def test_a_clip_has_every_picture_and_sound(name: str) -> None:
    formats, packets = taken(name)
    made = clips.clip(formats, packets)
    sent = {kind: sum(seen.kind == kind for seen in packets) for kind in ("video", "audio")}
    found = decoded(made.data)
    assert made.left_out == ()
    for kind, count in sent.items():
        assert count - 2 <= found.get(kind, 0) <= count, kind


def test_a_clip_shows_the_same_pictures_nothing_encoded_anew() -> None:
    formats, packets = taken("h264.flv")
    with av.open(str(STREAMS / "h264.flv")) as container:
        true = [frame.to_ndarray() for frame in container.decode(video=0)]
    with av.open(io.BytesIO(clips.clip(formats, packets).data)) as container:
        seen = [frame.to_ndarray() for frame in container.decode(video=0)]
    assert len(seen) == len(true)
    assert all(np.array_equal(one, other) for one, other in zip(seen, true, strict=True))


def test_what_mp4_cannot_take_is_left_out_and_named() -> None:
    made = clips.clip(*taken("opus.flv"))
    assert made.left_out == ("opus",)
    assert set(decoded(made.data)) == {"video"}


def test_a_leap_of_an_hour_is_no_hour_in_the_clip() -> None:
    formats, packets = taken("jump_hour.ts")
    with av.open(io.BytesIO(clips.clip(formats, packets).data)) as container:
        assert (container.duration or 0) / av.time_base < 40


def test_nothing_gives_no_clip() -> None:
    formats, packets = taken("h264.flv")
    assert clips.clip(formats, []).data == b""
    assert clips.clip({}, packets).data == b""
    assert clips.clip(formats, [replace(seen, data=b"") for seen in packets]).data == b""


def shown(data: bytes | None) -> Any:
    assert data
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)


@pytest.mark.parametrize("late", [False, True])
def test_a_still_is_the_picture_of_its_time(late: bool) -> None:
    """The gradient's brightness tells which picture it is (tests.media: three codes more with each)."""
    form, packets = h264(frames=20, gop=20, late=late)
    for n in (0, 5, 12, 19):
        picture = shown(clips.still(form, packets, n / 25 + 0.001))
        assert picture.shape == (96, 160)
        assert abs(float(picture[20:80, 56:65].mean()) - (60 + 3 * n - 16) * 255 / 219) < 1.7, n


def test_a_large_still_is_made_small() -> None:
    form, packets = h264(frames=1, width=1280, height=720)
    assert shown(clips.still(form, packets, 0.0)).shape == (360, 640)


def test_garbage_gives_no_still() -> None:
    form, packets = h264(frames=1)
    assert clips.still(form, [replace(packets[0], data=bytes(64))], 0.0) is None
    assert clips.still(form, [], 0.0) is None
