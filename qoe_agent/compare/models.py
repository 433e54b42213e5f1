"""VMAF's models: by short names, as libvmaf wants them, and which of them suits what is compared.

Netflix' v1 family (libvmaf, resource/doc/models_v1.md): 3d0h is a screen seen from three times its height, 5d0h a
telephone, 1d5h_2160 and 3d0h_2160 a 4K screen from 1.5 and 3 heights, hfr for 50 and 60 frames a second. v0.6.1 is
the family before it. "neg" leaves out what sharpening gains; v1 has no such model of its own. The bootstrapped
models (b) are collections, which FFmpeg's filter does not load.
"""

from __future__ import annotations

from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from qoe_agent.compare.shapes import Unfit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qoe_agent.compare.shapes import Media, Video

_V1 = "vmaf_v1.0.16_"
FAST = 45
"""Frames a second from which v1 has models of its own."""
LEAST, BANDED = (160, 216), (0, 216)
"""Pixels that the shorter and the longer side need for v1, and for CAMBI; on fewer libvmaf fails, or crashes."""
ENCODED = (180, 150)
"""Width and height from which CAMBI knows a size of encoding."""
TALL = 1440
"""Lines from which a reference is for a 4K screen."""


class Model(NamedTuple):
    """A VMAF model."""

    name: str
    """As users name it, and as results do."""
    version: str = ""
    """Of those inside libvmaf."""
    options: str = ""
    path: str = ""
    """Of a file, where it is none of libvmaf's own."""

    @property
    def new(self) -> bool:
        """Whether it is of the v1 family, which looks at banding and chroma too."""
        return self.version.startswith(_V1)


KNOWN = {
    each.name: each
    for each in (
        Model("v1", f"{_V1}3d0h"),
        Model("v1-phone", f"{_V1}5d0h"),
        Model("v1-4k", f"{_V1}1d5h_2160"),
        Model("v1-4k-3h", f"{_V1}3d0h_2160"),
        Model("v1-hfr", f"{_V1}hfr_3d0h"),
        Model("v1-hfr-phone", f"{_V1}hfr_5d0h"),
        Model("v1-hfr-4k", f"{_V1}hfr_1d5h_2160"),
        Model("v1-hfr-4k-3h", f"{_V1}hfr_3d0h_2160"),
        Model("v0.6.1", "vmaf_v0.6.1"),
        Model("phone", "vmaf_v0.6.1", "enable_transform=true"),
        Model("4k", "vmaf_4k_v0.6.1"),
        Model("neg", "vmaf_v0.6.1neg"),
        Model("neg-phone", "vmaf_v0.6.1neg", "enable_transform=true"),
        Model("neg-4k", "vmaf_4k_v0.6.1neg"),
    )
}
SCREENS = {"phone": "a telephone", "4k-3h": "a 4K screen from 3 heights", "4k": "a 4K screen from 1.5 heights",
           "5d0h": "a telephone", "3d0h_2160": "a 4K screen from 3 heights", "2160": "a 4K screen from 1.5 heights",
           "": "a screen from 3 heights"}  # fmt: skip
"""What a model is made for, by what is in its name; the first that is."""


def chosen(names: Sequence[str]) -> tuple[Model, ...]:
    """The models of `names` (short names, libvmaf's own, or paths of JSON files), each once; Unfit for others."""
    return tuple(_model(name) for name in dict.fromkeys(names))


def _model(name: str) -> Model:
    if name in KNOWN:
        return KNOWN[name]
    if name.startswith("vmaf_") and "/" not in name and not name.endswith(".json"):
        return next((each for each in KNOWN.values() if each.version == name and not each.options), Model(name, name))
    if Path(name).is_file():
        if b'"model_dict"' not in Path(name).read_bytes():
            raise Unfit(f"--vmaf-model {name}: expected a model of libvmaf (JSON with a model_dict)")
        return Model(Path(name).stem, path=str(Path(name).resolve()))
    raise Unfit(f"--vmaf-model {name}: expected one of {', '.join(KNOWN)}, or the path of a model's file")


def small(least: tuple[int, int], width: int, height: int) -> bool:
    """Whether pictures have fewer pixels than `least` for the shorter and for the longer side."""
    return min(width, height) < least[0] or max(width, height) < least[1]


def specification(model: Model, label: str, file: str = "", encoded: Video | None = None) -> str:
    """What libvmaf's option `model` takes: `label` names it in the log, `file` is the model's in the folder of the run.

    `encoded`: the test's video, where it was smaller than what is shown; the v1 family looks for banding at its size.
    """
    parts = [f"path={file}" if model.path else f"version={model.version}", f"name={label}"]
    if model.options:
        parts.append(model.options)
    if model.new and encoded is not None:
        parts += [f"cambi.{part}" for part in _encoded(encoded)]
    return "\\:".join(parts)


def banding(encoded: Video | None) -> str:
    """The same of the feature CAMBI by itself."""
    return "\\:".join(("name=cambi", *(_encoded(encoded) if encoded is not None else ())))


def _encoded(video: Video) -> tuple[str, str, str]:
    """Of the video's shape, but as large as CAMBI wants it at least."""
    width, height = video.width, video.height
    by = max(1.0, ENCODED[0] / width, ENCODED[1] / height, BANDED[1] / max(width, height))
    return f"enc_width={ceil(by * width)}", f"enc_height={ceil(by * height)}", f"enc_bitdepth={video.bits}"


def _distances(models: Sequence[Model]) -> Iterator[str]:
    """A note where models are for different screens, or for different distances to them."""
    seen: dict[str, list[str]] = {}
    for model in models:
        if not model.path:
            place = next(said for name, said in SCREENS.items() if name in model.name)
            seen.setdefault(place, []).append(model.name)
    if len(seen) > 1:
        which = ", ".join(f"{' and '.join(names)} for {place}" for place, names in seen.items())
        yield f"VMAF of different models is not to be compared, as each is for its own screen: {which}"


def _large(model: Model) -> bool:
    """Whether it is made for screens of 2160 lines."""
    return "4k" in model.name or "2160" in model.version


def suited(models: Sequence[Model], reference: Media) -> tuple[str, ...]:
    """Notes on models that were made for other sizes, rates or colours than the reference has."""
    video = reference.video
    lines, fast = min(video.width, video.height), video.rate >= FAST
    notes = []
    plain = [each.name for each in models if not each.path and not _large(each)]
    if plain and lines < 720:
        notes.append(f"VMAF {' and '.join(plain)} take{'s' if len(plain) == 1 else ''} {lines} lines as they are, on a "
                     "screen that small: higher than what is seen where the picture is scaled up")  # fmt: skip
    for model in models:
        large = _large(model)
        if model.path:
            continue
        if lines > TALL and not large:
            instead = "v1-4k" if model.new else "neg-4k" if "neg" in model.name else "4k"
            notes.append(f"VMAF {model.name} is made for 1080 lines, the reference has {lines}: see {instead}")
        if lines <= TALL and large:
            notes.append(f"VMAF {model.name} is made for 2160 lines, the reference has {lines}")
        if model.new and fast != ("hfr" in model.version):
            why = f"the reference has {float(video.rate):.4g} frames a second"
            other = model.name.replace("v1", "v1-hfr") if fast else model.name.replace("v1-hfr", "v1")
            notes.append(f"VMAF {model.name} is made for {'24 to 30' if fast else '50 and 60'}, {why}: see {other}")
    notes += _distances(models)
    if models and video.transfer != "sdr":
        notes.append(f"VMAF was not trained for HDR ({video.transfer.upper()}): it ranks at best")
    return tuple(notes)
