"""Adaptive decoding: backwards from what gives to suspect, in order, bounded, and never in the way of packets."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from qoe_agent.decode import Decoding, adaptive, backwards, gop
from qoe_agent.model import CORRUPT, KEY, Format, Observation, Packet, Picture
from tests.accuracy.offline import Inline
from tests.media import aac

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from qoe_agent.maths.view import View

FPS, GOP = 25, 50
FORM = Format(1000.0, 0, "video", "h264", width=192, height=108)
TEXTURE = np.kron(np.random.default_rng(5).integers(60, 200, (16, 60), np.uint8), np.ones((9, 9), np.uint8))


def moving(n: int) -> np.ndarray:
    """A textured picture that moves to the left, with a camera's noise."""
    noise = np.random.default_rng(n).integers(-6, 7, (108, 192))
    return (TEXTURE[:108, 4 * n % 300 :][:, :192] + noise).astype(np.uint8)


def coded(lumas: Iterable[np.ndarray], *, bframes: int = 0, open_gop: bool = False) -> list[Packet]:
    context: Any = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = 192, 108, "yuv420p"
    context.time_base, context.framerate, context.gop_size = Fraction(1, FPS), Fraction(FPS), GOP
    context.options = {
        "preset": "veryfast", "crf": "18", "bf": str(bframes), "sc_threshold": "0", "rc-lookahead": "0", "b-adapt": "0",
        "x264-params": f"open-gop={int(open_gop)}",
    }  # fmt: skip
    out: list[Packet] = []
    for n, luma in enumerate([*lumas, None]):
        picture = None
        if luma is not None:
            picture = av.VideoFrame.from_ndarray(np.vstack([luma, np.full((54, 192), 128, np.uint8)]), "yuv420p")
            picture.pts = n
        for packet in context.encode(picture):
            pts, dts = float(packet.pts * packet.time_base), float(packet.dts * packet.time_base)
            data = bytes(packet)
            flags = KEY if packet.is_keyframe else 0
            out.append(Packet(1000.0 + len(out) / FPS, 0, "video", pts, dts, flags, len(data), data))
    return out


@dataclass
class Watch:
    """A look that is alert while the picture is dark, and wants to know how it became so."""

    wary: bool = True
    moves: bool = False
    seen: list[tuple[float, bool]] = field(default_factory=list)
    """(pts, follows) of every picture."""
    dark: bool = False
    asked: int = 0

    def __call__(self, view: View) -> bool:
        assert view.pts is not None
        self.seen.append((round(view.pts, 3), view.follows))
        self.dark = float(view.small.mean()) < 40
        return self.dark

    def suspects(self, view: View) -> bool:
        self.asked += 1
        return self.wary and (float(view.small.mean()) < 40) != self.dark

    @property
    def alert(self) -> bool:
        return self.wary and self.dark


def adapt(
    packets: Iterable[Packet],
    look: Any,
    *,
    policy: str = "adaptive",
    phase: float = 0.9,
    then: Callable[[Decoding, Packet], None] | None = None,
) -> tuple[Decoding, list[Observation]]:
    """Everything through a lane that does at once what it is given; `phase`: late enough that no burst comes."""
    out: list[Observation] = []
    decoding = Decoding(
        Inline(), out.append, lambda f, *a: f(*a), pictures={"look": lambda: look}, sounds={}, policy=policy,
        every=0.0, phase=phase,
    )  # fmt: skip
    decoding.format(FORM)
    for packet in packets:
        decoding.packet(packet)
        if then:
            then(decoding, packet)
    decoding.reset()
    return decoding, out


def repeated(packets: list[Packet], times: int) -> list[Packet]:
    """The packets, which are whole groups, again and again."""
    seconds = len(packets) / FPS
    return [
        replace(p, at=p.at + n * seconds, pts=(p.pts or 0.0) + n * seconds, dts=(p.dts or 0.0) + n * seconds)
        for n in range(times)
        for p in packets
    ]


def frames(seen: list[tuple[float, bool]]) -> list[int]:
    return [round(pts * FPS) for pts, _ in seen]


def in_order(seen: list[tuple[float, bool]]) -> bool:
    """Times rise, and pictures follow exactly where none was left out."""
    numbers = frames(seen)
    rises = all(b > a for a, b in itertools.pairwise(numbers))
    return rises and all(follows == (b == a + 1) for (a, b), (_, follows) in zip(
        itertools.pairwise(numbers), seen[1:], strict=True))  # fmt: skip


