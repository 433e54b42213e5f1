"""Sound: silences, dropouts, clipping, a dead channel, inverted phase, and loudness beside ebur128."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qoe_agent.probes.sound import WINDOW, Sounds
from tests.accuracy import faults_sound as faults
from tests.accuracy.clips import RATE, encode
from tests.accuracy.contents import dice, pick
from tests.accuracy.oracles import ebur128, silencedetect
from tests.accuracy.rows import Row, first_sound, found, intervals, promised, watched
from tests.accuracy.rows import number as value
from tests.accuracy.score import Span

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.accuracy.faults_sound import Flaw, Samples

CODINGS = (("aac", 128_000), ("aac", 96_000), ("aac", 64_000), ("opus", 64_000), ("aac", 32_000))
GOOD = CODINGS[:4]
"""Of these a coded sound still has the fault: at 32 kb/s both channels become much alike, and tops round."""
PROBE = Sounds()
"""Its defaults say from which number of dropouts in WINDOW, and which seconds of them, on they are an incident."""
LIGHTLY = 0.01
"""Share of the samples of the median second, cut off, below which clipping need not be found."""
LENGTHS = (0.52, 0.6, 0.8, 1.0, 1.5, 2.0, 2.5, 3.0)


def content(random: np.random.Generator, seconds: float) -> tuple[str, Samples]:
    """Talk, music or a film's sound, stereo, between −14 and −1 dB of full scale at its loudest."""
    name, seed = pick(random, ("talk", "music", "film")), int(random.integers(1 << 30))
    made = {
        "talk": lambda: faults.talk(seconds, seed),
        "music": lambda: faults.music(seconds, seed),
        "film": lambda: faults.film(seconds),
    }[name]()
    if name == "film":  # its pauses are digital silence, which is no fault that was put there
        made += np.random.default_rng(seed).normal(0.0, 10 ** (-52 / 20), made.shape).astype(np.float32)
    peak = 10 ** (float(random.uniform(-14, -1)) / 20)
    return name, np.asarray(made / np.abs(made).max() * peak, np.float32)


def silences(number: int, folder: Path) -> list[Row]:
    """40 s with about ten silences, digital or noise at −84 to −76 dBFS, or noise at −50 dBFS, which is none."""
    random = dice("silence", number)
    name, samples = content(random, 40.0)
    flaws, at = [], float(random.uniform(1.0, 2.0))
    while at < 36.0:
        length = round(pick(random, LENGTHS), 3)
        kind = pick(random, ("digital", "quiet", "audible"), (0.5, 0.4, 0.1))
        level, seed = float(random.uniform(-84, -76)), int(random.integers(1 << 30))
        change = {"digital": faults.zeros(), "quiet": faults.hush(level, seed), "audible": faults.hush(-50.0, seed)}
        flaws.append((kind, faults.Flaw(at, at + length, change[kind])))
        at += length + float(random.uniform(1.0, 2.5))
    for _, flaw in flaws:
        samples = flaw.into(samples)
    path, facts = _coded(random, folder, f"silence_{number}", name, samples, CODINGS)
    seen = watched(path, "audio", "all", {"audio": {"silence": 0.5}})
    held = found(seen, "silence", first_sound(seen), 40.0)
    truth = [flaw.truth for kind, flaw in flaws if kind != "audible"]
    beside = silencedetect(path), silencedetect(path, 0.5)
    return [intervals("silence", "always", truth, held, promised("all", 0.0), facts, beside)]


def flawed(number: int, folder: Path) -> list[Row]:
    """50 s with one kind of fault, or none; a row for each detector, which may be wrong of the others' faults."""
    random = dice("flawed", number)
    name, samples = content(random, 50.0)
    kind = pick(random, ("dropouts", "clipping", "dead_channel", "out_of_phase", ""))
    truth: list[Span] = []
    optional: list[Span] = []
    if kind:
        flaws, truth = _flaws(random, kind)
        if kind == "dropouts":
            truth, optional = _noticed([flaw.truth for flaw in flaws if faults.loud(samples, flaw.truth)])
        for flaw in flaws:
            samples = flaw.into(samples)
        if kind == "clipping" and faults.cut(samples, truth[0]) < LIGHTLY:
            truth, optional = optional, truth
    path, facts = _coded(random, folder, f"flawed_{number}", name, samples, GOOD)
    seen = watched(path, "sound", "all")
    origin, rows = first_sound(seen), []
    for detector in ("dropouts", "clipping", "dead_channel", "out_of_phase"):
        held = found(seen, detector, origin, 50.0)
        mine = (truth, optional) if detector == kind else ([], [])
        rows.append(intervals(detector, "always", mine[0], held, 0.0, facts, optional=mine[1]))
    return rows


