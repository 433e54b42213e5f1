"""Playlists as values: what slips of packagers do to them."""

from __future__ import annotations

import pytest

from qoe_agent.sources.playlist import Media, parse

ABSURD = 2**64 / 90_000


def media(target: str, *durations: float) -> Media:
    lines = ["#EXTM3U", "#EXT-X-VERSION:3", *([f"#EXT-X-TARGETDURATION:{target}"] if target else [])]
    for n, duration in enumerate(durations):
        lines += [f"#EXTINF:{duration:.3f},", f"{n}.ts"]
    found = parse("\n".join(lines) + "\n", "http://127.0.0.1/live.m3u8")
    assert isinstance(found, Media)
    return found


def test_a_sane_playlist_is_taken_at_its_word() -> None:
    found = media("6", 5.9, 6.0, 2.5)
    assert found.target_duration == 6.0
    assert [entry.duration for entry in found.entries] == [5.9, 6.0, 2.5]


def test_durations_that_cannot_be_do_not_stop_the_polling() -> None:
    found = media(str(int(ABSURD)), 2.0, 2.1, ABSURD)
    assert found.target_duration == pytest.approx(2.1)
    assert [entry.duration for entry in found.entries] == pytest.approx([2.0, 2.1, 2.1])


def test_nothing_but_absurd_durations_leaves_the_usual_one() -> None:
    assert media(str(int(ABSURD)), ABSURD).target_duration == 6.0


def test_without_a_target_the_longest_segment_is_it() -> None:
    assert media("", 1.0, 3.5).target_duration == 3.5
