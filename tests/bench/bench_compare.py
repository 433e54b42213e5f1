"""What comparing costs beside bare libvmaf: `python -m tests.bench.bench_compare [--seconds 10] [--rounds 3]`.

A 1080p clip (the demo's fractal, with noise of fixed seed, stamped) and encodes of it are scored by VMAF v1 and NEG: by
FFmpeg's command line as in Netflix' manual (from the compressed files, as many threads), and by the whole
command `qoe-agent compare`, which measures PSNR, SSIM and XPSNR and takes fingerprints besides, and looks for bars and
crops: with `--offset 0`, by timestamps, by stamp, and by content, where the test lacks its first frames. What counts
is pairs scored a second, so that who leaves pairs out is not the faster for it. Wall time and CPU time of the process
and its children, in turns; the peak is the sum of the resident memory of all of them, looked at ten times a second.
Goals: at least 0.9 of bare libvmaf's speed by stamp and timestamps, 0.75 by content, under 1 GB.
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

MODELS = r"version=vmaf_v1.0.16_3d0h\:name=v1|version=vmaf_v0.6.1neg\:name=neg"


class Clips(NamedTuple):
    """A reference, an encode of it, another that has lost its first frames and so needs content, and both stamped."""

    reference: Path
    test: Path
    later: Path
    stamped: Path
    marked: Path


def clips(room: Path, seconds: float, program: str) -> Clips:
    """Made on the spot."""
    quiet = [program, "-v", "error", "-nostdin", "-y"]
    source = ["-f", "lavfi", "-i", f"mandelbrot=size=1920x1080:rate=25:end_pts={25 * seconds:g}"]
    found = Clips(*(room / f"{name}.mp4" for name in Clips._fields))
    coded = ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"]
    noise = ["-vf", "noise=alls=6:allf=t:all_seed=4", "-t", f"{seconds:g}"]
    subprocess.run([*quiet, *source, *noise, *coded, "-crf", "16", str(found.reference)], check=True)
    stamp(found.reference, found.stamped, [*quiet, "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", "1920x1080", "-r",
                                           "25", "-i", "-", *coded, "-crf", "16"])  # fmt: skip
    for source_, test in ((found.reference, found.test), (found.stamped, found.marked)):
        subprocess.run([*quiet, "-i", str(source_), *coded, "-crf", "30", str(test)], check=True)
    late = ["-vf", "select='gte(n,17)',setpts=N/25/TB"]
    subprocess.run([*quiet, "-i", str(found.reference), *late, *coded, "-crf", "30", str(found.later)], check=True)
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


def bare(test: Path, reference: Path, threads: int, program: str, more: str = "") -> list[str]:
    """FFmpeg's command line."""
    timed = "settb=AVTB,setpts=PTS-STARTPTS"
    scored = f"libvmaf=model='{MODELS}'{more}:n_threads={threads}:log_fmt=json:log_path=/dev/null:shortest=1"
    inputs = ["-i", str(test), "-i", str(reference)]
    return [program, "-v", "error", "-nostdin", *inputs, "-lavfi", f"[0:v]{timed}[d];[1:v]{timed}[r];[d][r]{scored}",
            "-f", "null", "-"]  # fmt: skip


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


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    said = parser.parse_args()
    program = ffmpeg.program().path
    with tempfile.TemporaryDirectory(prefix="qoe-bench-") as folder:
        made, output = clips(Path(folder), said.seconds, program), Path(folder, "said.json")
        agent = [sys.executable, "-m", "qoe_agent", "compare", "--threads", str(said.threads), "--no-cache", "--json"]
        contenders = {
            "bare libvmaf": bare(made.test, made.reference, said.threads, program),
            "`--offset 0`": [*agent, "--offset", "0", str(made.reference), str(made.test)],
            "by timestamps": [*agent, str(made.reference), str(made.test)],
            "by stamp": [*agent, str(made.stamped), str(made.marked)],
            "by content": [*agent, str(made.reference), str(made.later)],
        }
        took: dict[str, list[tuple[float, float, float]]] = {name: [] for name in contenders}
        scored: dict[str, tuple[str, int]] = {"bare libvmaf": ("", round(25 * said.seconds))}
        for _ in range(said.rounds):
            for name, command in contenders.items():
                took[name].append(measured(command, output))
                if name in scored:
                    continue
                alignment = json.loads(output.read_bytes())["tests"][0]["alignment"]
                scored[name] = alignment["method"], alignment["pairs"]
    table(took, scored, f"1080p25, {said.seconds:g} s, {said.threads} threads, {said.rounds} rounds, medians")


def table(took: dict[str, list[tuple[float, float, float]]], scored: dict[str, tuple[str, int]], what: str) -> None:
    """Speeds are pairs a second, beside those of the first row."""
    print(f"\n{what}\n\n| | method | pairs | wall s | CPU s | speed beside bare | by CPU | peak MB |")
    print("|---|---|---|---|---|---|---|---|")
    first: tuple[float, float] | None = None
    for name, times in took.items():
        wall, cpu, peak = (median(each[n] for each in times) for n in range(3))
        method, pairs = scored[name]
        first = first or (pairs / wall, pairs / cpu)
        ratios = f"{pairs / wall / first[0]:.2f} | {pairs / cpu / first[1]:.2f}"
        print(f"| {name} | {method} | {pairs} | {wall:.1f} | {cpu:.1f} | {ratios} | {peak / 1e6:.0f} |")


if __name__ == "__main__":
    main()
