"""What comparing costs beside bare libvmaf: `python -m tests.bench.bench_compare [--seconds 10 30] [--rounds 2 1]
[--only stamp]`.

1080p clips (the demo's fractal, with noise of fixed seed, stamped) and encodes of them are scored by VMAF v1 and NEG:
by FFmpeg's command line as in Netflix' manual (from the compressed files, as many threads), by the same with PSNR, SSIM
and XPSNR in it, and by the whole command `qoe-agent compare`, which measures those and takes fingerprints besides, and
looks for bars and crops: with `--offset 0`, by timestamps, by stamp, and by content, where the test lacks its first
frames; then with `--vmaf-only`, which is what bare libvmaf measures. What counts is pairs scored a second, so that who
leaves pairs out is not the faster for it: of whole commands on each length of clip, and of what the longest takes
beyond the shortest, where start and end do not count. Wall time and CPU time of the process and its children, in turns;
the peak is the sum of the resident memory of all of them, looked at ten times a second. Goals: at least 0.9 of bare
libvmaf's speed by stamp and timestamps, 0.75 by content, under 1 GB.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

import av
import psutil

from qoe_agent.compare import ffmpeg
from qoe_agent.maths.stamp import Place, draw

LATE = 17
"""Frames that the test by content lacks at its beginning."""
BARE = "bare"
"""First row, and how those of bare FFmpeg begin."""
MODELS = r"version=vmaf_v1.0.16_3d0h\:name=v1|version=vmaf_v0.6.1neg\:name=neg"


class Clips(NamedTuple):
    """A reference, an encode of it, another that has lost its first frames and so needs content, and both stamped."""

    reference: Path
    test: Path
    later: Path
    stamped: Path
    marked: Path


def clips(room: Path, seconds: float, program: str, short: float) -> Clips:
    """Made on the spot; the first `short` seconds can be cut off without decoding."""
    quiet = [program, "-v", "error", "-nostdin", "-y"]
    source = ["-f", "lavfi", "-i", f"mandelbrot=size=1920x1080:rate=25:end_pts={25 * seconds:g}"]
    found = Clips(*(room / f"{name}.mp4" for name in Clips._fields))
    coded = ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-force_key_frames", f"{short:g}"]
    noise = ["-vf", "noise=alls=6:allf=t:all_seed=4", "-t", f"{seconds:g}"]
    subprocess.run([*quiet, *source, *noise, *coded, "-crf", "16", str(found.reference)], check=True)
    stamp(found.reference, found.stamped, [*quiet, "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", "1920x1080", "-r",
                                           "25", "-i", "-", *coded, "-crf", "16"])  # fmt: skip
    for source_, test in ((found.reference, found.test), (found.stamped, found.marked)):
        subprocess.run([*quiet, "-i", str(source_), *coded, "-crf", "30", str(test)], check=True)
    late = ["-vf", f"select='gte(n,{LATE})',setpts=N/25/TB"]
    coded[-1] = f"{short - LATE / 25:g}"
    subprocess.run([*quiet, "-i", str(found.reference), *late, *coded, "-crf", "30", str(found.later)], check=True)
    return found


def shorter(room: Path, made: Clips, seconds: float, program: str) -> Clips:
    """Their beginnings, as they are."""
    room.mkdir()
    found = Clips(*(room / each.name for each in made))
    for source, target in zip(made, found, strict=True):
        length = seconds - LATE / 25 if source == made.later else seconds
        cut = ["-t", f"{length - 0.001:g}", "-c", "copy", str(target)]
        subprocess.run([program, "-v", "error", "-nostdin", "-i", str(source), *cut], check=True)
    return found


def stamp(source: Path, target: Path, command: list[str]) -> None:
    """The same pictures with the stamp in them."""
    with av.open(str(source)) as container, subprocess.Popen([*command, str(target)], stdin=subprocess.PIPE) as child:
        assert child.stdin is not None
        for number, picture in enumerate(container.decode(video=0)):
            planes = picture.to_ndarray(format="yuv420p")
            draw(planes[:1080], None, 1_760_000_000_000 + 40 * number, number, Place())
            child.stdin.write(planes.tobytes())
    if child.returncode:
        raise SystemExit(f"{command}: status {child.returncode}")


def bare(test: Path, reference: Path, threads: int, program: str, more: tuple[str, ...] = ()) -> list[str]:
    """FFmpeg's command line; `more` filters score beside libvmaf."""
    timed = "settb=AVTB,setpts=PTS-STARTPTS"
    vmaf = f"libvmaf=model='{MODELS}':n_threads={threads}:log_fmt=json:log_path=/dev/null:shortest=1"
    scored = [vmaf, *(f"{name}=shortest=1" for name in more)]
    sides = [f"[{n}:v]{timed},split={len(scored)}" + "".join(f"[{side}{k}]" for k in range(len(scored)))
             for n, side in enumerate("dr")]  # fmt: skip
    pairs = [f"[d{k}][r{k}]{each}[o{k}]" for k, each in enumerate(scored)]
    outputs = [word for k in range(len(scored)) for word in ("-map", f"[o{k}]", "-f", "null", "-")]
    return [program, "-v", "error", "-nostdin", "-i", str(test), "-i", str(reference), "-filter_complex",
            ";".join([*sides, *pairs]), *outputs]  # fmt: skip


