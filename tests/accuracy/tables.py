"""The README's tables of accuracy, made of the rows of a results file and nothing else."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from tests.accuracy.score import Span, Tally, ratio, spread, wilson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tests.accuracy.rows import Row

ORDER = ("black", "content_freeze", "tile_black", "tile_content_freeze", "silence", "solid_colour", "colour_bars",
         "flashes", "overexposed", "underexposed", "colour_cast", "monochrome", "letterbox", "blurred", "blocky",
         "damage", "interlaced", "dropouts", "clipping", "dead_channel", "out_of_phase", "av_out_of_sync")  # fmt: skip
POLICIES = ("all", "adaptive", "keyframes", "always")
NEITHER = "–"
NEAR = 48.13
"""dB: a picture scaled up is within a code value (RMS) of the native one, and nothing was lost that a viewer, or a
coder, would keep."""


def tables(rows: Sequence[Row]) -> str:
    """All tables as Markdown."""
    by: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by[row["row"]].append(row)
    parts = [_detectors(by["intervals"]), _apart(by["intervals"]), _upscaled(by["upscaled"]), _speaking(by["speaking"]),
             _numbers(by["number"]), _costs(by["cost"])]  # fmt: skip
    return "\n".join(part for part in parts if part)


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    made = [*lines]
    if not made:
        return ""
    return "\n".join(["| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *made)]) + "\n"


# ---- detectors of intervals


def tally(rows: Iterable[Row], spans: Callable[[Row], list[Any]], least: Callable[[Row], float]) -> Tally:
    """Faults long enough against what was found; what was found of shorter faults counts neither way. Where only
    some pictures are decoded and the times are known to seconds, any overlap is a find."""
    total = Tally()
    for row in rows:
        every = [Span(*each) for each in row["truth"]]
        truth = [true for true in every if true.seconds >= least(row) - 1e-3]
        short = [true for true in every if true not in truth] + [Span(*each) for each in row.get("optional", ())]
        said = row["said"] if spans(row) is row["found"] else [0.0] * len(spans(row))
        kept = [
            (Span(*each), at) for each, at in zip(spans(row), said, strict=True) if not _of(Span(*each), short, truth)
        ]
        share = 0.0 if row["decode"] == "keyframes" or (row["decode"] == "adaptive" and not row["least"]) else 0.5
        total.add(truth, [each for each, _ in kept], [at for _, at in kept], share)
    return total


def _of(found: Span, short: Iterable[Span], truth: Iterable[Span]) -> bool:
    """It lies at a fault too short to be promised, and at none that is."""
    return any(found.shared(true) > 0 for true in short) and not any(found.shared(true) > 0 for true in truth)


def _detectors(rows: Sequence[Row]) -> str:
    head = ("Detector", "Decoded", "Faults", "Clips", "Recall (95 %)", "Precision (95 %)", "F1",
            "F1 of FFmpeg: defaults, our durations", "Onset: mean (95 %), s", "Duration: mean (95 %), s",
            "Said after, s")  # fmt: skip
    return _table(head, [_detector(*key, group) for key, group in _grouped(rows)])


def _grouped(rows: Sequence[Row]) -> list[tuple[tuple[str, str], list[Row]]]:
    grouped: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row["detector"], row["decode"]].append(row)
    return sorted(grouped.items(), key=lambda it: (ORDER.index(it[0][0]), POLICIES.index(it[0][1])))


def _detector(detector: str, decode: str, rows: Sequence[Row]) -> list[str]:
    def least(row: Row) -> float:
        return float(row["least"])

    ours = tally(rows, lambda row: row["found"], least)
    theirs = NEITHER
    if beside := [row for row in rows if "beside" in row]:
        default = tally(beside, lambda row: row["defaults"], least)
        same = tally(beside, lambda row: _longer(row["beside"], row["least"]), least)
        theirs = f"{_three(default.f1)}, {_three(same.f1)}"
    injected = ours.found + ours.missed
    return [
        f"`{detector}`", decode, str(injected), str(len(rows)), _share(ours.found, injected),
        _share(ours.found, ours.found + ours.invented), _three(ours.f1), theirs, _errors(ours.onset, 3),
        _errors(ours.duration, 3), NEITHER if not ours.delay else f"{sum(ours.delay) / len(ours.delay):.2f}",
    ]  # fmt: skip


def _longer(spans: list[list[float]], seconds: float) -> list[list[float]]:
    return [each for each in spans if each[1] - each[0] >= seconds - 0.001]


def _apart(rows: Sequence[Row]) -> str:
    """Where ours and FFmpeg's differ most: contents that move and contents with stills."""
    lines = []
    for (detector, decode), group in _grouped([row for row in rows if "standing" in row]):
        for name, standing in (("moving", False), ("slides, stills, static camera", True)):
            some = [row for row in group if row["standing"] is standing]
            counts = [
                tally(some, spans, lambda row: float(row["least"])).invented
                for spans in (lambda r: r["found"], lambda r: r["defaults"],
                              lambda r: _longer(r["beside"], r["least"]))
            ]  # fmt: skip
            lines.append([f"`{detector}`", decode, name, str(len(some)), *map(str, counts)])
    head = ("False alarms", "Decoded", "Content", "Clips", "Ours", "FFmpeg, defaults", "FFmpeg, our durations")
    return _table(head, lines)


