"""What the pages say, in English and Chinese, and how they write numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from qoe_agent import clock
from qoe_agent.alerts.words import REASONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

LANGUAGES: Mapping[str, str] = {"en": "English", "zh": "中文"}
WORDS: Mapping[str, tuple[str, str]] = {
    "streams": ("Streams", "直播流"), "stream": ("Stream", "直播流"),
    "all": ("All streams", "全部直播流"), "skip": ("Skip to content", "跳到正文"),
    "pages": ("Pages", "页面"), "more": ("For programs", "程序接口"), "summary": ("Summary", "概览"),
    "find": ("Find a stream", "查找直播流"), "show": ("Show", "显示"), "everything": ("all", "全部"),
    "only_bad": ("only those with something wrong", "仅异常"), "sort": ("Sort", "排序"),
    "by_worst": ("worst first", "异常优先"), "by_name": ("by name", "按名称"), "go": ("Go", "确定"),
    "as_of": ("As of {}", "截至 {}"), "no_match": ("No stream matches.", "没有符合条件的直播流。"),
    "nothing": ("No streams are watched here.", "此处未监测任何直播流。"),
    "count_up": ("{} up", "{} 路正常"), "count_faulty": ("{} with faults", "{} 路有故障"),
    "count_down": ("{} down", "{} 路中断"), "count_ended": ("{} off air", "{} 路未在播"),
    "count_unknown": ("{} not known", "{} 路未知"), "agent": ("This agent", "本探测代理"),
    "stale": ("Not connected: this is no longer live. What you see is old.", "连接已断开：不再实时更新，数据已过时。"),
    "again": ("Load again", "重新加载"), "changed": ("{} streams have changed", "{} 路直播流状态有变化"),
    "picture": ("Latest picture of {}, of {}", "{} 的最新画面（{}）"), "no_picture": ("no picture", "无画面"),
    "size": ("Picture", "画面"), "bitrate": ("Bitrate", "码率"), "latency": ("Latency", "延迟"),
    "stalled": ("Stalled, last hour", "近一小时卡顿"), "offset": ("A/V offset", "音画偏移"),
    "stalled_lately": ("Stalled, last {} min", "近 {} 分钟卡顿"), "lately": ("{}, last 10 s", "近 10 秒{}"),
    "times": ("{} ×", "{} 次"), "late": ("sound {} ms late", "声音滞后 {} 毫秒"),
    "early": ("sound {} ms early", "声音超前 {} 毫秒"), "together": ("in step", "同步"),
    "spark": ("Bitrate of the last hour: {} to {}", "近一小时码率：{} 至 {}"),
    "spark_stalls": ("stalled {}", "卡顿 {}"), "wrong": ("Wrong now", "当前故障"),
    "measured": ("Measured now", "当前测量"), "incidents": ("Incidents", "事件"), "kept": ("Evidence", "证据"),
    "none": ("None in memory.", "暂无。"), "none_kept": ("Nothing was kept.", "暂无留存。"),
    "what": ("What", "内容"), "since": ("Since", "开始"),
    "lasted": ("Lasted", "持续"), "severity": ("Severity", "级别"), "open": ("still going on", "仍在持续"),
    "exits": ("Viewers who left", "离开的观众"), "as_usual": ("{} (as usual: {})", "{}（平时：{}）"),
    "before": ("before", "之前"), "at": ("at the beginning", "开始时"), "clip": ("clip", "片段"),
    "playlist": ("playlists", "播放列表"),
    "and": (", ", "、"), "colon": (": ", "："), "facts": ("facts", "详情"), "timeline": ("The last hour", "近一小时"),
    "times_in": ("Times are {}.", "时间为 {}。"),
    "timeline_of": ("What was measured in the last hour, and incidents across it", "近一小时的测量值与事件"),
    "no_history": ("Nothing has been measured yet.", "尚无测量数据。"), "unknown_value": ("not known", "未知"),
    "reached": ("{}: {} to {} {}", "{}：{} 至 {} {}"), "happened": ("{}, {}, {}", "{}，{}，{}"),
    "compare": ("Compare", "对比"), "compare_with": ("Compare with …", "与其他流对比"),
    "first": ("First stream", "第一路"), "second": ("Second stream", "第二路"), "measure": ("Measure", "指标"),
    "difference": ("Difference (second less first)", "差值（第二路减第一路）"),
    "both": ("Both in the last hour", "近一小时两路对照"),
    "no_such": ("There is no stream called {}.", "没有名为 {} 的直播流。"),
    "choose_two": ("Choose two different streams.", "请选择两路不同的直播流。"),
    "log_in": ("Log in", "登录"), "token": ("Token", "令牌"), "not_token": ("That is not the token.", "令牌不正确。"),
    "what_to_do": ("what to do", "处理办法"), "runbook": ("Runbook", "处理手册"),
    "off_air": ("off air, as expected", "未开播（符合预期）"),
    "maintenance": ("maintenance: nobody is told", "维护中，不发通知"),
    "wait": ("One moment", "请稍候"), "go_on": ("Go on", "继续"),
}  # fmt: skip
STATES: Mapping[str, tuple[str, str]] = {
    "up": ("up", "正常"), "faulty": ("faults", "有故障"), "down": ("down", "中断"),
    "unknown": ("not known yet", "尚不清楚"), "waiting": ("waiting for a worker", "等待工作进程"),
    "connecting": ("connecting", "正在连接"), **REASONS,
}  # fmt: skip
"""How a stream stands, and why it is not up."""
LABELS: Mapping[str, tuple[str, str]] = {
    "declared": ("declared", "声明"), "measured": ("measured", "实测"),
    "detail": ("by its detail", "按细节"), "scaled": ("by traces of scaling", "按缩放痕迹"),
    "video": ("picture", "画面"), "audio": ("sound", "声音"),
    "60s": ("last minute", "近 1 分钟"), "session": ("since it began", "开始以来"),
    "minute": ("last minute", "近 1 分钟"), "integrated": ("since connecting", "连接以来"),
    "momentary": ("last 0.4 s", "近 0.4 秒"), "short": ("last 3 s", "近 3 秒"),
    "transport": ("when it can be played", "可播放时"), "playout": ("when it is shown", "显示时"),
    "stamp": ("by the stamp", "按画面标记"), "events": ("by events of both", "按音画事件"),
}  # fmt: skip
"""What values of labels say; those of protocols and formats (sei, rtcp, prft, act, pdt, onfi) are names."""
MEASURES: Mapping[str, tuple[str, str, float, str]] = {
    "height": ("Height", "高度", 1, "px"),
    "frame_rate": ("Frame rate", "帧率", 1, "fps"),
    "bytes_per_second": ("Bitrate", "码率", 8e-6, "Mb/s"),
    "latency": ("Latency", "延迟", 1, "s"),
    "av_offset": ("Sound late (below 0: early)", "声音滞后（负值为超前）", 1000, "ms"),
    "stalled": ("Stalled", "卡顿", 1, "s"),
    "mos": ("Quality score (P.1203-style, not certified)", "质量评分（P.1203 风格，未认证）", 1, ""),
    "loudness": ("Loudness", "响度", 1, "LUFS"),
    "startup": ("Startup", "首屏时间", 1, "s"),
    "viewers": ("Viewers", "观众数", 1, ""),
    "leaving": ("Viewers who leave in a minute", "每分钟离开的观众", 100, "%"),
}
"""What the history knows, as it is shown: name in both languages, factor, unit."""
DASH = "–"
"""What is not known."""
MINUS = "−"
HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom a page is: language, time zone, and whether links carry the language on."""

    language: str = "en"
    zone: str = "UTC"
    asked: bool = False

    def __call__(self, name: str, *values: object) -> str:
        """A word or sentence of `WORDS`."""
        return WORDS[name][self.language == "zh"].format(*values)

    def state(self, state: str) -> str:
        """How a stream stands, or why."""
        known = STATES.get(state)
        return known[self.language == "zh"] if known else state

    def label(self, value: str) -> str:
        """What a label's value says; a name stays one."""
        known = LABELS.get(value)
        return known[self.language == "zh"] if known else value

    def measure(self, name: str) -> tuple[str, float, str]:
        """A measure's name, factor and unit."""
        english, chinese, factor, unit = MEASURES[name]
        return (chinese if self.language == "zh" else english), factor, unit

    def link(self, path: str, **query: str) -> str:
        """An address of ours in the same language."""
        asked = {name: value for name, value in query.items() if value}
        if self.asked:
            asked["lang"] = self.language
        return f"{path}?{urlencode(asked)}" if asked else path

    def clock(self, at: float, seconds: bool = True) -> str:
        """An agent time as its hour, minute and second."""
        local = datetime.fromtimestamp(clock.wall(at), ZoneInfo(self.zone))
        return f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"

    @property
    def zone_name(self) -> str:
        """`UTC`, `CST (Asia/Shanghai)`."""
        short = datetime.fromtimestamp(clock.wall(clock.now()), ZoneInfo(self.zone)).tzname() or self.zone
        return short if short == self.zone else f"{short} ({self.zone})"


