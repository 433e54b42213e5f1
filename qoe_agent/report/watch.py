"""What `qoe-agent watch` found, as its JSON document (a contract: see the README) and as JUnit XML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from qoe_agent import clock
from qoe_agent.maths.urls import redact
from qoe_agent.verdict import LIMITED, Verdict, judge

if TYPE_CHECKING:
    from qoe_agent.visit import Visit


def decide(visit: Visit) -> Verdict:
    """The verdict on a visit by its stream's thresholds."""
    joined = visit.joined
    lost = f"{visit.lost.reason}, {visit.lost.detail}".strip(", ") if visit.lost else ""
    return judge(
        visit.stream.thresholds,
        media=visit.media,
        lost=lost,
        startup=joined.startup if joined else None,
        incidents=visit.board.incident_objects(visit.key),
    )


def document(visit: Visit) -> dict[str, Any]:
    """The whole visit in plain JSON values."""
    verdict = decide(visit)
    return {
        "url": redact(visit.stream.url),
        "started": clock.wall(visit.started),
        "seconds": visit.seconds,
        "verdict": verdict.word,
        "reasons": list(verdict.reasons),
        "stream": describe(visit),
        "metrics": visit.metrics(),
        "incidents": visit.board.incident_objects(visit.key),
    }


def describe(visit: Visit) -> dict[str, Any]:
    """What the stream is, as far as it is known; unknown keys are absent."""
    video = next((form for form in visit.formats.values() if form.kind == "video"), None)
    audio = next((form for form in visit.formats.values() if form.kind == "audio"), None)
    found: dict[str, Any] = {"protocol": visit.protocol}
    if video:
        found |= {
            "width": visit.picture.width if visit.picture else video.width,
            "height": visit.picture.height if visit.picture else video.height,
            "codec": video.codec,
            "profile": video.profile,
            "level": video.level,
            "pixel_format": visit.picture.pixel_format if visit.picture else video.pixel_format,
            "frame_rate": _rounded(_measured(visit, "qoe_frame_rate", basis="measured") or video.frame_rate),
        }
    if audio:
        found |= {"audio_codec": audio.codec, "sample_rate": audio.sample_rate, "channels": audio.channels}
    return {key: value for key, value in found.items() if value is not None}


def _rounded(rate: float | None) -> float | None:
    """A rate without the noise of its arithmetic; 30000/1001 is 29.97003."""
    return None if rate is None else round(rate, 5)


def _measured(visit: Visit, name: str, **labels: str) -> float | None:
    for one in visit.metrics():
        if one["name"] == name and labels.items() <= one["labels"].items():
            value: float = one["value"]
            return value
    return None


def junit(visit: Visit) -> bytes:
    """A test suite with one case a threshold, for CI systems."""
    verdict = decide(visit)
    cases = ["media", "startup", "lost", *LIMITED]
    words = {"media": "no media", "lost": "lost", **{kind: kind.replace("_", " ") for kind in LIMITED}}
    failures = {case: [reason for reason in verdict.reasons if words.get(case, case) in reason] for case in cases}
    failures["startup"] += [reason for reason in verdict.reasons if "could be decoded" in reason]
    suite = ElementTree.Element(
        "testsuite",
        name=f"qoe-agent watch {redact(visit.stream.url)}",
        tests=str(len(cases)),
        failures=str(sum(bool(reasons) for reasons in failures.values())),
        time=f"{visit.seconds:.3f}",
    )
    for case in cases:
        element = ElementTree.SubElement(suite, "testcase", classname="qoe", name=case)
        if failures[case]:
            ElementTree.SubElement(element, "failure", message="; ".join(failures[case]))
    ElementTree.indent(suite)
    return bytes(ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True))
