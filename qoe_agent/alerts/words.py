"""What people read: each incident in plain words, in English and Chinese."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from qoe_agent.alerts.policy import FLAPS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qoe_agent.alerts.cases import Notice

TEST = "test"
"""The kind of a notification that only tries the way."""
KINDS: Mapping[str, tuple[str, str]] = {
    "lost": ("the stream is down", "直播流中断"),
    "ended": ("the stream has ended though it is expected", "直播流已结束，但此时应在播"),
    "stall": ("playback stalls", "播放卡顿"),
    "freeze": ("pictures come late, playback jerks", "画面到达过晚，播放不流畅"),
    "delivery_gap": ("media arrive with gaps", "媒体数据到达中断"),
    "playlist_stale": ("the playlist is not updated", "播放列表未按时更新"),
    "segment_error": ("segments cannot be fetched", "分片无法获取"),
    "timestamp_jump": ("timestamps jumped", "时间戳跳变"),
    "video_missing": ("no pictures are sent, only sound", "仅有声音，画面数据缺失"),
    "black": ("the picture is black", "黑屏"),
    "solid_colour": ("the picture is of one colour", "画面为单一颜色"),
    "colour_bars": ("the picture is a test card", "画面为彩条测试图"),
    "content_freeze": ("the picture stands still", "画面静止"),
    "tile_black": ("black picture", "黑屏"),
    "tile_solid_colour": ("picture of one colour", "画面为单一颜色"),
    "tile_colour_bars": ("test card", "彩条测试图"),
    "tile_content_freeze": ("frozen picture", "画面静止"),
    "damage": ("pictures are broken", "花屏"),
    "silence": ("there is no sound to be heard", "静音"),
    "audio_missing": ("no sound is sent", "音频数据缺失"),
    "dead_channel": ("one sound channel is dead", "单声道无声"),
    "out_of_phase": ("the sound channels cancel each other out", "声道反相"),
    "clipping": ("the sound is distorted (clipping)", "声音削波失真"),
    "dropouts": ("the sound breaks off again and again", "声音断续"),
    "av_out_of_sync": ("sound and picture are out of step", "音画不同步"),
    "blurred": ("the picture is blurred", "画面模糊"),
    "blocky": ("the picture falls into blocks", "画面马赛克"),
    "upscaled": ("the picture is scaled up from a smaller one", "画面由低分辨率放大（伪高清）"),
    "resolution_change": ("the resolution has changed", "分辨率变化"),
    "format_change": ("the format has changed", "编码格式变化"),
    "interlaced": ("pictures are interlaced", "画面隔行"),
    "letterbox": ("the picture has black bars", "画面有黑边"),
    "overexposed": ("the picture is overexposed", "画面过曝"),
    "underexposed": ("the picture is too dark", "画面过暗"),
    "colour_cast": ("the colours are wrong", "画面偏色"),
    "monochrome": ("the picture has no colour", "画面无色彩"),
    "flashes": ("flashes may harm photosensitive viewers", "闪烁可能危害光敏观众"),
    "flicker": ("brightness pumps", "画面亮度闪动"),
    "no_keyframes": ("no key frames come", "缺少关键帧"),
    "clock_untrusted": ("a clock is wrong: latencies cannot be trusted", "时钟不可信，延迟数据不可用"),
    "exits_unexplained": ("viewers leave, and the probe sees nothing wrong", "观众大量离开，而探测未见异常"),
    "fault_unnoticed": ("viewers stayed through a fault", "故障期间观众未见流失"),
    "agent_overloaded": ("the agent is overloaded", "探测代理过载"),
    "decode_suspended": ("decoding crashes the agent's worker and is suspended", "解码导致工作进程崩溃，已暂停解码"),
    TEST: ("this is a test, nothing is wrong", "这是一条测试消息，无故障"),
}
TILE = "tile_"
"""What kinds of incident of a part of the picture begin with."""
AT_ONCE = 1.0
"""Seconds of which it need not be said that it has lasted so long."""
REASONS: Mapping[str, tuple[str, str]] = {
    "ended": ("ended", "已结束"), "silent": ("no media come", "无媒体数据"),
    "timeout": ("too slow to answer", "响应超时"), "resolve": ("host name not found", "域名无法解析"),
    "refused": ("connection refused", "连接被拒绝"), "unreachable": ("unreachable", "网络不可达"),
    "reset": ("connection broke", "连接被重置"), "tls": ("TLS failed", "TLS 握手失败"),
    "auth": ("not admitted", "鉴权失败"), "not_found": ("not found", "流不存在"),
    "status": ("error status", "服务器返回错误"), "protocol": ("not the protocol", "协议不符"),
    "empty": ("no media inside", "内容为空"), "unsupported": ("not supported", "不支持"), "failed": ("failed", "失败"),
    "stopped": ("not watched", "已停止监测"),
}  # fmt: skip
"""Why a pull ended (model.LOST_REASONS)."""
SEVERITIES: Mapping[str, str] = {"critical": "严重", "warning": "警告", "info": "提示"}


@dataclass(frozen=True, slots=True)
class Text:
    """One notice in words."""

    title: str
    """Whom it is about and whether it is over: `show-1: the picture is black`."""
    lines: tuple[str, ...]
    """What else there is to say, one sentence each."""


def text(notice: Notice, language: str, zone: str) -> Text:
    """`notice`, whose times are Unix seconds, in words."""
    return _chinese(notice, zone) if language == "zh" else _english(notice, zone)


def phrase(kind: str, language: str, key: str = "") -> str:
    """An incident's kind in words; of a tile, which is its `key`, with the tile's name."""
    english, chinese = KINDS.get(kind, (kind.replace("_", " "), kind.replace("_", " ")))
    if key and kind.startswith(TILE):
        english, chinese = f"{key}: {english}", f"{key} {chinese}"
    return chinese if language == "zh" else english


def duration(seconds: float, language: str) -> str:
    """`75.0` as `1 min 15 s`."""
    hour, minute, second = (" 小时", " 分", " 秒") if language == "zh" else (" h", " min", " s")
    if seconds < 10:
        return f"{seconds:.1f}{second}"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours}{hour}" if hours else "", f"{minutes}{minute}" if minutes else ""]
    return " ".join(filter(None, [*parts, f"{rest}{second}" if rest and not hours else ""]))


def time_of(at: float, zone: str) -> str:
    """Local time with its zone: `14:02:07 UTC`."""
    local = datetime.fromtimestamp(at, ZoneInfo(zone))
    return f"{local:%Y-%m-%d %H:%M:%S} {local.tzname() or zone}"


def who(notice: Notice, language: str) -> str:
    """The stream, or the agent itself, or which of its workers."""
    stream, rendition, key = notice.name.stream, notice.name.rendition, notice.name.key
    if not stream:
        if language == "zh":
            return f"探测代理（工作进程 {key}）" if key else "探测代理"
        return f"the agent, worker {key}" if key else "the agent"
    return f"{stream}/{rendition}" if rendition else stream


def _english(notice: Notice, zone: str) -> Text:
    what, whom = phrase(notice.name.kind, "en", notice.name.key), who(notice, "en")
    lasted = duration(notice.seconds, "en")
    again = "comes and goes" if notice.status == "firing" else "came and went"
    flaps = f"It {again}: {notice.count} times lately." if flapping(notice) else ""
    since = time_of(notice.start, zone)
    facts = _facts(notice, "en")
    if notice.status == "firing":
        worse = f"It has become worse: {notice.severity}, no longer {notice.former}." if notice.former else ""
        so_far = f", for {lasted} so far" if notice.seconds >= AT_ONCE else ""
        return Text(f"{whom}: {what}", _lines(f"Since {since}{so_far}.", flaps, worse, facts))
    if notice.because:
        now = f"now {phrase(notice.because, 'en')}"
        return Text(f"{whom}: {now} (before: {what})", _lines(f"Since {since}, {lasted} in all.", flaps))
    if not notice.observed:
        unseen = "Nobody looks any more (the agent or its worker was restarted, or the stream is no longer watched)."
        return Text(f"{whom}: no longer known: {what}", _lines(f"Since {since}, for {lasted} or more.", flaps, unseen))
    end = time_of(notice.end or notice.at, zone)
    return Text(f"{whom}: over: {what}", _lines(f"From {since} to {end}, {lasted} in all.", flaps, facts))


def _chinese(notice: Notice, zone: str) -> Text:
    what, whom = phrase(notice.name.kind, "zh", notice.name.key), who(notice, "zh")
    lasted = duration(notice.seconds, "zh")
    flaps = f"反复出现，近来共 {notice.count} 次。" if flapping(notice) else ""
    since = time_of(notice.start, zone)
    facts = _facts(notice, "zh")
    if notice.status == "firing":
        former = SEVERITIES.get(notice.former or "", "")
        worse = f"已由{former}升级为{SEVERITIES[notice.severity]}。" if former else ""
        so_far = f"，已持续 {lasted}" if notice.seconds >= AT_ONCE else ""
        return Text(f"{whom}：{what}", _lines(f"始于 {since}{so_far}。", flaps, worse, facts))
    if notice.because:
        now = f"已转为：{phrase(notice.because, 'zh')}"
        return Text(f"{whom}：{now}（此前：{what}）", _lines(f"始于 {since}，累计 {lasted}。", flaps))
    if not notice.observed:
        unseen = "目前无人观测（代理或其工作进程已重启，或该流不再被监测）。"
        return Text(f"{whom}：状态未知：{what}", _lines(f"始于 {since}，至少持续 {lasted}。", flaps, unseen))
    end = time_of(notice.end or notice.at, zone)
    return Text(f"{whom}：已恢复：{what}", _lines(f"{since} 至 {end}，累计 {lasted}。", flaps, facts))


def flapping(notice: Notice) -> bool:
    """Whether it comes and goes. Those times are not all since `notice.start`: ends between them were told."""
    return notice.count >= FLAPS


def _lines(*lines: str) -> tuple[str, ...]:
    return tuple(filter(None, lines))


def _facts(notice: Notice, language: str) -> str:
    """What the incident is based on, where a number helps."""
    detail, kind = notice.detail, notice.name.kind
    chinese = language == "zh"
    if kind == "av_out_of_sync" and isinstance(offset := detail.get("offset_seconds"), int | float):
        late = offset > 0
        by = f"{abs(offset) * 1000:.0f}"
        if chinese:
            return f"声音{'滞后' if late else '提前'} {by} 毫秒。"
        return f"The sound is {by} ms {'late' if late else 'early'}."
    if kind == "lost" and detail.get("reason") != "failed" and (why := REASONS.get(str(detail.get("reason")))):
        return f"原因：{why[1]}。" if chinese else f"Why: {why[0]}."
    if kind == "resolution_change" and {"from", "to"} <= detail.keys():
        return f"{detail['from']} → {detail['to']}" + ("。" if chinese else ".")
    if kind == "upscaled" and "from_size" in detail:
        return f"实际约为 {detail['from_size']}。" if chinese else f"It seems to come from {detail['from_size']}."
    return ""
