"""Graphs of FFmpeg's filters that score pairs of frames: which frames of either side are kept, and what sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qoe_agent.compare.space import DEINTERLACED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from qoe_agent.compare.shapes import Run

PLAIN = ("psnr", "ssim", "xpsnr")
"""Filters that every FFmpeg has."""
PAIRED = "shortest=1:repeatlast=0"


@dataclass(frozen=True, slots=True)
class Kept:
    """Frames of one input: `frames` of them from `first` on, every `step`-th."""

    first: int
    frames: int
    step: int

    @property
    def last(self) -> int:
        return self.first + (self.frames - 1) * self.step


def kept(runs: Sequence[Run]) -> tuple[list[Kept], list[Kept]]:
    """The frames of the reference, and those of the test; runs that go on where one ended are joined."""
    sides = (
        [Kept(run.reference, run.frames, run.reference_step) for run in runs],
        [Kept(run.test, run.frames, run.test_step) for run in runs],
    )
    return _joined(sides[0]), _joined(sides[1])


def _joined(parts: Sequence[Kept]) -> list[Kept]:
    whole: list[Kept] = []
    for part in parts:
        before = whole[-1] if whole else None
        if before and part.first == before.last + before.step and (part.step == before.step or part.frames == 1):
            whole[-1] = Kept(before.first, before.frames + part.frames, before.step)
        else:
            whole.append(part)
    return whole


def selecting(parts: Sequence[Kept], skipped: int = 0) -> str:
    """An expression of n, true for the frames of `parts` (rising) of an input whose first `skipped` do not arrive.

    A tree that is halved at each place, so that thousands of runs cost a dozen comparisons a frame.
    """
    if len(parts) > 1:
        half = len(parts) // 2
        lower, upper = selecting(parts[:half], skipped), selecting(parts[half:], skipped)
        return f"if(lt(n,{parts[half].first - skipped}),{lower},{upper})"
    first, last, step = parts[0].first - skipped, parts[0].last - skipped, parts[0].step
    within = f"eq(n,{first})" if first == last else f"between(n,{first},{last})"
    return within if step == 1 or first == last else f"{within}*not(mod(n-{first},{step}))"


def side(parts: Sequence[Kept], rate: Fraction, filters: str, skipped: int = 0) -> str:
    """From an input's pictures to those that are compared, `rate` a second, the k-th at k / `rate`."""
    # What looks at neighbouring frames comes before frames are taken away.
    early, late = "", filters
    if filters.startswith(DEINTERLACED):
        early, late = f"{DEINTERLACED},", filters.removeprefix(DEINTERLACED).lstrip(",")
    # `trim` ends the decoding where nothing more is needed, `fps` tells XPSNR the rate.
    numbered = f"trim=end_frame={sum(part.frames for part in parts)},settb={rate.denominator}/{rate.numerator},setpts=N"
    chain = f"{early}select='{selecting(parts, skipped)}',{numbered},fps={rate.numerator}/{rate.denominator}"
    return chain + (f",{late}" if late else "")


def vmaf(test: str, reference: str, options: str, samples: str) -> str:
    """A graph that scores by libvmaf; `samples` is their format, which it must know: none that is grey."""
    return (
        f"[0:V]{test},format={samples}[t];[1:V]{reference},format={samples}[r];"
        f"[t][r]libvmaf={options}:log_fmt=csv:log_path=vmaf.csv:{PAIRED}[vmaf]"
    )


def plain(test: str, reference: str, metrics: Sequence[str], thumbs: bool) -> str:
    """A graph for PSNR, SSIM and XPSNR in the samples' own depth, and for fingerprints side by side."""
    uses = [*metrics, *(["thumbs"] if thumbs else [])]
    chains = [
        f"[{number}:V]{chain},split={len(uses)}" + "".join(f"[{name}{number}]" for name in uses)
        for number, chain in enumerate((test, reference))
    ]
    for name in metrics:
        # XPSNR takes its weights from what is on its first input.
        pads = "[xpsnr1][xpsnr0]" if name == "xpsnr" else f"[{name}0][{name}1]"
        chains.append(f"{pads}{name}={PAIRED},metadata=print:file={name}.txt[{name}]")
    if thumbs:
        small = "extractplanes=y,scale=32:18:flags=area,format=gray"
        chains += [
            f"[thumbs0]{small}[small0]",
            f"[thumbs1]{small}[small1]",
            "[small0][small1]hstack=shortest=1[thumbs]",
        ]
    return ";".join(chains)