@pytest.mark.parametrize(("bframes", "open_gop"), [(0, False), (2, False), (2, True)])
def test_the_group_before_a_suspicious_key_frame_is_decoded_and_decoding_goes_on_to_a_calm_one(
    bframes: int, open_gop: bool
) -> None:
    dark = range(4 * GOP + 31, 5 * GOP + 41)
    lumas = [np.full((108, 192), 16, np.uint8) if n in dark else moving(n) for n in range(8 * GOP)]
    look = Watch()
    adapt(coded(lumas, bframes=bframes, open_gop=open_gop), look)
    assert in_order(look.seen)
    shown = set(frames(look.seen))
    assert {*range(4 * GOP, 6 * GOP + 1)} <= shown  # from the key frame before the onset to the one after the end
    assert {n * GOP for n in range(8)} <= shown  # key frames always
    assert not shown & {*range(GOP + 1, 2 * GOP), *range(7 * GOP + 1, 8 * GOP)}


def test_packets_that_collapse_start_full_decoding_at_once_from_their_key_frame() -> None:
    still = moving(4 * GOP + 9)
    lumas = [still if 4 * GOP + 10 <= n < 5 * GOP - 4 else moving(n) for n in range(7 * GOP)]
    look = Watch(wary=False)
    when: list[int] = []

    def note(_: Decoding, packet: Packet) -> None:
        if round((packet.pts or 0.0) * FPS) == 4 * GOP + 30:
            when.append(len(look.seen))

    adapt(coded(lumas), look, then=note)
    assert in_order(look.seen)
    assert when[0] >= 4 + 30  # not only when the group was over
    assert {*range(4 * GOP, 5 * GOP)} <= set(frames(look.seen))
    assert not {*range(GOP + 1, 4 * GOP)} & set(frames(look.seen)) - {2 * GOP, 3 * GOP}


def test_small_packets_are_no_news_while_key_pictures_stay_the_same_and_no_look_is_alert() -> None:
    still = moving(4 * GOP + 9)
    lumas = [still if 4 * GOP + 10 <= n < 8 * GOP + 20 else moving(n) for n in range(10 * GOP)]
    look = Watch(wary=False)
    adapt(coded(lumas), look)
    shown = set(frames(look.seen))
    assert {*range(4 * GOP, 6 * GOP + 1)} <= shown
    assert shown & {*range(6 * GOP + 1, 8 * GOP)} == {7 * GOP}
    assert {*range(8 * GOP, 9 * GOP)} <= shown  # large ones are


def test_a_freeze_around_one_key_frame_is_found_by_its_twin_though_no_packet_is_small() -> None:
    still = moving(4 * GOP - 21)
    lumas = [still if 4 * GOP - 20 <= n < 4 * GOP + 35 else moving(n) for n in range(7 * GOP)]
    packets = coded(lumas)
    typical = max(one.size for one in packets if not one.key)
    padded = [replace(one, data=one.data + bytes(max(0, typical - one.size))) for one in packets]
    look = Watch(wary=False)
    adapt(padded, look)
    assert in_order(look.seen)
    assert {*range(3 * GOP, 4 * GOP + 1)} <= set(frames(look.seen))


@dataclass
class Halted(Watch):
    """A look that wants to know of what stands still, too."""

    last: np.ndarray | None = None

    def __call__(self, view: View) -> bool:
        self.last = view.small.astype(float)
        return super().__call__(view)

    def suspects(self, view: View) -> bool:
        return self.last is not None and float(np.abs(view.small - self.last).mean()) < 1.0


@pytest.mark.parametrize("running", [False, True])
def test_a_freeze_that_begins_with_a_key_frame_is_found_by_its_twin(running: bool) -> None:
    dark = range(2 * GOP + 31, 3 * GOP + 41 if running else 0)
    lumas = [np.full((108, 192), 16, np.uint8) if n in dark else moving(n) for n in range(6 * GOP)]
    lumas[4 * GOP : 5 * GOP - 5] = [moving(4 * GOP)] * (GOP - 5)
    packets = coded(lumas)
    typical = max(one.size for one in packets if not one.key)
    look = Halted()
    adapt([replace(one, data=one.data + bytes(max(0, typical - one.size))) for one in packets], look)
    assert in_order(look.seen)
    assert {*range(3 * GOP, 5 * GOP)} <= set(frames(look.seen))


def test_a_freeze_from_just_after_a_key_frame_to_the_next_is_found_by_its_twin_and_that() -> None:
    lumas = [moving(n) for n in range(5 * GOP)]
    lumas[2 * GOP + 1 : 3 * GOP + 1] = [moving(2 * GOP + 1)] * GOP
    packets = coded(lumas)
    typical = max(one.size for one in packets if not one.key)
    look = Watch(wary=False)
    adapt([replace(one, data=one.data + bytes(max(0, typical - one.size))) for one in packets], look)
    assert in_order(look.seen)
    shown = set(frames(look.seen))
    assert {*range(2 * GOP, 3 * GOP + 1)} <= shown
    assert not {*range(GOP + 1, 2 * GOP), *range(3 * GOP + 1, 4 * GOP)} & shown


