"""Damage: counted as a viewer sees it, against the undamaged pictures; from packets alone, and by the decoder."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np
import pytest

from qoe_agent.model import CORRUPT, KEY, Damage, Lost, Packet, Picture, Tick
from qoe_agent.probes.damage import PICTURES, SECONDS
from tests.accuracy.offline import watch
from tests.probes.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FPS, GOP, LENGTH = 25, 25, 250
SCENE = cv2.GaussianBlur(np.random.default_rng(3).integers(0, 255, (300, 900), np.uint8), (5, 5), 0)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds of a pan in a transport stream."""
    path = tmp_path_factory.mktemp("damage") / "whole.ts"
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("libx264", FPS)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 320, 176, "yuv420p", 1_500_000
        stream.codec_context.time_base, stream.codec_context.gop_size = Fraction(1, FPS), GOP
        stream.options = {"preset": "veryfast", "sc_threshold": "0"}
        for n in range(LENGTH):
            luma = SCENE[n % 100 : n % 100 + 176, 2 * n : 2 * n + 320]
            planes = np.ascontiguousarray(np.vstack([luma, np.full((88, 320), 128, np.uint8)]))
            frame = av.VideoFrame.from_ndarray(planes, "yuv420p")
            frame.pts = n
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def lossy(path: Path, share: float, seed: int) -> Path:
    """The stream without some of its picture's transport packets."""
    data, chance = path.read_bytes(), random.Random(seed)
    cut = path.with_name(f"lossy_{seed}.ts")
    packets = [data[at : at + 188] for at in range(0, len(data), 188)]
    video = 256
    cut.write_bytes(
        b"".join(
            p for n, p in enumerate(packets)
            if n < 40 or (p[1] & 31) << 8 | p[2] != video or chance.random() > share
        )
    )  # fmt: skip
    return cut


def pictures(path: Path) -> dict[int, np.ndarray]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_count = 1
        return {frame.pts: frame.to_ndarray(format="gray8") for frame in container.decode(stream)}


def visible(good: Path, bad: Path) -> int:
    """Pictures in which some block of 8 x 8 is off by more than 8 codes, or that did not come."""
    want, got = pictures(good), pictures(bad)
    count = 0
    for pts, luma in want.items():
        if pts not in got:
            count += 1
            continue
        blocks = cv2.resize(cv2.absdiff(luma, got[pts]), (40, 22), interpolation=cv2.INTER_AREA)
        count += int(blocks.max() > 8)
    return count


@pytest.mark.parametrize(("share", "seed"), [(0.0015, 5), (0.01, 1)])
def test_damaged_pictures_are_those_that_a_viewer_sees(whole: Path, share: float, seed: int) -> None:
    bad = lossy(whole, share, seed)
    truth = visible(whole, bad)
    assert truth > 20
    for policy in ("all", "adaptive", "keyframes"):
        seen = watch(bad, "damage", decode=policy)
        assert seen.counters[PICTURES.name,] == pytest.approx(truth, rel=0.15), policy
        assert seen.counters[SECONDS.name,] == pytest.approx(seen.counters[PICTURES.name,] / FPS, rel=0.05)
        assert all(one.end is not None for one in seen.of("damage"))


def test_a_whole_stream_has_none(whole: Path) -> None:
    for policy in ("all", "adaptive", "keyframes"):
        seen = watch(whole, "damage", decode=policy)
        assert seen.of("damage") == []
        assert seen.counters[PICTURES.name,] == 0


def packets(*, broken: Iterable[int] = (), count: int = 100) -> list[Packet]:
    return [
        Packet(
            1000.0 + n / FPS, 0, "video", n / FPS, n / FPS,
            (KEY if n % GOP == 0 else 0) | (CORRUPT if n in broken else 0), 1000, b"x",
        )
        for n in range(count)
    ]  # fmt: skip


def decoded(n: int, *, corrupt: bool) -> Picture:
    return Picture(1000.0 + n / FPS, 0, n / FPS, 320, 176, "yuv420p", False, 0.0, {"damage": corrupt})


