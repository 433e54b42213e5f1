"""Capture times from stamps: right where they are told, and not told where stamps do not agree."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pytest

from qoe_agent.maths.marks import Marks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T0 = 1_760_000_000.123
WRONG = 0.02
"""Seconds: what the issue allows a latency to be off."""

Shown = tuple[float, tuple[int, int] | None, float, bool]
"""Media time, the stamp that is read, when the picture was made, whether it follows the one before."""


@dataclass
class Told:
    """What was said of each picture as soon as it was seen."""

    marks: Marks = field(default_factory=Marks)
    pictures: int = 0
    errors: list[float] = field(default_factory=list)
    states: dict[str, int] = field(default_factory=dict)

    @property
    def worst(self) -> float:
        return max(map(abs, self.errors), default=0.0)

    @property
    def share(self) -> float:
        return len(self.errors) / self.pictures


def told(pictures: Iterable[Shown]) -> Told:
    out = Told()
    for pts, stamp, truth, follows in pictures:
        state = out.marks.feed(pts, stamp, follows)
        out.states[state] = out.states.get(state, 0) + 1
        out.pictures += 1
        captured = out.marks.captured(pts)
        if captured:
            out.errors.append(captured.at - truth)
            assert abs(captured.at - truth) <= captured.uncertainty + WRONG / 2
    return out


def mark(made: float, frame: int) -> tuple[int, int]:
    return round(made * 1000), frame % 65_536


def clean(frames: int, fps: float = 30.0, drift: float = 0.0, start: int = 0) -> Iterator[Shown]:
    for n in range(frames):
        made = T0 + n / fps * (1 + drift)
        yield n / fps, mark(made, n + start), made, n > 0


def skipped(frames: int, stays: float, unread: float, seed: int = 0) -> Iterator[Shown]:
    """An encoder that lets the mark stay as it was with probability `stays`; `unread` of the marks are unreadable."""
    random, last = np.random.default_rng(seed), None
    for pts, stamp, made, follows in clean(frames):
        if last is None or random.random() > stays:
            last = stamp
        yield pts, (None if random.random() < unread else last), made, follows


def refreshed(frames: int, every: int, unread: float) -> Iterator[Shown]:
    """An encoder that renews the mark only at key frames, and now and then between."""
    random, last = np.random.default_rng(1), None
    for n, (pts, stamp, made, follows) in enumerate(clean(frames)):
        if n % every == 0 or random.random() < 0.02:
            last = stamp
        yield pts, (None if random.random() < unread else last), made, follows


def converted(frames: int, source: int, shown: int) -> Iterator[Shown]:
    """Another frame rate: the source's latest frame at each moment."""
    for n in range(frames):
        frame = n * source // shown
        yield n / shown, mark(T0 + frame / source, frame), T0 + n / shown, n > 0


def misread(frames: int, share: float, seed: int = 0) -> Iterator[Shown]:
    """Readings that pass the checksum by chance: anything, or some bits turned over."""
    random = np.random.default_rng(seed)
    for pts, stamp, made, follows in clean(frames):
        assert stamp
        lot = random.random()
        if lot < share / 2:
            stamp = int(random.integers(0, 2**42)), int(random.integers(0, 65_536))
        elif lot < share:
            stamp = stamp[0] ^ 1 << int(random.integers(0, 12)), stamp[1] ^ 1 << int(random.integers(0, 8))
        yield pts, stamp, made, follows


def broken(frames: int, at: int, media: float = 0.0, clock: float = 0.0, counter: int = 0) -> Iterator[Shown]:
    """Media time, the source's clock or its counter jumps at a frame."""
    for n, (pts, _, made, follows) in enumerate(clean(frames)):
        after = n >= at
        made += clock * after
        yield pts + media * after, mark(made, n + counter * after), made, follows


@pytest.mark.parametrize("fps", [24.0, 25.0, 30_000 / 1001, 30.0, 50.0, 60.0])
def test_an_untouched_stream_is_told_to_a_fifth_of_a_millisecond(fps: float) -> None:
    seen = told(clean(1000, fps))
    assert len(seen.errors) == 998
    assert seen.worst < 0.0002 + 0.0003 * (fps != 25)
    assert np.mean(np.abs(seen.errors)) < 0.0002
    assert (seen.marks.drops, seen.marks.repeats) == (0, 0)


@pytest.mark.parametrize("drift", [2e-5, -2e-4, 1e-3])
def test_clocks_may_drift(drift: float) -> None:
    seen = told(clean(3000, 30.0, drift))
    assert len(seen.errors) == 2998
    assert seen.worst < 0.003
    assert seen.marks.line
    assert seen.marks.line.drift == pytest.approx(drift, abs=3e-5)


def test_the_counter_may_start_over() -> None:
    seen = told(clean(300, start=65_400))
    assert len(seen.errors) == 298
    assert (seen.marks.drops, seen.marks.repeats) == (0, 0)


@pytest.mark.parametrize("unread", [0.5, 0.8, 0.97])
def test_few_readable_marks_suffice(unread: float) -> None:
    random = np.random.default_rng(2)
    seen = told((p, s if random.random() > unread else None, m, f) for p, s, m, f in clean(3000))
    assert seen.share > (0.99 if unread < 0.9 else 0.8)
    assert seen.worst < 0.001


@pytest.mark.parametrize(("source", "shown"), [(60, 25), (60, 30), (30, 25), (25, 30), (25, 50), (25, 60)])
def test_frame_rates_may_be_converted(source: int, shown: int) -> None:
    seen = told(converted(3000, source, shown))
    assert seen.share > 0.99
    assert seen.worst < WRONG
    missing = 3000 * source / shown - 3000
    assert seen.marks.drops == pytest.approx(max(0.0, missing), abs=5)
    assert seen.marks.repeats == pytest.approx(max(0.0, -missing), abs=5)
    assert seen.states["read"] > 2900