# ---- the rest


def _upscaled(rows: Sequence[Row]) -> str:
    lines = []
    for height in sorted({row["size"][1] for row in rows}):
        every = [row for row in rows if row["truth"] and row["size"][1] == height]
        scaled = [row for row in every if row["near"] <= NEAR]
        native = [row for row in rows if not row["truth"] and row["size"][1] == height]
        hits = sum(any(abs(told - row["truth"]) <= 2 for told in row["told"]) for row in scaled)
        soon = sum(
            any(abs(told - row["truth"]) <= 2 and at <= 10.0 for told, at in zip(row["told"], row["said"], strict=True))
            for row in scaled
        )
        false = sum(bool(row["told"]) for row in native)
        rate = f"{scaled[0]['bitrate'] / 1e6:.0f} Mb/s" if scaled else NEITHER
        lines.append([f"{height}p, {rate}", str(len(scaled)), _share(hits, len(scaled)), _share(soon, len(scaled)),
                      str(len(every) - len(scaled)), f"{false} of {len(native)}"])  # fmt: skip
    head = ("`upscaled`", "Scaled clips", "Right source height (95 %)", "within 10 s of video", "Had nothing to lose",
            "False alarms on native clips")  # fmt: skip
    return _table(head, lines)


def _speaking(rows: Sequence[Row]) -> str:
    lines = []
    for measure in dict.fromkeys(row["measure"] for row in rows):
        every = [row for row in rows if row["measure"] == measure]
        for name, some in (("in step with the sound", [row for row in every if row["late"] is not None]),
                           ("nothing to do with the sound", [row for row in every if row["late"] is None]),
                           ("together", every)):  # fmt: skip
            errors = [error for row in some for error in row["errors"]]
            wrong = sum(error is None or abs(error) > row["limit"] for row in some for error in row["errors"])
            known = [error for error in errors if error is not None]
            windows = sum(row["windows"] for row in some)
            lines.append([measure, name, str(windows), str(len(errors)), f"{wrong} ({_percent(wrong, len(errors))})",
                          _errors(known, 1, " ms")])  # fmt: skip
    head = ("Measure", "Pictures' events", "Windows of 10 s", "Spoke in", "Wrongly", "Error: mean (95 %)")
    return _table(head, lines)


def _numbers(rows: Sequence[Row]) -> str:
    grouped: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row["measure"]].append(row)
    lines = []
    for measure, group in sorted(grouped.items(), key=lambda it: _natural(it[0])):
        errors = [row["ours"] - row["truth"] for row in group if row["ours"] is not None]
        unit, oracle = f" {group[0]['unit']}", group[0].get("oracle", "injected")
        worst = f"{max(map(abs, errors)):.3f}{unit}" if errors else NEITHER
        lines.append([measure, oracle, str(len(group)), str(len(errors)), _errors(errors, 3, unit), worst])
    return _table(("Number", "Truth", "Asked", "Told", "Error: mean (95 %)", "Largest"), lines)


def _natural(name: str) -> tuple[str, bool]:
    plain = name.replace(" by stamp", "").replace(": av-drift-detector", "")
    return plain, "av-drift" in name


def _costs(rows: Sequence[Row]) -> str:
    lines = [[f"`{row['look']}`", str(row["calls"]), f"{row['mean']:.3f}", f"{row['p99']:.2f}", f"{row['worst']:.2f}"]
             for row in sorted(rows, key=lambda row: -row["mean"])]  # fmt: skip
    return _table(("CPU of a look, 1080p30", "Calls", "ms a picture", "p99 of a call, ms", "Worst, ms"), lines)


# ---- figures


def _three(value: float | None) -> str:
    return NEITHER if value is None else f"{value:.3f}"


def _share(part: int, whole: int) -> str:
    if not whole:
        return NEITHER
    low, high = wilson(part, whole)
    return f"{_three(ratio(part, whole))} ({low:.3f} to {high:.3f})"


def _percent(part: int, whole: int) -> str:
    return NEITHER if not whole else f"{100 * part / whole:.1f} %"


def _errors(errors: Sequence[float], digits: int, unit: str = "") -> str:
    found = spread(errors)
    if found is None:
        return NEITHER
    mean, low, high = (f"{value:+.{digits}f}" for value in found)
    return f"{mean}{unit} ({low} to {high})"