@pytest.mark.parametrize("moved", [False, True])
def test_key_pictures_that_are_the_same_are_news_where_the_first_is_known_to_have_moved(moved: bool) -> None:
    before, held = coded(moving(n) for n in range(GOP)), coded([moving(GOP)] * GOP)
    typical, shown = max(one.size for one in before if not one.key), []
    for n, one in enumerate([*before, *held, *held, *before]):
        packet = replace(one, at=1000.0 + n / FPS, pts=n / FPS, dts=n / FPS)
        shown.append(replace(packet, data=one.data + bytes(max(0, typical - one.size))))
    look = Watch(wary=False, moves=moved)
    adapt(shown, look)
    assert in_order(look.seen)
    assert ({*range(GOP + 1, 2 * GOP)} <= set(frames(look.seen))) == moved


def test_damage_in_the_packets_is_looked_at() -> None:
    packets = coded(moving(n) for n in range(4 * GOP))
    packets[GOP + 20] = replace(packets[GOP + 20], flags=CORRUPT)
    look = Watch()
    adapt(packets, look)
    assert {*range(GOP, 2 * GOP + 1)} <= set(frames(look.seen))
    assert not {*range(3 * GOP + 1, 4 * GOP)} & set(frames(look.seen))


def test_a_key_frame_that_does_not_decode_hides_nothing_of_the_group_before() -> None:
    packets = coded(moving(n) for n in range(4 * GOP))
    packets[GOP + 20] = replace(packets[GOP + 20], flags=CORRUPT)
    packets[2 * GOP] = replace(packets[2 * GOP], data=bytes(64))
    look = Watch()
    adapt(packets, look)
    shown = frames(look.seen)
    assert {*range(GOP, GOP + 20)} <= set(shown)
    assert 3 * GOP in shown
    assert shown == sorted(set(shown))


def test_silence_that_begins_is_looked_at() -> None:
    video = coded(moving(n) for n in range(5 * GOP))
    form, loud = aac(5.0)
    _, mute = aac(5.0, level=0.0)
    sound = loud + [replace(one, at=one.at + 5.0, pts=(one.pts or 0.0) + 5.0) for one in mute]
    look = Watch()
    decoding = Decoding(
        Inline(), lambda _: None, lambda f, *a: f(*a), pictures={"look": lambda: look}, sounds={}, policy="adaptive",
        phase=0.9,
    )  # fmt: skip
    decoding.format(FORM)
    decoding.format(form)
    for packet in sorted([*video, *sound], key=lambda one: one.at):
        decoding.packet(packet)
    decoding.reset()
    shown = set(frames(look.seen))
    assert {*range(3 * GOP, 4 * GOP)} <= shown
    assert not {*range(GOP + 1, 2 * GOP)} & shown


def test_what_a_connection_ends_with_is_looked_at_if_a_look_is_alert() -> None:
    lumas = [np.full((108, 192), 16, np.uint8) if n >= GOP - 10 else moving(n) for n in range(2 * GOP - 5)]
    look = Watch()
    adapt(coded(lumas), look)
    assert frames(look.seen) == [*range(2 * GOP - 5)]


def test_key_frames_alone_stay_key_frames_whatever_a_look_wants() -> None:
    look = Watch()
    _, out = adapt(coded(np.full((108, 192), 16, np.uint8) for _ in range(4 * GOP)), look, policy="keyframes")
    assert frames(look.seen) == [0, GOP, 2 * GOP, 3 * GOP]
    assert look.asked == 0
    assert all(not follows for _, follows in look.seen)
    assert len(out) == 4


def test_a_picture_that_stands_still_does_not_keep_a_stream_in_full_decoding() -> None:
    still = moving(0)
    minutes = 4
    packets = repeated(coded(still for _ in range(GOP)), 30 * minutes)

    class Stubborn(Watch):
        alert = True

        def suspects(self, view: View) -> bool:
            return True

    look = Stubborn()
    adapt(packets, look)
    assert in_order(look.seen)
    seconds = len(look.seen) / FPS
    assert {n * GOP for n in range(30 * minutes)} <= set(frames(look.seen))
    bursts, keys, stillness = 2.0 * 2 * minutes, 30 * minutes / FPS, 10.0 + 60.0 * minutes * 0.1
    assert 20.0 < seconds < bursts + keys + stillness + 6.0


def test_what_moves_and_is_always_suspected_is_decoded_half_of_the_time_at_most(monkeypatch: Any) -> None:
    monkeypatch.setattr("qoe_agent.maths.duty.CREDIT", 10.0)
    packets = repeated(coded(moving(n) for n in range(2 * GOP)), 15)

    class Nervous(Watch):
        alert = True

        def suspects(self, view: View) -> bool:
            return True

    look = Nervous()
    adapt(packets, look)
    assert len(look.seen) / FPS < 10 + 30 + 4