def test_damage_lasts_to_the_next_whole_key_frame() -> None:
    outcome = Outcome("damage").feed([*packets(broken=[30]), Tick(1010.0)])
    assert outcome.total(PICTURES) == 20
    assert outcome.total(SECONDS) == pytest.approx(20 / FPS)
    (found,) = outcome.incidents("damage")
    assert (found.start_pts, found.end_pts) == (30 / FPS, 49 / FPS)
    assert (found.start, found.end) == (1000.0 + 30 / FPS, 1000.0 + 49 / FPS)
    assert found.detail == {"pictures": 20, "seconds": 0.8, "incomplete_packets": 1, "basis": "transport"}


def test_a_broken_key_frame_spoils_its_own_group() -> None:
    outcome = Outcome("damage").feed([*packets(broken=[30, 50]), Tick(1010.0)])
    assert outcome.total(PICTURES) == 45
    assert len(outcome.incidents("damage")) == 1


def test_a_mark_beside_a_key_frame_may_be_meant_for_it_unless_the_decoder_knows_better() -> None:
    unknown = Outcome("damage").feed([*packets(broken=[49]), Tick(1010.0)])
    assert unknown.total(PICTURES) == 1 + GOP
    key = replace(decoded(50, corrupt=False), key=True)
    stream = packets(broken=[49])
    known = Outcome("damage").feed([*stream[:52], key, *stream[52:], Tick(1010.0)])
    assert known.total(PICTURES) == 3


def test_damage_far_apart_is_told_apart_and_near_is_one() -> None:
    far = Outcome("damage", merge=1.0)
    for n, packet in enumerate(packets(broken=[10, 90], count=150)):
        far.feed([packet, *([Tick(packet.at)] if n % FPS == 24 else [])])
    far.feed([Tick(1010.0)])
    assert [one.detail["pictures"] for one in far.incidents("damage")] == [15, 10]
    near = Outcome("damage", merge=3.0)
    for n, packet in enumerate(packets(broken=[10, 90], count=150)):
        near.feed([packet, *([Tick(packet.at)] if n % FPS == 24 else [])])
    assert len(near.feed([Tick(1010.0)]).incidents("damage")) == 1


def test_what_the_decoder_says_late_is_counted_from_that_picture_on() -> None:
    late = [Damage(1000.0 + 60 / FPS, 0, "decode"), decoded(60, corrupt=True), decoded(61, corrupt=False)]
    outcome = Outcome("damage").feed([*packets(), *late, Tick(1005.0), Tick(1010.0)])
    assert outcome.total(PICTURES) == 15
    (found,) = outcome.incidents("damage")
    assert found.detail["concealed_pictures"] == 1
    assert "decode_errors" not in found.detail
    assert found.detail["basis"] == "decoder"


def test_a_packet_that_cannot_be_decoded_counts_by_its_arrival() -> None:
    outcome = Outcome("damage").feed([*packets(), Damage(1000.0 + 50 / FPS, 0, "decode"), Tick(1010.0)])
    assert outcome.total(PICTURES) == 25
    assert outcome.incidents("damage")[0].detail["decode_errors"] == 1


def test_sound_and_other_tracks_are_not_pictures() -> None:
    sound = [Packet(1001.0 + n, 1, "audio", float(n), float(n), CORRUPT | KEY, 9, b"x") for n in range(5)]
    outcome = Outcome("damage").feed([*packets(), *sound, Damage(1001.0, 1, "decode"), Damage(1001.0, 0, "corrupt")])
    assert outcome.feed([Tick(1010.0)]).total(PICTURES) == 0


def test_without_key_frames_damage_is_believed_for_ten_seconds() -> None:
    endless = [Packet(1000.0 + n / FPS, 0, "video", n / FPS, n / FPS, 0, 9, b"x") for n in range(30 * FPS)]
    endless[50].flags = CORRUPT
    assert Outcome("damage").feed([*endless, Tick(1040.0)]).total(PICTURES) == 10 * FPS + 1


def test_the_end_of_a_connection_ends_it() -> None:
    outcome = Outcome("damage").feed([*packets(broken=[90]), Lost(1020.0, "reset")])
    assert outcome.incidents("damage")[0].end == 1000.0 + 99 / FPS
    assert outcome.total(PICTURES) == 10
