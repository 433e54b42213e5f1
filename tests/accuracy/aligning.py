"""Alignment by content against the truth, on random programmes: `python -m tests.accuracy.aligning [cases] [seed]`.

Each case draws a programme (tests/accuracy/shots.py), where the test starts in it, what was dropped, shown twice or
changed in rate, how its pictures were cut, framed, lit and scaled, and how badly it was encoded; the test really is
encoded and decoded. The offset is right where at least half of the pairs, and of the first twelve, show the same
picture, but for grain; an answer is `right` where nine tenths of them do, `partly` where fewer do (a dropped frame was
not seen, or seen late), `wrong` where the offset is; else no answer was given, and the reason is. Programmes of one
shot of which most frames look like the next, by that measure, have a row of their own: they are not among what moves.
So do those that were cropped, and whose frames look like the next once a constant movement is taken off: nothing tells
which of the two a crop shows (tests/accuracy/pans.py).
"""

from __future__ import annotations

import itertools
import re
import sys
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np

from qoe_agent.compare import crop, thumbs
from qoe_agent.compare.aligning import content, pairing
from qoe_agent.compare.aligning.clocks import Side
from qoe_agent.compare.shapes import Unlike
from tests.accuracy import pans
from tests.accuracy.score import wilson
from tests.accuracy.shots import HEIGHT, MOVING, STILL, WIDTH, filmed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Plane = NDArray[np.uint8]
    Dice = np.random.Generator

CODECS = (("libx264", "veryfast", "crf", (18, 42)), ("libx264", "ultrafast", "crf", (18, 40)),
          ("libx265", "ultrafast", "crf", (18, 40)), ("mpeg2video", "", "qscale", (2, 31)))  # fmt: skip
FINER = 4
"""Parts of a side of a fingerprint's areas, as `compare` takes them of short files."""
SAME = 0.35
"""Mean difference in codes at which two frames of the reference, without their grain, show the same."""
CUT = 3.0
"""Mean difference at which a shot begins."""
HARDLY = "hardly moving"
"""Of any kind that moves, programmes most of whose frames look like the next, without cuts."""
PAN = "even pan, cropped"
"""Of any kind, programmes of one shot that a crop elsewhere shows as well a frame later."""
MOST = 0.9
"""Share of the pairs that must show the same."""
STEP = 32.0
"""Step of a quantiser, in codes, up to which coding is moderate: that of H.264 and HEVC at 34, of MPEG-2 at 16."""
TOTALS = ("all moving", "all up to CRF 34", "all above CRF 34", "all still or looped")
"""Rows that add up others; of what moves, the second and third are parts of the first."""


@dataclass(frozen=True)
class Answer:
    """What came of a case."""

    number: int
    kind: str
    what: str
    outcome: str
    share: float
    said: str


