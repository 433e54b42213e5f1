"""FFmpeg's own filters over a file, as intervals and numbers: what ours are compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av

from tests.accuracy.score import Span

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def blackdetect(path: Path | str, seconds: float = 2.0, **options: Any) -> list[Span]:
    """Black intervals (vf_blackdetect.c; 2.0 is its default duration). It marks pictures of shorter runs as well, and
    leaves them out of its log only."""
    told = _run(path, "video", "blackdetect", {"d": seconds, **options})
    return [s for s in _spans(told, "lavfi.black_start", "lavfi.black_end") if s.seconds >= seconds - 1e-3]


def freezedetect(path: Path | str, seconds: float = 2.0, **options: Any) -> list[Span]:
    """Frozen intervals (vf_freezedetect.c; its defaults: noise 0.001, 2 s). It counts from the first frozen picture to
    the last, so that a freeze must be a picture longer than `seconds`."""
    told = _run(path, "video", "freezedetect", {"d": seconds, **options})
    return _spans(told, "lavfi.freezedetect.freeze_start", "lavfi.freezedetect.freeze_end")


def silencedetect(path: Path | str, seconds: float = 2.0, **options: Any) -> list[Span]:
    """Silent intervals (af_silencedetect.c; its defaults: −60 dB, 2 s)."""
    told = _run(path, "audio", "silencedetect", {"d": seconds, **options})
    return _spans(told, "lavfi.silence_start", "lavfi.silence_end")


def ebur128(path: Path | str) -> list[tuple[float, dict[str, float]]]:
    """(time, values) every 100 ms: M, S, I, LRA in LU(FS), true_peaks_ch0… linear (f_ebur128.c)."""
    told = _run(path, "audio", "ebur128", {"metadata": 1, "peak": "true"})
    values = [(at, {k[11:]: float(v) for k, v in keys.items() if k.startswith("lavfi.r128.")}) for at, keys in told]
    return [(at, found) for at, found in values if found]


def siti(path: Path | str) -> list[tuple[float, dict[str, float]]]:
    """(time, {si, ti}) of every picture (vf_siti.c: limited range is stretched to full)."""
    told = _run(path, "video", "siti", {})
    values = [(at, {k[-2:]: float(v) for k, v in keys.items() if k.startswith("lavfi.siti.")}) for at, keys in told]
    return [(at, found) for at, found in values if found]


def _run(path: Path | str, kind: str, name: str, options: dict[str, Any]) -> Iterator[tuple[float, dict[str, str]]]:
    """The filter's metadata by time of the frame."""
    with av.open(str(path)) as container:
        stream: Any = next(s for s in container.streams if s.type == kind)
        graph = av.filter.Graph()
        first: Any = graph.add_buffer(template=stream) if kind == "video" else graph.add_abuffer(template=stream)
        middle = graph.add(name, ":".join(f"{key}={value}" for key, value in options.items()))
        last = graph.add("buffersink" if kind == "video" else "abuffersink")
        first.link_to(middle)
        middle.link_to(last)
        graph.configure()
        at = 0.0
        for frame in [*container.decode(stream), None]:
            graph.push(frame)
            while True:
                try:
                    out: Any = graph.pull()
                except (av.error.BlockingIOError, av.error.EOFError):
                    break
                at = out.time if out.time is not None else at
                yield at, dict(out.metadata)
        yield at, {}


def _spans(told: Iterator[tuple[float, dict[str, str]]], start: str, end: str) -> list[Span]:
    spans: list[Span] = []
    opened, at = None, 0.0
    for at, keys in told:  # noqa: B007 - the last one is the end of the file
        if end in keys and opened is not None:
            spans.append(Span(opened, float(keys[end])))
            opened = None
        if start in keys and (opened is None or float(keys[start]) != opened):
            opened = float(keys[start])
    return [*spans, Span(opened, at)] if opened is not None else spans