def measured(command: list[str], output: Path) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak bytes of a process and those that it starts; what it says goes to `output`."""
    before, began = os.times(), perf_counter()
    with output.open("wb") as file:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file)
    peak, over = 0, threading.Event()

    def look() -> None:
        nonlocal peak
        while not over.wait(0.1):
            try:
                tree = [psutil.Process(child.pid), *psutil.Process(child.pid).children(recursive=True)]
                peak = max(peak, sum(each.memory_info().rss for each in tree))
            except psutil.Error:
                continue

    looking = threading.Thread(target=look)
    looking.start()
    status = child.wait()
    over.set()
    looking.join()
    if status:
        raise SystemExit(f"{command}: status {status}")
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return perf_counter() - began, cpu, peak


def contenders(made: Clips, threads: int, program: str) -> dict[str, list[str]]:
    """Commands by what they are called."""
    agent = [sys.executable, "-m", "qoe_agent", "compare", "--threads", str(threads), "--no-cache", "--json"]
    files = {
        "by timestamps": (made.reference, made.test),
        "by stamp": (made.stamped, made.marked),
        "by content": (made.reference, made.later),
    }
    ways = {"`--offset 0`": [*agent, "--offset", "0", str(made.reference), str(made.test)],
            **{name: [*agent, *map(str, each)] for name, each in files.items()}}  # fmt: skip
    return {
        BARE: bare(made.test, made.reference, threads, program),
        "bare, with PSNR, SSIM and XPSNR": bare(made.test, made.reference, threads, program, ("psnr", "ssim", "xpsnr")),
        **ways,
        **{f"{name}, `--vmaf-only`": [*command, "--vmaf-only"] for name, command in ways.items()},
    }


class Row(NamedTuple):
    """Medians of a contender's rounds."""

    method: str
    pairs: int
    wall: float
    cpu: float
    peak: float


def rounds(commands: dict[str, list[str]], many: int, seconds: float, output: Path) -> dict[str, Row]:
    """All of them in turns, so many times."""
    took: dict[str, list[tuple[float, float, float]]] = {name: [] for name in commands}
    scored: dict[str, tuple[str, int]] = {}
    for _ in range(many):
        for name, command in commands.items():
            took[name].append(measured(command, output))
            if name.startswith(BARE):
                scored[name] = "", round(25 * seconds)
            elif name not in scored:
                alignment = json.loads(output.read_bytes())["tests"][0]["alignment"]
                scored[name] = alignment["method"], alignment["pairs"]
    return {name: Row(*scored[name], *(median(each[n] for each in times) for n in range(3)))
            for name, times in took.items()}  # fmt: skip


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, nargs="+", default=[10.0, 30.0], help="of clips, the shortest first")
    parser.add_argument("--rounds", type=int, nargs="+", default=[2, 1], help="on each length; the last for the rest")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--only", nargs="+", default=[""], help="what has one of these in its name, and bare libvmaf")
    said = parser.parse_args()
    program = ffmpeg.program().path
    found = []
    with tempfile.TemporaryDirectory(prefix="qoe-bench-") as folder:
        room = Path(folder)
        longest = clips(room, said.seconds[-1], program, said.seconds[0])
        for number, seconds in enumerate(said.seconds):
            made = longest if seconds == said.seconds[-1] else shorter(room / f"{number}", longest, seconds, program)
            many = said.rounds[min(number, len(said.rounds) - 1)]
            chosen = {name: command for name, command in contenders(made, said.threads, program).items()
                      if name == BARE or any(part in name for part in said.only)}  # fmt: skip
            found.append(rounds(chosen, many, seconds, room / "said.json"))
            table(found[-1], f"1080p25, {seconds:g} s, {said.threads} threads, {many} rounds, medians")
    if len(found) > 1:
        more = {name: Row(row.method, row.pairs - found[0][name].pairs, row.wall - found[0][name].wall,
                          row.cpu - found[0][name].cpu, row.peak) for name, row in found[-1].items()}  # fmt: skip
        table(more, "what the longest takes beyond the shortest: start and end do not count")


def table(rows: dict[str, Row], what: str) -> None:
    """Speeds are pairs a second, beside those of the first row."""
    print(f"\n{what}\n\n| | method | pairs | wall s | CPU s | speed beside bare | by CPU | peak MB |", flush=True)
    print("|---|---|---|---|---|---|---|---|")
    first = rows[BARE]
    for name, row in rows.items():
        wall = row.pairs / row.wall / (first.pairs / first.wall)
        cpu = row.pairs / row.cpu / (first.pairs / first.cpu)
        print(f"| {name} | {row.method} | {row.pairs} | {row.wall:.1f} | {row.cpu:.1f} | {wall:.2f} | {cpu:.2f} | "
              f"{row.peak / 1e6:.0f} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
