"""What is posted to chats: one message for all notices that wait, as each of them writes its messages. Pure.

Slack: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks; Feishu and Lark:
https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot; DingTalk:
https://open.dingtalk.com/document/robots/custom-robot-access; WeCom:
https://developer.work.weixin.qq.com/document/path/91770.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from qoe_agent.alerts.payload import link, runbook
from qoe_agent.alerts.words import SEVERITIES, Text, text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from qoe_agent.alerts.cases import Notice
    from qoe_agent.alerts.payload import Context

MOST = 20
"""Notices in one message."""
SLACK_CHARACTERS = 2900
"""Of 3000 that a section of Slack may have."""
FEISHU_BYTES = 18_000
"""Of 20 KB that a request to Feishu may have; the card's frame takes the rest."""
DINGTALK_BYTES = 18_000
"""Of 20,000 bytes that DingTalk takes."""
WECOM_BYTES = 4096
"""Of Markdown that WeCom takes."""
_COLOURS = {"critical": ("#c0392b", "red"), "warning": ("#d68910", "orange"), "info": ("#2e86c1", "blue")}
_OVER = ("#1e8449", "green")
_LIKES = str.maketrans("<>[]*`#~|", "‹›［］＊＇＃～｜")


def slack(notices: Sequence[Notice], context: Context) -> dict[str, Any]:
    """An attachment with its colour for each notice."""
    texts = [text(notice, context.language, context.zone) for notice in notices]
    attachments = []
    for notice, told in zip(notices, texts, strict=True):
        where = link(notice, context)
        title = f"<{_slack(where)}|{_slack(told.title)}>" if where else _slack(told.title)
        lines = "\n".join([f"*{title}*", *map(_slack, [_mark(notice, context), *told.lines])])
        advice = "".join(_advised(notice, context, lambda words, where: f"\n<{_slack(where)}|{words}>"))
        lines = lines[: SLACK_CHARACTERS - len(advice)] + advice
        section = {"type": "section", "text": {"type": "mrkdwn", "text": lines}}
        attachments.append({"color": _colour(notice)[0], "blocks": [section]})
    return {"text": _slack(_headline(notices, texts, context)), "attachments": attachments}


def feishu(notices: Sequence[Notice], context: Context) -> dict[str, Any]:
    """A card; its colour is that of the worst."""
    texts = [text(notice, context.language, context.zone) for notice in notices]
    worst = min(notices, key=lambda each: (each.status == "resolved", "critical warning info".index(each.severity)))
    body = _fit(notices, texts, context, _feishu, lambda title, where: f"[{title}]({where})", FEISHU_BYTES)
    elements: list[dict[str, Any]] = [{"tag": "div", "text": {"tag": "lark_md", "content": body}}]
    if len(notices) == 1 and (where := link(notices[0], context)):
        label = {"tag": "plain_text", "content": "查看" if context.language == "zh" else "Open"}
        elements.append(
            {"tag": "action", "actions": [{"tag": "button", "text": label, "type": "default", "url": where}]}
        )
    header = {
        "title": {"tag": "plain_text", "content": _headline(notices, texts, context)[:200]},
        "template": _colour(worst)[1],
    }
    card = {"config": {"wide_screen_mode": True}, "header": header, "elements": elements}
    return {"msg_type": "interactive", "card": card}


def dingtalk(notices: Sequence[Notice], context: Context) -> dict[str, Any]:
    """A message in its Markdown."""
    texts = [text(notice, context.language, context.zone) for notice in notices]
    headline = _headline(notices, texts, context)
    body = _fit(notices, texts, context, _markdown, lambda title, where: f"[{title}]({where})", DINGTALK_BYTES, "\n\n")
    return {"msgtype": "markdown", "markdown": {"title": headline[:100], "text": body}}


def wecom(notices: Sequence[Notice], context: Context) -> dict[str, Any]:
    """A message in its Markdown."""
    texts = [text(notice, context.language, context.zone) for notice in notices]
    body = _fit(notices, texts, context, _markdown, lambda title, where: f"[{title}]({where})", WECOM_BYTES)
    return {"msgtype": "markdown", "markdown": {"content": body}}


CHATS: Mapping[str, Callable[[Sequence[Notice], Context], dict[str, Any]]] = {
    "slack": slack, "feishu": feishu, "dingtalk": dingtalk, "wecom": wecom,
}  # fmt: skip


def _colour(notice: Notice) -> tuple[str, str]:
    return _OVER if notice.status == "resolved" else _COLOURS[notice.severity]


def _mark(notice: Notice, context: Context) -> str:
    """Severity, and where it was seen from."""
    place = " · ".join((context.agent or {}).values())
    severity = SEVERITIES[notice.severity] if context.language == "zh" else notice.severity
    return f"{severity} · {place}" if place else severity


def _headline(notices: Sequence[Notice], texts: Sequence[Text], context: Context) -> str:
    """The one title, or how many there are."""
    if len(notices) == 1:
        return f"[{_mark(notices[0], context)}] {texts[0].title}"
    over = sum(notice.status == "resolved" for notice in notices)
    chinese = context.language == "zh"
    words = ("{} 个故障发生", "{} 个故障恢复") if chinese else ("{} begun", "{} over")
    counted = zip(words, (len(notices) - over, over), strict=True)
    return ("，" if chinese else ", ").join(said.format(number) for said, number in counted if number)


def _advised(notice: Notice, context: Context, linked: Callable[[str, str], str]) -> list[str]:
    """Where to read what to do, while there is something to be done."""
    where = runbook(notice, context) if notice.status == "firing" else ""
    return [linked("处理办法" if context.language == "zh" else "What to do", where)] if where else []


def _fit(
    notices: Sequence[Notice], texts: Sequence[Text], context: Context, clean: Callable[[str], str],
    linked: Callable[[str, str], str], most: int, newline: str = "\n",
) -> str:  # fmt: skip
    """As many notices as `most` bytes hold, and how many are left out."""
    blocks: list[str] = []
    left = len(notices)
    for notice, told in zip(notices, texts, strict=True):
        where, title = link(notice, context), clean(told.title)
        mark = f"[{clean(_mark(notice, context))}]" if len(notices) > 1 else clean(_mark(notice, context))
        advice = _advised(notice, context, linked) if len(notices) == 1 else []
        title = linked(title, where) if where else title
        block = newline.join([f"**{title}**", mark, *map(clean, told.lines), *advice])
        rest = f"… {left} more" if context.language == "en" else f"…另有 {left} 条"
        if len((newline * 2).join([*blocks, block, rest]).encode()) > most:
            return (newline * 2).join([*blocks, rest])
        blocks.append(block)
        left -= 1
    return (newline * 2).join(blocks)


def _slack(plain: str) -> str:
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _feishu(plain: str) -> str:
    """Signs that lark_md would take for markup, as the entities that it takes for the signs."""
    return re.sub(r"[<>&*~\[\]()_`#]", lambda found: f"&#{ord(found[0])};", plain)


def _markdown(plain: str) -> str:
    """Signs that DingTalk and WeCom would take for markup (neither has escapes), as their likes."""
    return plain.translate(_LIKES)
