"""What people read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qoe_agent import catalogue
from qoe_agent.alerts import wishes, words
from qoe_agent.model import LOST_REASONS
from tests.alerts.notices import notice, over


def test_every_kind_of_incident_has_words_in_both_languages_and_a_rule() -> None:
    known = set(catalogue.kinds())
    assert known == set(wishes.RULES)
    assert known == set(words.KINDS) - {words.TEST}
    for english, chinese in words.KINDS.values():
        assert english.isascii()
        assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese)


def test_rules_are_silenced_by_kinds_that_exist() -> None:
    for _, _, silenced_by, _ in wishes.RULES.values():
        assert set(silenced_by) <= set(catalogue.kinds())


@pytest.mark.parametrize(
    ("language", "title", "line"),
    [
        ("en", "show-1: the picture is black", "Since 2030-03-17 17:46:40 UTC, for 12 s so far."),
        ("zh", "show-1：黑屏", "始于 2030-03-17 17:46:40 UTC，已持续 12 秒。"),
    ],
)
def test_a_beginning(language: str, title: str, line: str) -> None:
    told = words.text(notice(), language, "UTC")
    assert (told.title, told.lines) == (title, (line,))


@pytest.mark.parametrize(
    ("language", "title", "lines"),
    [
        ("en", "show-1: over: the picture is black",
         ("From 2030-03-18 01:46:40 CST to 2030-03-18 01:47:10 CST, 30 s in all.",
          "It came and went: 4 times lately.")),
        ("zh", "show-1：已恢复：黑屏",
         ("2030-03-18 01:46:40 CST 至 2030-03-18 01:47:10 CST，累计 30 秒。", "反复出现，近来共 4 次。")),
    ],
)  # fmt: skip
def test_an_end_of_what_flapped_in_local_time(language: str, title: str, lines: tuple[str, ...]) -> None:
    """Not all of the times are within the interval: what was told to be over counts on."""
    told = words.text(over(count=4), language, "Asia/Shanghai")
    assert (told.title, told.lines) == (title, lines)


def test_every_reason_for_which_a_stream_is_lost_is_told_in_words() -> None:
    assert words.REASONS.keys() == LOST_REASONS.keys()
    lost = notice("lost", detail={"reason": "refused"})
    assert words.text(lost, "en", "UTC").lines[-1] == "Why: connection refused."
    assert words.text(lost, "zh", "UTC").lines[-1] == "原因：连接被拒绝。"
    assert len(words.text(notice("lost", detail={"reason": "failed"}), "en", "UTC").lines) == 1, "it is no reason"


@pytest.mark.parametrize(("offset", "english", "chinese"), [(0.16, "late", "滞后"), (-0.16, "early", "提前")])
def test_the_sound_is_late_or_early(offset: float, english: str, chinese: str) -> None:
    found = notice("av_out_of_sync", detail={"offset_seconds": offset})
    assert words.text(found, "en", "UTC").lines[-1] == f"The sound is 160 ms {english}."
    assert words.text(found, "zh", "UTC").lines[-1] == f"声音{chinese} 160 毫秒。"


def test_numbers_that_help_are_told() -> None:
    changed = notice("resolution_change", detail={"from": "1280x720", "to": "640x360"})
    assert words.text(changed, "en", "UTC").lines[-1] == "1280x720 → 640x360."
    upscaled = notice("upscaled", detail={"from": 540, "from_size": "960x540"})
    assert words.text(upscaled, "en", "UTC").lines[-1] == "It seems to come from 960x540."


def test_what_has_become_worse_says_so() -> None:
    worse = notice(severity="critical", former="warning")
    assert "critical, no longer warning" in words.text(worse, "en", "UTC").lines[1]
    assert "由警告升级为严重" in words.text(worse, "zh", "UTC").lines[1]


def test_an_end_that_nobody_saw_and_one_that_is_none() -> None:
    unseen = words.text(over(observed=False), "en", "UTC")
    assert unseen.title == "show-1: no longer known: the picture is black"
    assert "for 30 s or more" in unseen.lines[0]
    assert words.text(over("stall", because="lost"), "en", "UTC").title == (
        "show-1: now the stream is down (before: playback stalls)"
    )
    assert (
        words.text(over("stall", because="lost"), "zh", "UTC").title == "show-1：已转为：直播流中断（此前：播放卡顿）"
    )


def test_renditions_and_the_agent_itself_have_their_names() -> None:
    assert words.text(notice(rendition="720p"), "en", "UTC").title.startswith("show-1/720p: ")
    assert words.text(notice("agent_overloaded", ""), "en", "UTC").title == "the agent: the agent is overloaded"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0.4 s"), (9.96, "10.0 s"), (59.6, "1 min"), (75, "1 min 15 s"), (3600, "1 h"), (7325, "2 h 2 min")],
)
def test_durations(seconds: float, said: str) -> None:
    assert words.duration(seconds, "en") == said


@pytest.mark.parametrize(
    ("language", "title"), [("en", "show-1: guest: frozen picture"), ("zh", "show-1：guest 画面静止")]
)
def test_a_tile_is_named(language: str, title: str) -> None:
    found = notice("tile_content_freeze")
    found = replace(found, name=found.name._replace(key="guest"))
    assert words.text(found, language, "UTC").title == title
