"""How the pictures of both sides come to one size, one range and one format: on the grid of the reference's pixels."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from qoe_agent.compare.shapes import Space, Unfit, Unlike

if TYPE_CHECKING:
    from qoe_agent.compare.shapes import Asked, Media, Transfer, Video

SCALERS = ("bicubic", "lanczos", "bilinear", "spline", "area", "neighbor")
CHROMA = ("420", "422", "444")
"""From least to most."""
STRETCH = 0.02
"""Relative difference of two pictures' shapes that passes for rounding."""
TURNS = {90: "transpose=clock", 180: "hflip,vflip", 270: "transpose=cclock"}
BT601, BT709 = ("bt470bg", "smpte170m"), ("bt709",)
RGB = "gbr"
HIGH = 720
"""Lines from which colours are taken to be coded by BT.709, where nothing says so."""
DEINTERLACED = "bwdif=mode=send_frame:deint=all"

Crop = tuple[int, int, int, int]


class Part(NamedTuple):
    """Which parts of both pictures lie on each other, once they are upright and without bars; None: all."""

    reference: Crop | None
    test: Crop | None
    notes: tuple[str, ...]


class _Common(NamedTuple):
    """The format of samples in which both sides are compared."""

    chroma: str
    bits: int

    @property
    def name(self) -> str:
        plain = "gray" if self.chroma == "gray" else f"yuv{self.chroma}p"
        return plain if self.bits == 8 else f"{plain}{self.bits}le"


def space(reference: Media, test: Media, asked: Asked, crop: Crop | None = None, part: Part | None = None) -> Space:
    """What FFmpeg does to either side; the reference's pixels stay where they are, and are all compared but for `part`.

    `crop` (width, height, x, y) is what is left of the test's decoded picture once its bars are cut; what is asked for
    comes first. Raises Unlike where one is HDR and the other is not, or of another kind; Unfit for a wrong option.
    """
    if asked.scaler not in SCALERS:
        raise Unfit(f"--scaler {asked.scaler}: expected one of {', '.join(SCALERS)}")
    ours, theirs = reference.video, test.video
    transfer, notes = _transfer(reference, test)
    crop = crop if asked.crop == "auto" else None if asked.crop == "off" else asked.crop
    _fits(crop, test)
    cut = part.reference if part else None
    width, height = cut[:2] if cut else _turned(ours.width, ours.height, ours.rotation)
    common, more = _common(ours, theirs)
    notes += [*more, *_colours(ours, theirs, transfer)]
    notes += [*(part.notes if part else ()), *([] if cut else _shapes(ours, theirs, crop, asked.scaler))]
    target = _coded(ours) or _coded(theirs) or ("bt709" if ours.height >= HIGH else "smpte170m")
    changes = _changes(ours, theirs, target)
    # What swscale rounds by default costs 6 dB where the matrix changes.
    scales = [f"scale={width}:{height}:flags={asked.scaler}" + ("+accurate_rnd+full_chroma_int" if change else "")
              + _levels(side, ours, theirs) + change
              for side, change in zip((ours, theirs), changes, strict=True)]  # fmt: skip
    # FFmpeg would convert by itself where one side says what the other leaves open.
    level = "full" if _range(ours) == _range(theirs) == "full" else "limited"
    last = f"format={common.name},setparams=range={level}:colorspace={target}"
    filters = [
        ",".join((*_upright(ours, None), *_cut(cut), scales[0], last)),
        ",".join((*_upright(theirs, crop), *_cut(part and part.test), scales[1], last)),
    ]
    return Space(width, height, filters[0], filters[1], asked.scaler, crop, tuple(notes), cut, common.name,
                 common.bits)  # fmt: skip


def _transfer(reference: Media, test: Media) -> tuple[Transfer, list[str]]:
    """That of both, and what is to be said of it; masters of more than 8 bits often leave it out."""
    ours, theirs = reference.video, test.video
    if ours.transfer == theirs.transfer:
        return ours.transfer, []
    for name, side, other in (("reference", ours, theirs), ("test", theirs, ours)):
        if not side.transfer_stated and side.bits > 8:
            note = f"the {name} does not say its transfer: taken for {other.transfer.upper()}, as the other is"
            return other.transfer, [note]
    raise Unlike(f"{test.path}: it is {theirs.transfer.upper()}, the reference {ours.transfer.upper()}: no number "
                 "compares them, and mapping tones would be compared instead")  # fmt: skip


def _fits(crop: Crop | None, test: Media) -> None:
    if crop is None:
        return
    width, height, x, y = crop
    if min(width, height) < 16 or min(x, y) < 0 or x + width > test.video.width or y + height > test.video.height:
        raise Unfit(f"--crop {width}:{height}:{x}:{y}: expected width:height:x:y within {test.path}'s "
                    f"{test.video.width}x{test.video.height}")  # fmt: skip


def _turned(width: int, height: int, rotation: int) -> tuple[int, int]:
    return (height, width) if rotation in (90, 270) else (width, height)


def _upright(side: Video, crop: Crop | None) -> list[str]:
    chain = [DEINTERLACED] if side.interlaced else []
    return [*chain, *_cut(crop), *([TURNS[side.rotation]] if side.rotation in TURNS else [])]


def _cut(crop: Crop | None) -> list[str]:
    # Without `exact`, odd places would move to even ones where chroma is halved.
    return ["crop={}:{}:{}:{}:exact=1".format(*crop)] if crop else []


