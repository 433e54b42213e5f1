"""What a file is said to be, against the pictures that PyAV decodes from it."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from qoe_agent.compare.aligning.grids import grid
from qoe_agent.compare.media import inspect
from qoe_agent.compare.shapes import Unfit
from tests.compare.laid import clip, moving

if TYPE_CHECKING:
    from pathlib import Path


def shown(path: str) -> list[float]:
    with av.open(path) as container:
        return [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]


def remuxed(source: str, target: Path, start: float = 0.0) -> str:
    with av.open(source) as before, av.open(str(target), "w") as after:
        track = after.add_stream_from_template(before.streams.video[0])
        for packet in before.demux(before.streams.video[0]):
            if packet.pts is not None and packet.pts * packet.time_base >= start:
                packet.stream = track
                after.mux(packet)
    return str(target)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "flv"])
def test_frames_are_those_that_are_decoded_whatever_the_container(tmp_path: Path, suffix: str) -> None:
    made = clip(tmp_path / "a.mp4", moving(40))
    path = made if suffix == "mp4" else remuxed(made, tmp_path / f"a.{suffix}")
    video = inspect(path).video
    assert np.allclose(video.times, shown(path), atol=1e-6)
    assert (video.rate, video.constant, video.codec) == (25, True, "h264")
    assert (video.width, video.height, video.bits, video.rotation) == (320, 180, 8, 0)


def test_a_stream_that_begins_inside_a_group_has_the_frames_that_can_be_shown(tmp_path: Path) -> None:
    whole = clip(tmp_path / "a.mp4", moving(60), options={"g": "24", "sc_threshold": "0"})
    cut = remuxed(whole, tmp_path / "cut.ts", start=0.4)
    video = inspect(cut).video
    assert np.allclose(video.times, shown(cut), atol=1e-6)
    assert len(video.times) == 36


def test_dropped_frames_show_as_gaps_in_a_grid_that_is_kept(tmp_path: Path) -> None:
    numbers = [n for n in range(50) if n not in (20, 21, 33)]
    video = inspect(clip(tmp_path / "a.mp4", moving(50)[:47], numbers=numbers)).video
    assert video.rate == 25
    assert video.constant
    assert np.allclose(video.times * 25, numbers)


@pytest.mark.parametrize(
    ("times", "rate", "constant"),
    [
        (np.round(np.arange(300) * 1001 / 30_000, 3), Fraction(30_000, 1001), True),
        (np.arange(300) / 60, Fraction(60), True),
        (np.delete(np.arange(300) / 50, [3, 40, 41]), Fraction(50), True),
    ],
)
def test_the_rate_is_that_of_the_times(times: np.ndarray, rate: Fraction, constant: bool) -> None:
    assert grid(times, (), 0.001) == (rate, constant)


def test_times_that_keep_to_no_grid_are_not_constant() -> None:
    times = np.cumsum(np.random.default_rng(1).uniform(0.01, 0.08, 200))
    assert not grid(times, (), 1e-5).constant


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "no such file"), (b"", "is empty"), (b"words, not pictures" * 50, "not a media file")],
)
def test_what_cannot_be_compared_is_refused_by_name(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "a:b 'c' %d.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Unfit, match=said) as caught:
        inspect(str(path))
    assert str(path) in str(caught.value)


def test_a_file_cut_short_is_used_as_far_as_it_goes_and_says_so(tmp_path: Path) -> None:
    whole = clip(tmp_path / "a.mp4", moving(75))
    with av.open(whole) as before, av.open(str(tmp_path / "b.mp4"), "w", options={"movflags": "faststart"}) as after:
        track = after.add_stream_from_template(before.streams.video[0])
        for packet in before.demux(video=0):
            if packet.pts is not None:
                packet.stream = track
                after.mux(packet)
    data = (tmp_path / "b.mp4").read_bytes()
    (tmp_path / "b.mp4").write_bytes(data[: len(data) // 2])
    media = inspect(str(tmp_path / "b.mp4"))
    assert 10 < len(media.video.times) < 60
    assert "what" in media.notes[0]


def test_what_vp8_says_of_its_colours_is_the_containers_to_say(tmp_path: Path) -> None:
    path = tmp_path / "plain.webm"
    with av.open(str(path), "w") as out:
        track = out.add_stream("libvpx", rate=25)
        track.width, track.height, track.pix_fmt = 64, 64, "yuv420p"
        out.mux(track.encode(av.VideoFrame(64, 64, "yuv420p")))
        out.mux(track.encode(None))
    assert inspect(str(path)).video.matrix is None
