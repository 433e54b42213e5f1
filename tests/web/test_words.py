"""The pages' words: all there, in both languages; numbers as people write them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request

from qoe_agent import history
from qoe_agent.model import LOST_REASONS
from qoe_agent.web import words
from qoe_agent.web.stand import MOODS, WEIGHTS
from qoe_agent.web.tiles import SYMBOLS
from qoe_agent.web.words import LABELS, MEASURES, STATES, WORDS, Reader, bitrate, number, offset, reader

SOURCES = Path(words.__file__).parent
CHINESE = re.compile(r"[\u4e00-\u9fff]")
SAID = re.compile(r'\bsaid\(\s*"(\w+)"')
EN, ZH = Reader("en"), Reader("zh")


def test_every_word_is_there_in_both_languages_and_takes_the_same_values() -> None:
    for name, (english, chinese) in {**WORDS, **STATES, **LABELS, **{k: v[:2] for k, v in MEASURES.items()}}.items():
        assert english, name
        assert not CHINESE.search(english), name
        assert CHINESE.search(chinese) or not re.search("[a-z]", chinese), name
        assert english.count("{}") == chinese.count("{}"), name


def test_all_that_pages_say_is_among_the_words() -> None:
    said = {name for path in SOURCES.glob("*.py") for name in SAID.findall(path.read_text())}
    assert len(said) > 30
    assert said <= WORDS.keys()
    assert {f"count_{mood}" for mood in MOODS} <= WORDS.keys()


def test_every_state_every_mood_and_every_measure_has_words() -> None:
    assert LOST_REASONS.keys() | {"up", "connecting", "waiting"} | set(MOODS) <= STATES.keys()
    assert set(MOODS) == SYMBOLS.keys()
    assert MEASURES.keys() <= set(history.MEASURES)
    assert list(WEIGHTS) == ["critical", "warning", "info"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (-0.001, "0.00"),
        (0.0642, "0.0642"),
        (1.5, "1.5"),
        (-23.456, "−23.46"),
        (123456.0, "123456"),
    ],
)
def test_numbers_are_short_and_never_powers(value: float, text: str) -> None:
    assert number(value) == text


def test_bitrates_are_in_bits() -> None:
    assert bitrate(0.0) == "0 kb/s"
    assert bitrate(100_000) == "800 kb/s"
    assert bitrate(400_000) == "3.2 Mb/s"


def test_an_offset_says_whether_the_sound_is_late() -> None:
    assert offset(0.16, EN) == "sound 160 ms late"
    assert offset(-0.04, EN) == "sound 40 ms early"
    assert offset(0.0001, ZH) == "同步"
    assert offset(0.16, ZH) == "声音滞后 160 毫秒"


def test_links_keep_the_language_that_was_asked_for_and_only_that() -> None:
    assert Reader("zh", asked=True).link("/", find="a b", sort="") == "/?find=a+b&lang=zh"
    assert Reader("zh").link("/compare") == "/compare"


@pytest.mark.parametrize(
    ("query", "header", "language", "asked"),
    [
        ("lang=zh", "en", "zh", True),
        ("lang=zh-CN", "", "zh", True),
        ("lang=xx", "", "en", False),
        ("", "zh-TW,zh;q=0.9,en;q=0.8", "zh", False),
        ("", "en-GB,zh;q=0.5", "en", False),
        ("", "fr-FR,zh;q=0.5", "zh", False),
        ("", "", "en", False),
    ],
)
def test_the_language_is_as_asked_or_as_the_browser_likes(query: str, header: str, language: str, asked: bool) -> None:
    found = reader(make_mocked_request("GET", f"/?{query}", headers={"Accept-Language": header}))
    assert (found.language, found.asked) == (language, asked)


def test_times_are_told_in_the_agents_zone() -> None:
    assert Reader("zh", "Asia/Shanghai").clock(1_800_000_000.0) == "16:00:00"
    assert Reader("zh", "Asia/Shanghai").zone_name == "CST (Asia/Shanghai)"
    assert EN.zone_name == "UTC"