def reader(request: web.Request, zone: str = "UTC") -> Reader:
    """The language that was asked for, or else the first of ours that the browser names."""
    asked = request.query.get("lang", "")[:2].lower()
    if asked in LANGUAGES:
        return Reader(asked, zone, True)
    named = (each.strip()[:2].lower() for each in request.headers.get("Accept-Language", "").split(","))
    return Reader(next((each for each in named if each in LANGUAGES), "en"), zone)


def number(value: float) -> str:
    """Three or four digits, never as a power; next to nothing is nothing."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:.0f}".replace("-", MINUS)
    if abs(value) >= 1:
        return f"{value:.4g}".replace("-", MINUS)
    return (f"{value:.3g}" if abs(value) >= 0.01 else f"{round(value, 2) + 0.0:.2f}").replace("-", MINUS)


def bitrate(bytes_per_second: float) -> str:
    """In bits a second, as the field speaks of it."""
    kilobits = bytes_per_second * 8e-3
    return f"{kilobits / 1000:.1f} Mb/s" if kilobits >= 1000 else f"{kilobits:.0f} kb/s"


def offset(seconds: float, said: Reader) -> str:
    """An A/V offset; above 0 the sound is late."""
    by = round(abs(seconds) * 1000)
    return said("together") if by == 0 else said("late" if seconds > 0 else "early", by)
