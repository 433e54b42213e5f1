"""Which sound which looks hear: by what they say of themselves, the policy, and the half minute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from qoe_agent.decode.looks import Looks
from qoe_agent.decode.sounds import BURST, BURST_EVERY, Bursts, Sounds
from qoe_agent.model import Sound
from tests.accuracy.offline import Inline, demuxed

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 70


class Look:
    """Notes the media times that it is given; `after`: it is keen from then on."""

    def __init__(self, when: str | None = None, after: float = 1e9) -> None:
        if when:
            self.when = when
        self.after, self.keen = after, False
        self.heard: list[int] = []

    def __call__(self, samples: Any, rate: int, pts: float) -> bool:
        self.heard.append(int(pts))
        self.keen = pts >= self.after
        return True


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tone of 70 s."""
    import av
    import numpy as np

    path = tmp_path_factory.mktemp("sound") / "tone.ts"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=48_000, layout="mono")
        wave = np.sin(np.arange(SECONDS * 48_000) * 0.05).astype(np.float32)[None]
        for n in range(0, wave.shape[1] - 1024, 1024):
            frame = av.AudioFrame.from_ndarray(wave[:, n : n + 1024], "fltp", "mono")
            frame.rate, frame.pts = 48_000, n
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def seconds(path: Path, policy: str, **looks: Look) -> dict[str, list[int]]:
    """The seconds that each look heard."""
    (form, *packets) = list(demuxed(path))
    sounds = Sounds(form, Looks({}, looks), policy, 0.5)
    first = packets[0].pts
    for second in range(SECONDS):
        batch = [one for one in packets if one.pts is not None and second <= one.pts - first < second + 1]
        said = [one for one in sounds.listen(batch) if isinstance(one, Sound)]
        assert [set(one.looks) for one in said] == [
            {n for n, k in looks.items() if k.heard[-1:] == [int(said[0].pts or 0)]}
        ]
    start = int(first)
    return {name: sorted({at - start for at in look.heard}) for name, look in looks.items()}


ALL = list(range(SECONDS))
IN_BURSTS = [*range(0, 4), *range(15, 19), *range(45, 49)]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("all", {"plain": ALL, "bursts": ALL, "search": IN_BURSTS, "moving": ALL}),
        ("adaptive", {"plain": ALL, "bursts": IN_BURSTS, "search": IN_BURSTS, "moving": ALL}),
        ("keyframes", {"plain": ALL, "bursts": IN_BURSTS, "search": IN_BURSTS, "moving": []}),
    ],
)
def test_looks_hear_what_they_ask_for(clip: Path, policy: str, expected: dict[str, list[int]]) -> None:
    looks = {"plain": Look(), **{when: Look(when) for when in ("bursts", "search", "moving")}}
    assert {name: close(heard, expected[name]) for name, heard in seconds(clip, policy, **looks).items()} == expected


def close(heard: list[int], expected: list[int]) -> list[int]:
    """`expected`, if what was heard is that but for a second at the ends of bursts (packets straddle seconds)."""
    return expected if len(set(heard) ^ set(expected)) <= 3 else heard


def test_a_searching_look_that_found_something_hears_all_of_it(clip: Path) -> None:
    heard = seconds(clip, "keyframes", search=Look("search", after=16))["search"]
    assert set(range(20, SECONDS)) <= set(heard)
    assert not {8, 9, 10, 11} & set(heard)


def test_bursts_of_a_fleet_are_spread_and_begin_anew_when_time_goes_back() -> None:
    for phase in (0.0, 0.3, 0.9):
        bursts = Bursts(phase)
        due = [at for at in range(1000, 1300) if bursts.due(float(at))]
        assert due[:4] == [1000, 1001, 1002, 1003]
        later = [at for at in due if at >= 1030]
        assert {(at - 1000 - round(phase * BURST_EVERY)) % BURST_EVERY < BURST for at in later} == {True}
        assert len(later) == pytest.approx(270 * BURST / BURST_EVERY, abs=4)
        assert bursts.due(3.0)
    assert Bursts(0.5).due(None)


class Keeps:
    """Keeps all samples."""

    def __init__(self) -> None:
        self.samples: list[Any] = []

    def __call__(self, samples: Any, rate: int, pts: float) -> None:
        self.samples.append(samples.copy())


def test_streams_that_share_a_decoder_sound_as_if_each_had_its_own(clip: Path) -> None:
    """But for the noise that AAC has decoders make up (PNS), here at −80 dBFS. The second one lags by half a second, so
    that it takes the decoder over in another state each time."""
    import numpy as np

    (form, *packets) = list(demuxed(clip))[: 48 * 20]
    lane = Inline()
    alone, first, second = Keeps(), Keeps(), Keeps()
    by_itself = Sounds(form, Looks({}, {"look": alone}))
    sharing = [Sounds(form, Looks({}, {"look": look}), lane=lane) for look in (first, second)]
    for start in range(0, len(packets) - 47, 47):
        list(by_itself.listen(packets[start : start + 47]))
        list(sharing[0].listen(packets[start : start + 47]))
        if start >= 23:
            list(sharing[1].listen(packets[start - 23 : start + 24]))
    assert len(lane._listeners) == 1
    assert sharing[0]._context is sharing[1]._context is None
    whole = np.concatenate(alone.samples, axis=1)
    assert np.allclose(np.concatenate(first.samples, axis=1), whole, atol=1e-4)
    other = np.concatenate(second.samples, axis=1)
    at = (whole.shape[1] // 1024 // 47 - 1) * 47 * 1024
    start = 24 * 1024  # its first batch begins 24 packets into the stream
    assert np.allclose(other[:, 1024:at], whole[:, start + 1024 : start + at], atol=1e-4)
