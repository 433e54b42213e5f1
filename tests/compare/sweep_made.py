"""Results of sweeps, written down for tests: encodes along curves of which all is known."""

from __future__ import annotations

from math import log2

from qoe_agent.compare.sweep.shapes import Clip, Cost, Design, Encoded, Point, Prices, Setting

CRFS = (20.0, 24.0, 28.0, 32.0, 36.0)
PRICES = Prices("USD", cpu_hour=0.04, egress_gb=0.02, viewer_hours=100.0)


def clip(name: str = "park") -> Clip:
    return Clip(name, f"/films/{name}.y4m", "ab" * 32, 1280, 720, 25.0, 250, 10.0)


def design(*names: str, anchor: str | None = "x264 veryfast", **more: object) -> Design:
    metrics = ("vmaf[v1]", "psnr_y")
    clips = tuple(clip(name) for name in names or ("park",))
    return Design("plan.yml", clips, metrics[0], metrics, anchor, **more)  # type: ignore[arg-type]


def point(
    label: str, rate: float, quality: float, crf: float = 28.0, size: tuple[int, int] = (1280, 720),
    name: str = "park", cpu: float = 10.0, repeats: int = 2, cost: bool = True,
) -> Point:  # fmt: skip
    encoder, _, preset = label.partition(" ")
    setting = Setting(label, encoder, preset, "crf", crf, *size)
    wall = tuple(cpu / 2 * (1 + 0.02 * number) for number in range(repeats))
    encoded = Encoded(
        f"{label}-{size}-{crf}-{name}", name, setting, round(rate * 10 / 8), 10.0, rate, 250, wall,
        (cpu,) * repeats, 300_000_000, 0.02, 1.8 * rate, None, (0.0, 2.0, 4.0, 6.0, 8.0),
        ("ffmpeg", "-i", f"file:/films/{name}.y4m"), {"ffmpeg": "9.0"}, "cd" * 32,
    )  # fmt: skip
    of = Cost(cpu / 10 * 0.04, 0.0, rate * 3600 / 8e9 * 0.02 * 100) if cost else None
    return Point(encoded, {"vmaf[v1]": quality, "psnr_y": 20 + quality / 5}, {"vmaf[v1]": quality - 8}, of)


def quality(rate: float, scale: float = 1.0, size: tuple[int, int] = (1280, 720)) -> float:
    """Of a rate: smaller pictures saturate lower and start better. `scale`: how much rate counts for."""
    top, bend = {720: (104.0, 167e3), 540: (95.0, 96e3), 360: (80.0, 55e3)}[size[1]]
    return float(top * (1 - (bend / (rate * scale)) ** 0.6))


def curve(
    label: str, scale: float = 1.0, size: tuple[int, int] = (1280, 720), name: str = "park", cpu: float = 10.0
) -> list[Point]:
    """Five encodes of a label; it needs 1 / scale of the rate of one with scale 1."""
    rates = [6e6 / 2**number * size[1] / 720 / scale for number in range(len(CRFS))]
    return [point(label, rate, quality(rate, scale, size), crf, size, name, cpu * (1 + log2(rate / 4e5) / 20))
            for rate, crf in zip(rates, CRFS, strict=True)]  # fmt: skip
