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


@pytest.mark.parametrize(
    ("last", "changed", "wait"), [(4.0, True, 4.0), (2.5, True, 2.5), (0.4, True, 2.0), (4.0, False, 2.0)]
)
def test_a_playlist_is_asked_for_again_as_players_do(last: float, changed: bool, wait: float) -> None:
    """Some servers name a target duration that few segments have: who waited for it would run dry."""
    text = f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4.0,\na.ts\n#EXTINF:{last},\nb.ts\n"
    media = parse(text, "http://h/live.m3u8")
    assert isinstance(media, Media)
    assert media.reload(changed) == pytest.approx(wait)
