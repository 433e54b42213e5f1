"""The runbook: the same in both languages, and every alert and kind of incident can be reached in it."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from qoe_agent import catalogue
from qoe_agent.web import runbook_page
from qoe_agent.web.html import Other
from qoe_agent.web.runbook_page import KINDS, TEXTS, drawn
from qoe_agent.web.words import LANGUAGES, Reader
from tests import promql

ALERTS = [rule["alert"] for rule in promql.rules() if "alert" in rule]
CHINESE = re.compile(r"[\u4e00-\u9fff]")
CODE = re.compile(r"`([^`]+)`")
NAMED = re.compile(r"\w+\.yml|[a-zA-Z]+_\w+|Qoe\w+|\d+(?:\.\d+)?", re.ASCII)
"""Files, values of labels, alerts, numbers."""
SHORT = re.compile(r"[A-Z]{3,}")
WORD = re.compile(r"[A-Za-z]+")
BLOCKS = {language: text.strip().split("\n\n") for language, text in TEXTS.items()}
PAIRS = list(zip(BLOCKS["en"], BLOCKS["zh"], strict=True))


def depth(block: str) -> int:
    return len(block) - len(block.lstrip("#"))


def named(block: str) -> tuple[list[str], set[str]]:
    """What is never translated: commands, options and metrics, each as often; names and numbers outside of them."""
    return sorted(CODE.findall(block)), set(NAMED.findall(CODE.sub("", block)))


def test_both_have_the_same_sections_with_the_same_alerts_and_incidents_in_the_same_order() -> None:
    assert [depth(english) for english, _ in PAIRS] == [depth(chinese) for _, chinese in PAIRS]
    for english, chinese in PAIRS:
        assert (english.startswith(KINDS[0]), chinese.startswith(KINDS[1])) in ((True, True), (False, False)), english
        if depth(english) > 2:
            assert english == chinese


@pytest.mark.parametrize(("english", "chinese"), PAIRS, ids=[str(number) for number in range(len(PAIRS))])
def test_a_paragraph_names_the_same_and_is_translated_whole(english: str, chinese: str) -> None:
    assert named(english) == named(chinese)
    assert set(SHORT.findall(english)) <= set(SHORT.findall(chinese))
    if depth(english) <= 2 and not english.startswith(KINDS[0]):
        assert len(CHINESE.findall(chinese)) >= len(WORD.findall(CODE.sub("", english))), "something is left out"
    assert not CHINESE.search(english)


def test_no_english_sentence_is_left_in_the_chinese_one() -> None:
    for block in BLOCKS["zh"]:
        for run in re.findall(r"[A-Za-z' ]+", CODE.sub("", block)):
            assert len(run.split()) <= 4, run
    assert all("\n" not in block for block in BLOCKS["zh"]), "a line's end would show as a space"


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_can_be_reached_for_every_alert_and_every_kind_of_incident(language: str) -> None:
    places = re.findall(r' id="([^"]+)"', drawn(Reader(language), Other("en", "/runbook")))
    assert sorted(places) == sorted([*(alert.lower() for alert in ALERTS), *catalogue.kinds()])


async def test_it_is_served_as_the_reader_likes_it_with_a_way_to_the_other_language_at_the_same_place() -> None:
    app = web.Application()
    app.add_routes(runbook_page.routes())
    async with TestClient(TestServer(app)) as client:
        for language, title, to in (("zh-CN,zh;q=0.9", "处理手册", "en"), ("en-GB", "Runbook", "zh")):
            async with client.get("/runbook", headers={"Accept-Language": language}) as answer:
                text = await answer.text()
            assert f"<h1>{title}</h1>" in text
            assert text.count(f'href="/runbook?lang={to}"') == 1
            for place in ("qoestreamdown", "black"):
                element = re.search(rf'id="{place}">(.+?)</(?:h3|li)>', text)
                assert element
                assert f'href="/runbook?lang={to}#{place}"' in element[1]


def test_headings_do_not_skip_a_level() -> None:
    found = [int(level) for level in re.findall(r"<h(\d)", drawn(Reader("zh"), Other("en", "/runbook")))]
    assert found[0] == 1
    assert all(lower - upper <= 1 for upper, lower in pairwise(found))
