"""What chats are told, as each of them documents its messages, and how it is signed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from qoe_agent.alerts import chats, signing
from qoe_agent.alerts.hook import prepared
from qoe_agent.alerts.payload import Context
from qoe_agent.config import Webhook
from tests.alerts.notices import AT, notice, over

PAGE = Context("https://qoe.example", "en", "UTC", {"vantage": "sh-1"})
CHINESE = Context("https://qoe.example", "zh", "Asia/Shanghai")
HOSTILE = "a<at id=all></at><!channel>[x](http://e)*_`<@all>&"
MANY = [notice(stream=f"show-{n}-{'长' * 60}", detail={"n": n}) for n in range(chats.MOST)]


def test_slack() -> None:
    made = chats.slack([notice(severity="critical"), over()], PAGE)
    assert made["text"] == "1 begun, 1 over"
    first, second = made["attachments"]
    assert (first["color"], second["color"]) == ("#c0392b", "#1e8449")
    assert first["blocks"] == [{"type": "section", "text": {"type": "mrkdwn", "text": (
        "*<https://qoe.example/streams/show-1?at=1900000000&amp;incident=0123456789abcdef|"
        "show-1: the picture is black>*\n"
        "critical · sh-1\n"
        "Since 2030-03-17 17:46:40 UTC, for 12 s so far.\n"
        "<https://qoe.example/runbook#black|What to do>"
    )}}]  # fmt: skip


def test_feishu_in_chinese() -> None:
    made = chats.feishu([notice()], CHINESE)
    assert made["msg_type"] == "interactive"
    card = made["card"]
    assert card["header"] == {
        "title": {"tag": "plain_text", "content": "[警告] show-1：黑屏"},
        "template": "orange",
    }
    text, button = card["elements"]
    assert text["text"]["tag"] == "lark_md"
    assert "[处理办法](https://qoe.example/runbook#black)" in text["text"]["content"]
    assert "始于 2030-03-18 01:46:40 CST，已持续 12 秒。" in text["text"]["content"].replace("&#45;", "-")
    assert button["actions"][0]["url"] == "https://qoe.example/streams/show-1?at=1900000000&incident=0123456789abcdef"
    assert not re.search("[A-Za-z]{5,}", re.sub(r"\(http[^)]*\)", "", text["text"]["content"])), "all of it is Chinese"


def test_a_card_has_the_colour_of_the_worst() -> None:
    told = [over(severity="critical"), notice(severity="info"), notice(severity="critical")]
    assert chats.feishu(told, PAGE)["card"]["header"]["template"] == "red"
    assert chats.feishu(told[:2], PAGE)["card"]["header"]["template"] == "blue"
    assert chats.feishu(told[:1], PAGE)["card"]["header"]["template"] == "green"


def test_dingtalk() -> None:
    made = chats.dingtalk([notice()], PAGE)
    assert made["msgtype"] == "markdown"
    assert made["markdown"]["title"] == "[warning · sh-1] show-1: the picture is black"
    assert made["markdown"]["text"] == (
        "**[show-1: the picture is black](https://qoe.example/streams/show-1?at=1900000000&incident=0123456789abcdef)**"
        "\n\nwarning · sh-1\n\n"
        "Since 2030-03-17 17:46:40 UTC, for 12 s so far.\n\n"
        "[What to do](https://qoe.example/runbook#black)"
    )


def test_a_headline_counts_what_begins_and_what_is_over_and_only_that() -> None:
    both, begun = [notice(), over()], [notice(), notice(), notice()]
    assert chats.slack(both, CHINESE)["text"] == "1 个故障发生，1 个故障恢复"
    assert chats.slack([over(), over()], CHINESE)["text"] == "2 个故障恢复"
    assert chats.slack(begun, Context())["text"] == "3 begun"


def test_wecom_keeps_to_its_limit_and_says_what_is_left_out() -> None:
    made = chats.wecom(MANY, CHINESE)
    content = made["markdown"]["content"]
    shown = content.count("黑屏")
    assert made["msgtype"] == "markdown"
    assert 0 < shown < chats.MOST
    assert len(content.encode()) <= 4096
    assert content.endswith(f"…另有 {chats.MOST - shown} 条")


@pytest.mark.parametrize("form", sorted(chats.CHATS))
def test_the_longest_message_is_within_what_chats_take(form: str) -> None:
    made = chats.CHATS[form](MANY, Context(f"https://{'h' * 200}.example", "zh"))
    size = len(json.dumps(made, ensure_ascii=False).encode())
    assert size <= {"slack": 100_000, "feishu": 20_000, "dingtalk": 20_000, "wecom": 4_500}[form]
    if form == "slack":
        assert all(len(each["blocks"][0]["text"]["text"]) <= 3000 for each in made["attachments"])


@pytest.mark.parametrize("form", sorted(chats.CHATS))
def test_a_name_calls_nobody_and_links_nowhere(form: str) -> None:
    """Names come from publish callbacks too: they must not become mentions, links or other markup."""
    text = json.dumps(chats.CHATS[form]([notice(stream=HOSTILE)], Context()), ensure_ascii=False)
    if form == "feishu":
        text = re.sub(r'"plain_text", "content": "[^"]*"', "", text)  # shown as it stands
    if form == "dingtalk":
        text = re.sub(r'"title": "[^"]*"', "", text)  # the same: what the phone's notification shows
    assert "<at" not in text
    assert "<!" not in text
    assert "<@" not in text
    assert form == "slack" or "](http://e)" not in text


# Signatures.


def test_standard_webhooks_by_their_own_example() -> None:
    """The specification's reference vector (standard-webhooks, libraries' tests)."""
    body = b'{"test": 2432232314}'
    headers = signing.standard(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330.9, body
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_other_secrets_are_taken_as_they_stand() -> None:
    made = signing.standard("not base64", "m", 5.0, b"body")["webhook-signature"]
    wanted = base64.b64encode(hmac.new(b"not base64", b"m.5.body", hashlib.sha256).digest()).decode()
    assert made == f"v1,{wanted}"
    assert signing.standard("whsec_%", "m", 5.0, b"")["webhook-signature"] != ""


def test_feishu_signs_nothing_with_time_and_secret_as_the_key() -> None:
    wanted = base64.b64encode(hmac.new(b"1599360473\ndemo", digestmod=hashlib.sha256).digest()).decode()
    assert signing.feishu("demo", 1599360473.5) == {"timestamp": "1599360473", "sign": wanted}


def test_dingtalk_signs_time_and_secret_with_the_secret_as_the_key() -> None:
    wanted = base64.b64encode(hmac.new(b"SECx", b"1552920546388\nSECx", hashlib.sha256).digest()).decode()
    made = signing.dingtalk("SECx", 1552920546.388, "https://oapi.dingtalk.com/robot/send?access_token=T")
    assert parse_qs(urlsplit(made).query) == {"access_token": ["T"], "timestamp": ["1552920546388"], "sign": [wanted]}


def post(told: list[Any], at: float = AT, **options: Any) -> tuple[str, Any, dict[str, str]]:
    url, body, headers = prepared(Webhook(name="w", url="https://h.example/x?k=v", **options), told, Context(), at)
    return url, json.loads(body), headers


def test_what_is_posted_is_signed_anew_at_every_attempt_under_the_same_id() -> None:
    _, first, before = post([notice()], secret="s")
    _, again, after = post([notice()], AT + 5, secret="s")
    assert first["alerts"] == again["alerts"]
    assert before["webhook-id"] == after["webhook-id"] == "msg_0123456789abcdef-1"
    assert before["webhook-signature"] != after["webhook-signature"]
    assert post([notice(), over()], secret="s")[2]["webhook-id"] != before["webhook-id"]


def test_feishu_and_dingtalk_sign_with_their_secrets_and_without_them_nothing() -> None:
    assert {"timestamp", "sign", "msg_type", "card"} == set(post([notice()], format="feishu", secret="s")[1])
    assert {"msg_type", "card"} == set(post([notice()], format="feishu")[1])
    assert "sign=" in post([notice()], format="dingtalk", secret="s")[0]
    assert post([notice()], format="dingtalk")[0] == "https://h.example/x?k=v"
