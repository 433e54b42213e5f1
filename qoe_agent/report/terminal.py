"""The live table of `qoe-agent watch`, and its verdict, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from qoe_agent.maths import lipsync
from qoe_agent.maths.urls import redact
from qoe_agent.report.watch import describe

if TYPE_CHECKING:
    from rich.console import RenderableType

    from qoe_agent.verdict import Verdict
    from qoe_agent.visit import Visit

METHODS = ("stamp", "sei", "rtcp", "prft", "act", "pdt", "onfi")
"""How capture times are known, in order of trust."""
ROWS = (
    ("buffer", "qoe_buffer_seconds", "s"),
    ("stalls", "qoe_stalls_total", ""),
    ("stalled", "qoe_stall_seconds_total", "s"),
    ("freezes (600 ms)", "qoe_freezes_total", ""),
    ("key frame interval", "qoe_keyframe_interval_seconds", "s"),
    ("frame rate", "qoe_frame_rate", "/s"),
    ("latency (transport)", "qoe_latency_seconds", "s"),
    ("A/V skew", "qoe_av_skew_seconds", "sound"),
    ("A/V offset", "qoe_av_offset_seconds", "sound"),
    ("drift", "qoe_stream_drift_seconds", "s"),
    ("effective height", "qoe_effective_height_pixels", ""),
    ("score (P.1203-style)", "qoe_mos", "of 5"),
    ("black", "qoe_black_seconds_total", "s"),
    ("frozen content", "qoe_content_freeze_seconds_total", "s"),
    ("silence", "qoe_silence_seconds_total", "s"),
    ("loudness", "qoe_loudness_lufs", "LUFS"),
    ("decode errors", "qoe_decode_errors_total", ""),
    ("timestamp gaps", "qoe_timestamp_gaps_total", ""),
)
"""Label, metric and unit of the live table (`sound`: told in words, late or early); a metric with several label sets
shows their sum."""
PICK = {
    "qoe_freezes_total": ({"definition": "agora_analytics_600ms", "basis": "render"},),
    "qoe_frame_rate": ({"basis": "measured"},),
    "qoe_latency_seconds": tuple({"method": method, "stage": "transport"} for method in METHODS),
    "qoe_av_offset_seconds": ({"method": "stamp"}, {"method": "events"}),
    "qoe_effective_height_pixels": ({"basis": "scaled"}, {"basis": "detail"}),
    "qoe_mos": ({"window": "60s"},),
    "qoe_loudness_lufs": ({"window": "short"},),
}
"""Where the sum over label sets would mean nothing: the first of these that is there is shown."""


def live(visit: Visit) -> RenderableType:
    """The table as it stands now."""
    table = Table(title=redact(visit.stream.url), title_justify="left", show_header=False, box=None)
    table.add_column(style="dim")
    table.add_column(justify="right")
    stream = describe(visit)
    table.add_row("watched", f"{visit.seconds:.0f} s")
    table.add_row("state", _state(visit))
    if "width" in stream:
        shape = f"{stream['width']}x{stream['height']}"
        table.add_row("picture", f"{shape} {stream['codec']} {stream.get('profile', '')}".strip())
    if "audio_codec" in stream:
        parts = [stream["audio_codec"], f"{stream['sample_rate']} Hz" if "sample_rate" in stream else ""]
        table.add_row("sound", " ".join(part for part in parts if part))
    if visit.joined and visit.joined.startup is not None:
        table.add_row("startup", f"{visit.joined.startup:.2f} s")
    metrics = visit.metrics()
    for words, name, unit in ROWS:
        found = _value(metrics, name)
        if found is not None:
            table.add_row(words, _told(found, unit))
    return Group(table, *incidents(visit))


def behind(metrics: list[dict[str, Any]]) -> str:
    """How far a stream is behind its source, and its sound beside its picture, in words; empty where unknown."""
    latency, apart = (_value(metrics, name) for name in ("qoe_latency_seconds", "qoe_av_offset_seconds"))
    late = "" if latency is None else f"{latency:.2f} s behind"
    return ", ".join(part for part in (late, "" if apart is None else lipsync.words(apart)) if part)


def _value(metrics: list[dict[str, Any]], name: str) -> float | None:
    for labels in PICK.get(name, ({},)):
        found = [one["value"] for one in metrics if one["name"] == name and labels.items() <= one["labels"].items()]
        if found:
            return float(sum(found))
    return None


def _told(value: float, unit: str) -> str:
    if unit == "sound":
        return lipsync.words(value)
    return f"{value:.2f} {unit}" if unit else f"{value:.0f}"


def _state(visit: Visit) -> Text:
    if visit.lost is not None:
        return Text(visit.lost.reason, "red")
    return Text("media flows", "green") if visit.media else Text("connecting", "yellow")


def incidents(visit: Visit) -> list[Text]:
    """The last incidents, a line each."""
    lines = []
    for one in visit.board.incident_objects(visit.key)[-8:]:
        at = one["start"] - visit.wall_started
        length = f"{one['seconds']:.2f} s" if one["end"] is not None else f"{one['seconds']:.1f} s, still open"
        style = {"critical": "bold red", "warning": "yellow"}.get(one["severity"], "cyan")
        lines.append(Text(f"  {at:7.2f} s  {one['kind'].replace('_', ' ')}  {length}", style))
    return lines


def conclusion(verdict: Verdict) -> RenderableType:
    """The last word."""
    style = {"good": "bold green", "bad": "bold yellow", "failed": "bold red"}[verdict.word]
    return Group(Text(f"verdict: {verdict.word}", style), *(Text(f"  {reason}") for reason in verdict.reasons))