def _noticed(holes: Sequence[Span]) -> tuple[list[Span], list[Span]]:
    """Holes in what is heard, those within WINDOW together; and the groups that are too few and too short to be told
    of."""
    groups: list[list[Span]] = []
    for hole in holes:
        if groups and hole.start - groups[-1][-1].end <= WINDOW:
            groups[-1].append(hole)
        else:
            groups.append([hole])
    spans: tuple[list[Span], list[Span]] = ([], [])
    for group in groups:
        lately = [[each for each in group if 0.0 <= last.end - each.end <= WINDOW] for last in group]
        told = any(len(few) >= PROBE.dropouts or sum(each.seconds for each in few) >= PROBE.dropped for few in lately)
        spans[not told].append(Span(group[0].start, group[-1].end))
    return spans


def _flaws(random: np.random.Generator, kind: str) -> tuple[list[Flaw], list[Span]]:
    """Changes, and what should be found: from the first fault to the last."""
    begin = float(random.uniform(8.0, 14.0))
    end = begin + float(random.uniform(14.0, 22.0))
    if kind == "dropouts":
        holes = np.arange(begin, end, float(random.uniform(1.0, 2.5)))
        length = float(pick(random, (0.02, 0.04, 0.08, 0.15, 0.3)))
        return [faults.Flaw(float(at), float(at) + length, faults.zeros()) for at in holes], [
            Span(float(holes[0]), float(holes[-1]) + length)
        ]
    change = {
        "clipping": faults.clipped(float(random.uniform(8.0, 16.0))),
        "dead_channel": faults.dead(int(random.integers(2)), float(pick(random, (-90.0, -80.0)))),
        "out_of_phase": faults.inverted(),
    }[kind]
    return [faults.Flaw(begin, end, change)], [Span(begin, end)]


def loudness(number: int, folder: Path) -> list[Row]:
    """25 s with levels that change, beside FFmpeg's ebur128 over the same file: MPEG-TS, whose readers all hear what an
    encoder puts before the sound; blocks of 0.4 s that lie elsewhere would pass the gates elsewhere."""
    random = dice("loudness", number)
    name, samples = content(random, 25.0)
    for at in (5.0, 12.0, 18.0):
        samples = faults.Flaw(at, at + 6.0, faults.gain(float(random.uniform(-20, 0)))).into(samples)
    path, bitrate = folder / f"loudness_{number}.ts", pick(random, (32_000, 64_000, 96_000, 128_000))
    if not path.exists():
        pictures = (np.zeros((36, 64, 3), np.uint8) for _ in range(125))
        part = path.with_suffix(".part.ts")
        encode(part, pictures, 5.0, audio=np.clip(samples, -1, 1), sound_bitrate=bitrate).rename(path)
    facts: dict[str, Any] = {"content": name, "codec": "aac", "bitrate": bitrate, "clip": path.name}
    seen, theirs = watched(path, "loudness", "all"), ebur128(path)
    rows = []
    last = theirs[-1][1]
    ours = seen.gauges.get(("qoe_loudness_lufs", "integrated"))
    rows.append(value("loudness, integrated", ours, last["I"], facts | {"unit": "LU", "oracle": "ebur128"}))
    peak = seen.gauges.get(("qoe_true_peak_ratio",))
    true = max(v for _, told in theirs for k, v in told.items() if k.startswith("true_peaks_ch"))
    decibels = None if not peak else 20 * float(np.log10(peak))
    facts = facts | {"unit": "dB", "oracle": "ebur128"}
    rows.append(value("true peak", decibels, 20 * float(np.log10(true)), facts))
    return rows


def _coded(
    random: np.random.Generator,
    folder: Path,
    clip: str,
    name: str,
    samples: Samples,
    codings: Sequence[tuple[str, int]],
) -> tuple[Path, dict[str, Any]]:
    codec, bitrate = pick(random, codings)
    path = folder / f"{clip}.{faults.ENCODERS[codec][1]}"
    if not path.exists():
        part = faults.coded(folder, f"{clip}.part", np.clip(samples, -1.0, 1.0), codec, bitrate)
        part.rename(path)
    return path, {"content": name, "codec": codec, "bitrate": bitrate, "clip": path.name, "rate": RATE}