def test_repeats_and_drops_are_counted() -> None:
    frames = list(clean(300))
    for n in (50, 51, 52, 200):
        frames[n] = (frames[n][0], frames[n - 1][1], frames[n][2], True)
    gone = [f for n, f in enumerate(frames) if n not in (100, 101)]
    seen = told(gone)
    assert (seen.marks.drops, seen.marks.repeats) == (2 + 3 + 1, 4)
    assert seen.states["stale"] == 4


def test_key_pictures_alone_are_no_drops() -> None:
    seen = told((p, s, m, False) for n, (p, s, m, _) in enumerate(clean(6000)) if n % 150 == 0)
    assert len(seen.errors) == 38
    assert seen.worst < 0.001
    assert (seen.marks.drops, seen.marks.repeats) == (0, 0)


@pytest.mark.parametrize("stays", [0.1, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("unread", [0.0, 0.5, 0.9])
def test_old_marks_make_no_wrong_time(stays: float, unread: float) -> None:
    for seed in range(2):
        seen = told(skipped(4000, stays, unread, seed))
        assert seen.worst < WRONG
        assert seen.share > 0.9 or unread > 0
        if unread == 0:
            assert seen.states["stale"] > stays * 4000 * 0.9


@pytest.mark.parametrize("unread", [0.0, 0.5, 0.9])
def test_marks_renewed_at_key_frames_alone_make_no_wrong_time(unread: float) -> None:
    seen = told(refreshed(4000, 60, unread))
    assert seen.worst < WRONG
    assert seen.share > 0.9 or unread > 0


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_readings_by_chance_make_no_wrong_time(share: float) -> None:
    seen = told(misread(4000, share))
    assert seen.worst < WRONG
    assert seen.share > 1 - 1.2 * share


def test_readings_by_chance_alone_make_no_time() -> None:
    random = np.random.default_rng(4)
    numbers = zip(random.integers(0, 2**42, 10_000).tolist(), random.integers(0, 65_536, 10_000).tolist(), strict=True)
    assert told((n / 30, stamp, 0.0, True) for n, stamp in enumerate(numbers)).errors == []


def test_ten_thousand_marks_with_every_fault_and_no_wrong_time() -> None:
    """Streams with old, unreadable and wrong marks, and a jump of media time; the source's clock is set where its
    marks can be read again (before that nobody can know)."""
    pictures = published = 0
    for seed in range(25):
        random = np.random.default_rng(100 + seed)
        stays, unread, wrong = random.uniform(0, 0.7), random.uniform(0, 0.7), random.uniform(0, 0.1)
        last, stream = None, []
        clock, size = float(random.choice([0.0, 1.0, -1.0])), float(random.choice([0.3, 5.0]))
        at = int(random.integers(60, 360))
        media = float(random.uniform(-size, size))
        for n, (pts, stamp, made, follows) in enumerate(broken(420, at, media, clock)):
            fresh = last is None or (n == at and clock != 0.0)
            last = stamp if fresh or random.random() > stays else last
            shown = None if random.random() < unread and not fresh else last
            if shown and not fresh and random.random() < wrong:
                shown = shown[0] ^ 1 << int(random.integers(0, 30)), shown[1]
            stream.append((pts, shown, made, follows))
        seen = told(stream)
        pictures += seen.pictures
        published += len(seen.errors)
        assert seen.worst < WRONG, seed
    assert pictures > 10_000
    assert published > 0.4 * pictures


@pytest.mark.parametrize("media", [0.2, 1.0, 3.0, 86_400.0, -0.2, -3.0, -1e5])
def test_media_time_may_jump(media: float) -> None:
    seen = told(broken(1000, 500, media=media))
    assert seen.worst < 0.001
    assert len(seen.errors) > 985


@pytest.mark.parametrize("clock", [0.1, 3.0, 1e6, -0.1, -3.0, -1e6])
@pytest.mark.parametrize("counter", [0, 30_000])
def test_the_source_may_set_its_clock_and_start_its_counter_anew(clock: float, counter: int) -> None:
    seen = told(broken(1000, 500, clock=clock, counter=counter))
    assert seen.worst < 0.001
    assert len(seen.errors) > 985


def test_nothing_is_told_far_beyond_the_last_mark() -> None:
    seen = told(clean(100))
    last = 99 / 30
    assert seen.marks.captured(last + 1.0)
    assert not seen.marks.captured(last + 3.0)
    assert not seen.marks.captured(-3.0)
    near, far = seen.marks.captured(last), seen.marks.captured(last + 1.9)
    assert near
    assert far
    assert near.uncertainty < far.uncertainty


def contradicted(marks: Marks, by: float) -> None:
    marks.feed(100 / 30, mark(T0 + 100 / 30 + by, 100), True)


@pytest.mark.parametrize("by", [1.0, -1.0])
def test_a_contradiction_silences_at_once_until_marks_agree_again(by: float) -> None:
    marks = told(clean(100)).marks
    contradicted(marks, by)
    assert marks.captured(99 / 30)
    assert not marks.captured(100 / 30)
    marks.feed(101 / 30, mark(T0 + 101 / 30, 101), True)
    assert marks.captured(101 / 30)


@pytest.mark.parametrize("look", [None, (None, None, 0.0, True), (1_760_000_000_000, 5, 0.9, True)])
def test_takes_what_the_look_says(look: tuple[int | None, int | None, float, bool] | None) -> None:
    expected = None if look is None else "unreadable" if look[0] is None else "read"
    assert Marks().see(1.0, look) == expected
    assert Marks().see(None, look) is None