def test_a_group_without_end_is_not_held(monkeypatch: Any) -> None:
    monkeypatch.setattr(gop, "SECONDS", 1.0)
    held: list[int] = []

    def note(decoding: Decoding, _: Packet) -> None:
        group = decoding._video[0].adaptive._gop
        held.append(len(group.packets) if group else 0)

    packets = [one if n < GOP else replace(one, flags=0) for n, one in enumerate(coded(map(moving, range(4 * GOP))))]
    adapt(packets, Watch(), then=note)
    assert max(held) <= FPS + 2


def test_a_group_too_large_is_not_held_and_its_run_ends(monkeypatch: Any) -> None:
    monkeypatch.setattr(gop, "BYTES", 3000)
    look = Watch()
    _, out = adapt((replace(one, size=1000) for one in coded(map(moving, range(2 * GOP)))), look, phase=0.0)
    assert in_order(look.seen)
    assert GOP in frames(look.seen)
    assert len(out) < 20


def test_a_burst_ends_within_a_long_group(monkeypatch: Any) -> None:
    monkeypatch.setattr(adaptive, "BURST", 0.5)
    look = Watch()
    adapt(coded(map(moving, range(2 * GOP))), look, phase=0.0)
    assert in_order(look.seen)
    assert frames(look.seen)[:-1] == [*range(len(look.seen) - 1)]
    assert FPS // 2 <= len(look.seen) <= FPS // 2 + 3


def test_a_late_lane_decodes_key_frames_only_and_says_what_it_left_out(monkeypatch: Any) -> None:
    look = Watch()

    def late(_: Decoding, packet: Packet) -> None:
        if round((packet.pts or 0.0) * FPS) == 20:
            monkeypatch.setattr(backwards, "LATE", -1.0)

    decoding, _ = adapt(coded(map(moving, range(3 * GOP))), look, phase=0.0, then=late)
    assert decoding.skipped["picture"] > 0
    assert [n for n in frames(look.seen) if n > 21] == [GOP, 2 * GOP]


def test_another_timeline_is_followed() -> None:
    packets = coded(map(moving, range(2 * GOP)))
    again = [replace(one, at=one.at + 4.0, pts=(one.pts or 0) - 50.0, dts=(one.dts or 0) - 50.0) for one in packets]
    look = Watch()
    adapt([*packets, *again], look)
    keys = [pts for pts, follows in look.seen if not follows]
    assert {0.0, 2.0, -50.0, -48.0} <= {*keys, *(pts for pts, _ in look.seen)}


def test_a_key_frame_at_a_cut_soon_after_another_is_looked_at() -> None:
    """As encoders place one where the picture turns black; nothing else gives to suspect."""
    shift = (GOP + 10) / FPS
    cut = [
        replace(p, at=p.at + shift, pts=(p.pts or 0.0) + shift, dts=(p.dts or 0.0) + shift)
        for p in coded(map(moving, range(GOP)))
    ]
    look = Watch(wary=False)
    adapt([*coded(map(moving, range(GOP + 10))), *cut], look)
    assert [pts for pts, _ in look.seen] == [0.0, GOP / FPS, shift]


def test_a_stream_of_key_frames_alone_is_not_decoded_whole() -> None:
    packets = [replace(one, flags=KEY) for one in coded(map(moving, range(GOP))) if one.key] * 1
    every = [
        replace(packets[0], at=1000.0 + n / FPS, pts=n / FPS, dts=n / FPS) for n in range(4 * FPS)
    ]  # the same key frame
    look = Watch()
    adapt(every, look)
    assert len(look.seen) >= 8
    assert frames(look.seen) == sorted({*frames(look.seen)})


def test_the_quantisers_of_every_macroblock_are_at_hand() -> None:
    told: list[tuple[Any, Any]] = []

    class Reads:
        def __call__(self, view: View) -> None:
            told.append((view.qp, None))

    _, out = adapt(coded(map(moving, range(10))), Reads(), policy="all")
    assert len([one for one in out if isinstance(one, Picture)]) == 10
    expected = []
    context: Any = av.CodecContext.create("h264", "r")
    context.thread_count, context.options = 1, {"export_side_data": "venc_params"}
    for one in coded(map(moving, range(10))):
        expected += [f.side_data.get("VIDEO_ENC_PARAMS").qp_map() for f in context.decode(av.Packet(one.data))]
    expected += [f.side_data.get("VIDEO_ENC_PARAMS").qp_map() for f in context.decode(None)]
    assert all(np.array_equal(got, known) for (got, _), known in zip(told, expected, strict=True))