def edited(dice: Dice, count: int, still: bool) -> tuple[list[int], float, Fraction, Fraction, str]:
    """Which frame of the reference each of the test's shows; its rate over the reference's; both rates; words."""
    ours = Fraction(int(dice.choice([25, 30, 50])))
    start = int(dice.integers(0, count // 2)) if dice.random() < 0.75 else 0
    length = count - start if dice.random() < 0.5 else int(dice.integers(min(70, count - start), count - start + 1))
    frames = list(range(start, start + length))
    said = [f"from {start}"]
    if not still and dice.random() < 0.4:
        for _ in range(int(dice.integers(1, 5))):
            at, many = int(dice.integers(1, len(frames) - 2)), int(dice.choice([1, 1, 1, 2, 5, 15]))
            what = str(dice.choice(["drop", "dup", "freeze"]))
            said.append(f"{what} {many} at {at}")
            if what == "drop":
                del frames[at : at + many]
            elif what == "dup":
                frames[at:at] = [frames[at - 1]] * many
            else:
                frames[at : at + many] = [frames[at - 1]] * len(frames[at : at + many])
            if len(frames) < 40:
                break
    theirs = ours
    draw = dice.random()
    if draw < 0.3:
        theirs = ours * Fraction(str(dice.choice(["1/2", "2", "6/5", "4/5", "5/6", "1000/1001", "5/4"])))
        number = int(len(frames) * theirs / ours)
        frames = [frames[min(len(frames) - 1, int(n * ours / theirs))] for n in range(number)]
        said.append(f"{ours} to {theirs}")
    elif draw < 0.36:
        theirs = ours * Fraction(str(dice.choice(["25/24", "24/25", "1001/1000"])))
        said.append(f"speed {ours} to {theirs}")
    return frames, float(theirs / ours), theirs, ours, ", ".join(said)


def spoiled(dice: Dice, pictures: list[Plane]) -> tuple[list[Plane], str]:
    """The pictures cut, framed, lit, marked and scaled."""
    said = []
    cut = (0, 0, WIDTH, HEIGHT)
    if dice.random() < 0.3:
        left, right, top, bottom = (int(v) for v in dice.uniform(0, 0.05, 4) * (WIDTH, WIDTH, HEIGHT, HEIGHT))
        cut = (left, top, WIDTH - right, HEIGHT - bottom)
        said.append(f"crop {left} {right} {top} {bottom}")
    bars = (0, 0)
    if dice.random() < 0.2:
        bars = (0, int(dice.integers(8, 26))) if dice.random() < 0.6 else (int(dice.integers(10, 45)), 0)
        said.append(f"bars {bars}")
    gain, lift, gamma = 1.0, 0.0, 1.0
    if dice.random() < 0.4:
        gain, lift, gamma = dice.uniform(0.8, 1.17), dice.uniform(-15, 15), dice.uniform(0.85, 1.2)
        said.append(f"levels {gain:.2f} {lift:.0f} {gamma:.2f}")
    logo = (int(dice.integers(10, 270)), int(dice.integers(8, 150))) if dice.random() < 0.25 else None
    size = [(320, 180), (256, 144), (640, 360), (160, 90)][int(dice.choice(4, p=[0.5, 0.2, 0.1, 0.2]))]
    noise = float(dice.uniform(1, 5)) if dice.random() < 0.15 else 0.0
    said += [f"logo {logo}"] * bool(logo) + [f"size {size[0]}"] + [f"noise {noise:.1f}"] * bool(noise)
    curve = np.clip((np.arange(256) / 255) ** gamma * 255 * gain + lift, 0, 255).astype(np.uint8)
    out = []
    for picture in pictures:
        plane = curve[picture[cut[1] : cut[3], cut[0] : cut[2]]]
        if noise:
            plane = np.clip(plane + dice.normal(0, noise, plane.shape), 0, 255).astype(np.uint8)
        inner = (WIDTH - 2 * bars[0], HEIGHT - 2 * bars[1])
        plane = cv2.resize(plane, inner, interpolation=cv2.INTER_AREA)
        plane = cv2.copyMakeBorder(plane, bars[1], bars[1], bars[0], bars[0], cv2.BORDER_CONSTANT, value=16)
        if logo:
            cv2.rectangle(plane, logo, (logo[0] + 40, logo[1] + 18), 225, -1)
        out.append(cv2.resize(plane, size, interpolation=cv2.INTER_AREA))
    return out, ", ".join(said)


def encoded(
    dice: Dice, pictures: list[Plane], rate: Fraction
) -> tuple[NDArray[np.uint8], NDArray[np.bool_], tuple[tuple[float, float], tuple[bool, bool]], str]:
    """Fingerprints of the pictures after an encoder and a decoder; which are coded by themselves; how bars were cut."""
    name, preset, knob, (low, high) = CODECS[int(dice.choice(4, p=[0.5, 0.2, 0.2, 0.1]))]
    level = float(dice.uniform(low, high))
    maker = av.CodecContext.create(name, "w")
    maker.height, maker.width = pictures[0].shape
    rate = rate if knob == "crf" else Fraction(25)
    maker.pix_fmt, maker.time_base, maker.framerate = "yuv420p", 1 / rate, rate
    maker.gop_size = int(dice.choice([12, 50, 250]))
    if knob == "crf":
        maker.options = {"preset": preset, "crf": f"{level:.1f}", "x265-params": "log-level=none:pools=1"}
        if name == "libx264":
            maker.options = {"preset": preset, "crf": f"{level:.1f}", "threads": "1"}
    else:
        maker.qmin = maker.qmax = int(level)
    reader = av.CodecContext.create({"libx264": "h264", "libx265": "hevc"}.get(name, name), "r")
    found = []
    grey = np.full((-(-pictures[0].shape[0] // 4) * 2, pictures[0].shape[1]), 128, np.uint8)[
        : pictures[0].shape[0] // 2
    ]
    for n, picture in enumerate([*pictures, None]):
        frame = None
        if picture is not None:
            frame = av.VideoFrame.from_ndarray(np.concatenate([picture, grey]), "yuv420p")
            frame.pts = n
        for packet in maker.encode(frame):
            found += [(thumbs.luma(each).copy(), thumbs.fresh(each)) for each in reader.decode(packet)]
    found += [(thumbs.luma(each).copy(), thumbs.fresh(each)) for each in reader.decode(None)]
    intra = np.array([each for _, each in found])
    planes = [each for each, _ in found]
    ours, whole = crop.inside(planes[:: len(planes) // 8]), crop.Active(0, WIDTH, 0, HEIGHT, WIDTH, HEIGHT)
    width, height, x, y = (crop.unequal(ours, whole).test if ours else None) or (*planes[0].shape[::-1], 0, 0)
    return (
        np.stack([thumbs.shrunk(each[y : y + height, x : x + width], finer=FINER) for each in planes]),
        intra,
        (crop.aside(box := (width, height, x, y), *planes[0].shape[::-1]), crop.barred(box, *planes[0].shape[::-1])),
        f"{name} {preset} {level:.0f} gop {maker.gop_size}",
    )


def made(number: int, seed: int) -> tuple[str, content.Prints, content.Prints, list[int], list[Plane], str]:
    """A case: its kind, the test, the reference, the truth, the reference's pictures without grain, words on it all."""
    dice = np.random.default_rng((seed, number))
    kinds = (*MOVING, *MOVING, *STILL)
    kind = kinds[number % len(kinds)]
    count = 132 if kind == "bunny" else int(dice.integers(110, 330))
    pictures, clean = filmed(dice, kind, count)
    truth, _, new, old, said = edited(dice, len(pictures), kind in STILL)
    shown, spoil = spoiled(dice, [pictures[n] for n in truth])
    luma, intra, cut, codec = encoded(dice, shown, new)
    assert len(luma) == len(truth), f"{len(luma)} decoded of {len(truth)}: {codec}"
    reference = np.stack([thumbs.shrunk(each, finer=FINER) for each in pictures])
    sides = (Side(np.arange(n) / float(rate), rate, True) for n, rate in ((len(luma), new), (len(pictures), old)))
    ours, theirs = sides
    tested = content.Prints(luma, ours, intra, *cut)
    against = content.Prints(reference, theirs, np.ones(len(reference), bool))
    return kind, tested, against, truth, clean, f"{said}; {spoil}; {codec}"


def case(number: int, seed: int) -> Answer:
    """One case, from its numbers to its outcome."""
    kind, tested, against, truth, pictures, what = made(number, seed)
    if kind in MOVING:
        kind = _apart(pictures[min(truth) : max(truth) + 1], "crop" in what) or kind
    try:
        found = content.find(tested, against)
    except Unlike as why:
        words = str(why)
        outcome = "ambiguous" if any(w in words for w in ("ambiguous", "alike;", "any offset")) else "refused"
        return Answer(number, kind, what, outcome, 0.0, words)
    laid = pairing.paired(found.frames, found.certain)
    off = np.array([j - truth[i] for i, j in zip(laid.test, laid.reference, strict=True)])
    same = [
        o == 0 or unlike(pictures[truth[i]], pictures[truth[i] + o]) < SAME for i, o in zip(laid.test, off, strict=True)
    ]
    share = float(np.mean(same))
    offset = share >= 0.5 and np.mean(same[:12]) >= 0.5
    outcome = ("right" if share >= MOST else "partly") if offset else "wrong"
    frame = [round(v, 3) for v in found.frame]
    said = f"{found.reading} margin {found.margin:.0f} frame {frame} off {dict(Counter(off.tolist()))}"
    return Answer(number, kind, what, outcome, share, said)


def _apart(shown: list[Plane], cropped: bool) -> str | None:
    """The row of a programme of one shot that cannot be told from itself a frame later."""
    if _alike([unlike(one, other) for one, other in itertools.pairwise(shown)]):
        return HARDLY
    return PAN if cropped and _alike(pans.carried(shown)) else None


def _alike(apart: Sequence[float] | NDArray[np.float64]) -> bool:
    """Whether most frames look like the next, and nowhere another shot begins."""
    return bool(np.median(apart) < SAME and max(apart) < CUT)


def unlike(one: Plane, other: Plane) -> float:
    """By how much two frames of the reference differ, on the mean, in codes."""
    return float(np.abs(pans.softened(one) - pans.softened(other)).mean())


def _case(job: tuple[int, int]) -> Answer:
    cv2.setNumThreads(1)
    return case(*job)


def hard(what: str) -> bool:
    """Whether a test was coded in coarse steps, from the words on its case."""
    codec, level = re.findall(r"(\w+) \w* (\d+) gop", what)[0]
    return (2 * int(level) if codec == "mpeg2video" else 2 ** ((int(level) - 4) / 6)) > STEP


def _totals(one: Answer) -> tuple[str, ...]:
    """Those that a case adds to."""
    if one.kind in MOVING:
        return TOTALS[0], TOTALS[2 if hard(one.what) else 1]
    return TOTALS[3:] if one.kind in STILL else ()


def tell(answers: list[Answer]) -> str:
    """The table: outcomes by kind, with intervals for the whole."""
    by: dict[str, Counter[str]] = defaultdict(Counter)
    for each in answers:
        for row in (each.kind, *_totals(each)):
            by[row][each.outcome] += 1
    rows = [f"{'kind':20}{'cases':>6}{'right':>7}{'ambiguous':>11}{'refused':>9}{'partly':>8}{'wrong':>7}"]
    for kind in (*MOVING, HARDLY, PAN, *STILL, *TOTALS):
        counts = by[kind]
        rows.append(f"{kind:20}{sum(counts.values()):6}{counts['right']:7}{counts['ambiguous']:11}"
                    f"{counts['refused']:9}{counts['partly']:8}{counts['wrong']:7}")  # fmt: skip
        if kind.startswith("all") and (total := sum(counts.values())):
            rows += [f"    {name}: {counts[name] / total:.1%} ({low:.1%} to {high:.1%})"
                     for name in ("right", "ambiguous", "refused", "partly", "wrong")
                     for low, high in [wilson(counts[name], total)]]  # fmt: skip
    shares = [each.share for each in answers if each.share]
    if shares:
        rows.append(f"pairs that show the same picture, where an answer was given: {np.mean(shares):.2%}; "
                    f"all of them in {np.mean([s == 1 for s in shares]):.1%} of cases")  # fmt: skip
    return "\n".join(rows)


def main(arguments: list[str]) -> None:
    """Run the cases on two processes and print what came of them."""
    cases, seed = (int(each) for each in (*arguments, *("500", "1")[len(arguments) :]))
    jobs: list[Any] = [(n, seed) for n in range(cases)]
    with ProcessPoolExecutor(2) as pool:
        answers = list(pool.map(_case, jobs, chunksize=4))
    wrong = [f"wrong: {each.number}, {each.kind}, {each.what}\n" for each in answers if each.outcome == "wrong"]
    sys.stdout.write(f"{tell(answers)}\n{''.join(wrong)}")


if __name__ == "__main__":
    main(sys.argv[1:])