def _levels(side: Video, ours: Video, theirs: Video) -> str:
    if _range(ours) != _range(theirs):
        return f":in_range={_range(side)}:out_range=limited"
    return ":in_range=full:out_range=full" if _range(side) == "full" else ""


def _range(side: Video) -> str:
    """Full where it is flagged or implied by the format, else limited."""
    return (
        "full" if side.range == "full" or (side.range is None and side.pixel_format.startswith("yuvj")) else "limited"
    )


def _coded(side: Video) -> str | None:
    """The matrix by which colours are coded, where they are; None where that is not known, and of RGB."""
    return None if side.matrix == RGB else side.matrix


def _changes(ours: Video, theirs: Video, target: str) -> tuple[str, str]:
    """What `scale` is told of either side's matrix: RGB is coded as the other side is, the test as the reference."""
    source, wanted = _matrix(theirs), _matrix(ours)
    both = source and wanted and source != wanted
    named = "bt601" if target in BT601 else target.removesuffix("nc")
    return (
        f":out_color_matrix={named}" if ours.matrix == RGB else "",
        f":out_color_matrix={named}" if theirs.matrix == RGB else
        f":in_color_matrix={source}:out_color_matrix={wanted}" if both else "",
    )  # fmt: skip


def _matrix(side: Video) -> str | None:
    return "bt601" if side.matrix in BT601 else "bt709" if side.matrix in BT709 else None


def _chroma(side: Video) -> str:
    name = side.pixel_format
    if name.startswith(("gray", "mono", "y8", "y16")) and name != "y210le":
        return "gray"
    for each in CHROMA:
        if each in name:
            return each
    if name.startswith(("nv12", "nv21", "p01", "yuv410", "yuv411", "yuv440")):
        return "420"
    return "422" if name.startswith(("nv16", "nv20", "p21", "y21", "yuyv", "uyvy")) else "444"


def _common(ours: Video, theirs: Video) -> tuple[_Common, list[str]]:
    """The lesser chroma and the higher depth of both."""
    kinds = [_chroma(ours), _chroma(theirs)]
    order = ("gray", *CHROMA)
    common = _Common(min(kinds, key=order.index), _bits(max(ours.bits, theirs.bits)))
    notes = []
    if kinds[0] != kinds[1]:
        shown = [each if each == "gray" else ":".join(each) for each in (*kinds, common.chroma)]
        notes.append(f"the reference's chroma is {shown[0]}, the test's {shown[1]}: both are compared as {shown[2]}")
    if ours.bits != theirs.bits:
        notes.append(
            f"the reference has {ours.bits} bits a sample, the test {theirs.bits}: compared with {common.bits}"
        )
    return common, notes


def _bits(bits: int) -> int:
    return next(each for each in (8, 10, 12, 16) if bits <= each or each == 16)


def _colours(ours: Video, theirs: Video, transfer: Transfer) -> list[str]:
    notes = []
    if _range(ours) != _range(theirs):
        full = "reference" if _range(ours) == "full" else "test"
        notes.append(f"the {full}'s samples use the full range and are brought to the limited one")
    elif _range(ours) == "full":
        notes.append("both use the full range of samples; VMAF was trained on the limited one")
    matrices = _matrix(ours), _matrix(theirs)
    if all(matrices) and matrices[0] != matrices[1]:
        notes.append(f"colours are coded by {matrices[1]} in the test: brought to the reference's {matrices[0]}")
    for name, side, other in (("reference", ours, theirs), ("test", theirs, ours)):
        if side.matrix == RGB:
            notes.append(f"the {name} is RGB: coded by {_coded(other) or 'the usual matrix'} to be compared")
    if ours.primaries and theirs.primaries and ours.primaries != theirs.primaries and matrices[0] == matrices[1]:
        notes.append(f"the primaries differ ({ours.primaries}, {theirs.primaries}): samples are compared as they are")
    if transfer != "sdr":
        notes.append(f"HDR ({transfer.upper()}): samples are compared as they are coded, no tones are mapped")
    for name, side in (("reference", ours), ("test", theirs)):
        if side.interlaced:
            notes.append(f"the {name} is interlaced: fields are made frames by bwdif, at the same rate")
    return notes


def _shapes(ours: Video, theirs: Video, crop: Crop | None, scaler: str) -> list[str]:
    wide, high = _turned(ours.width, ours.height, ours.rotation)
    left = crop[:2] if crop else (theirs.width, theirs.height)
    size = _turned(*left, theirs.rotation)
    notes = []
    if size != (wide, high):
        notes.append(f"the test's {size[0]}x{size[1]} are scaled to the reference's {wide}x{high} ({scaler})")
    shapes = []
    for (w, h), side in (((wide, high), ours), (size, theirs)):
        stretch = side.aspect if side.rotation not in (90, 270) else 1 / side.aspect
        shapes.append(Fraction(w, h) * stretch)
    if abs(shapes[1] / shapes[0] - 1) > STRETCH:
        notes.append(f"the shapes differ ({float(shapes[0]):.3f} and {float(shapes[1]):.3f}, width by height): "
                     "the test is stretched to the reference's")  # fmt: skip
    if ours.aspect != 1:
        notes.append(f"the reference's samples are not square ({ours.aspect.numerator}:{ours.aspect.denominator}): "
                     "compared on its own grid")  # fmt: skip
    return notes
