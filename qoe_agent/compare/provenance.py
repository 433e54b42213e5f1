"""By what a comparison was made: versions, models, options, hashes, filters and commands, enough to make it again."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from qoe_agent import __version__, clock
from qoe_agent.compare import cache, ffmpeg, models
from qoe_agent.compare.shapes import Unfit

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from qoe_agent.compare.shapes import Asked, Media, Tested


def versions(asked: Asked) -> dict[str, str]:
    """Of what measures; of the FFmpeg that is asked for, or of the libraries that stand in for it."""
    found = {"qoe-agent": __version__, "code": cache.code(), "pyav": av.__version__, "numpy": np.__version__}
    try:
        program = ffmpeg.program(asked.ffmpeg)
    except ffmpeg.Failed:
        raise
    except Unfit:
        if asked.ffmpeg is not None:
            raise
        return {**found, "libavfilter": ".".join(map(str, av.library_versions["libavfilter"]))}
    return {**found, "ffmpeg": program.version, "libvmaf": ffmpeg.libvmaf(program.path) or "none"}


def changed(*media: Media) -> tuple[str, ...]:
    """A note on each that is not as long as it was when it was opened: what was found is kept of none such."""
    sizes = {each.path: os.path.getsize(each.path) if os.path.exists(each.path) else 0 for each in media}
    return tuple(
        f"{each.path} changed while it was read ({each.size} bytes, then {sizes[each.path]}): compare it once whole"
        for each in media
        if sizes[each.path] != each.size
    )


def key(asked: Asked, reference: Media, test: Media, used: dict[str, str]) -> str:
    """Under which the scores of a test are kept."""
    chosen = [
        [each.name, each.version, each.options, cache.digest(each.path) if each.path else ""]
        for each in models.chosen(asked.models)
    ]
    return cache.key({
        "reference": reference.digest, "test": test.digest, "models": chosen, "versions": used,
        "more": sorted(asked.more), "plain": asked.plain, "offset": asked.offset, "crop": asked.crop,
        "scaler": asked.scaler, "sound": asked.sound,
    })  # fmt: skip


def told(
    asked: Asked, reference: Media, tests: Sequence[Tested], kept: Collection[str], used: dict[str, str], took: float
) -> dict[str, Any]:
    """All of it, as plain values. `kept`: names of tests whose scores are from the cache."""
    files = [reference, *(each.media for each in tests)]
    options = asdict(asked)
    for own in ("reference", "tests", "cache", "ffmpeg"):
        options.pop(own)
    return {
        "versions": used,
        "models": {each.name: each.version or Path(each.path).name for each in models.chosen(asked.models)},
        "options": {**options, "crop": asked.crop if isinstance(asked.crop, str) else ":".join(map(str, asked.crop))},
        "files": [{"path": each.path, "sha256": each.digest, "size_bytes": each.size} for each in files],
        "filters": {
            each.name: {"reference": each.space.reference_filters, "test": each.space.test_filters}
            for each in tests if each.space
        },
        "commands": {each.name: list(each.scores.command) for each in tests if each.scores},
        "cached": sorted(kept),
        "seconds": took,
        "at_unix_seconds": round(clock.wall(clock.now()), 3),
    }  # fmt: skip


def as_given(command: tuple[str, ...], asked: Asked, paths: Sequence[str]) -> tuple[str, ...]:
    """A command without the folders of this machine: files as the user named them, and FFmpeg by its name alone."""
    found = []
    try:
        program = ffmpeg.program(asked.ffmpeg).path
    except Unfit:
        program = ""
    for word in command:
        for path in sorted(paths, key=len, reverse=True):
            word = word.replace(os.path.abspath(path), path)
        found.append(word.replace(program, "ffmpeg") if program else word)
    return tuple(found)
