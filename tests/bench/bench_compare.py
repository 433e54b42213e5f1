"""What comparing costs beside bare libvmaf: `python -m tests.bench.bench_compare [--seconds 10] [--rounds 3]`.

A 1080p clip (the demo's fractal, with noise of fixed seed) and an encode of it are scored by VMAF v1 and NEG: by
FFmpeg's command line as in Netflix' manual (10 bits, from the compressed files, as many threads), and by `compare`,
which measures PSNR, SSIM and XPSNR and takes fingerprints besides: with the frames already laid on each other, by
timestamps, and by content. `alone` is `compare` without what it measures beyond VMAF being taken off: the same command
with libvmaf's PSNR feature. Wall time and CPU time of the process and its children, in turns; the peak is the sum of
the resident memory of all of them, looked at ten times a second.
Goals: at least 0.9 of bare libvmaf's speed by timestamps, 0.75 by content, under 1 GB.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from statistics import median
from time import perf_counter

import psutil

from qoe_agent.compare import align, ffmpeg, scoring
from qoe_agent.compare.media import inspect
from qoe_agent.compare.shapes import Alignment, Asked, Run
from qoe_agent.compare.space import space

MODELS = r"version=vmaf_v1.0.16_3d0h\:name=v1|version=vmaf_v0.6.1neg\:name=neg"


def clips(room: Path, seconds: float, program: str) -> tuple[Path, Path, Path]:
    """The reference, an encode of it, and another that has lost its first 17 frames and so needs content."""
    quiet = [program, "-v", "error", "-nostdin", "-y"]
    source = ["-f", "lavfi", "-i", f"mandelbrot=size=1920x1080:rate=25:end_pts={25 * seconds:g}"]
    found = room / "reference.mp4", room / "test.mp4", room / "later.mp4"
    coded = ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"]
    noise = ["-vf", "noise=alls=6:allf=t:all_seed=4", "-t", f"{seconds:g}"]
    subprocess.run([*quiet, *source, *noise, *coded, "-crf", "16", str(found[0])], check=True)
    subprocess.run([*quiet, "-i", str(found[0]), *coded, "-crf", "30", str(found[1])], check=True)
    late = ["-vf", "select='gte(n,17)',setpts=N/25/TB"]
    subprocess.run([*quiet, "-i", str(found[0]), *late, *coded, "-crf", "30", str(found[2])], check=True)
    return found


def bare(test: Path, reference: Path, threads: int, program: str, more: str = "") -> list[str]:
    """FFmpeg's command line."""
    deep = "settb=AVTB,setpts=PTS-STARTPTS,format=yuv420p10le"
    scored = f"libvmaf=model='{MODELS}'{more}:n_threads={threads}:log_fmt=json:log_path=/dev/null:shortest=1"
    inputs = ["-i", str(test), "-i", str(reference)]
    return [program, "-v", "error", "-nostdin", *inputs, "-lavfi", f"[0:v]{deep}[d];[1:v]{deep}[r];[d][r]{scored}",
            "-f", "null", "-"]  # fmt: skip


def ours(how: str, test: str, reference: str, threads: int) -> None:
    """`compare` as far as the scores, aligned so."""
    asked = Asked(reference, (test,), threads=threads)
    one, other = inspect(reference), inspect(test)
    if how == "given":
        alignment = Alignment("given", 0, 0.0, 1.0, (Run(0, 0, len(other.video.times)),), 0, 0)
    else:
        alignment = align.align(one, other, asked, lambda _: None)
    scores = scoring.score(one, other, alignment, space(one, other, asked), asked, lambda _: None)
    print(alignment.method, len(scores.reference))


def measured(command: list[str]) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak bytes of a process and those that it starts."""
    before, began = os.times(), perf_counter()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
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
    parser.add_argument("--only", nargs=3, help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.only:
        ours(*said.only, said.threads)
        return
    program = ffmpeg.program().path
    with tempfile.TemporaryDirectory(prefix="qoe-bench-") as folder:
        reference, test, later = clips(Path(folder), said.seconds, program)
        agent = [sys.executable, "-m", "tests.bench.bench_compare", "--threads", str(said.threads), "--only"]
        contenders = {
            "bare libvmaf": bare(test, reference, said.threads, program),
            "bare libvmaf with its PSNR": bare(test, reference, said.threads, program, ":feature='name=psnr'"),
            "compare, laid already": [*agent, "given", str(test), str(reference)],
            "compare, aligned": [*agent, "found", str(test), str(reference)],
            "compare, by content": [*agent, "found", str(later), str(reference)],
        }
        took: dict[str, list[tuple[float, float, float]]] = {name: [] for name in contenders}
        for _ in range(said.rounds):
            for name, command in contenders.items():
                took[name].append(measured(command))
    print(f"\n1080p25, {said.seconds:g} s, {said.threads} threads, {said.rounds} rounds, medians\n")
    print("| | wall s | CPU s | speed beside bare | by CPU | peak MB |\n|---|---|---|---|---|---|")
    first = [median(each[n] for each in took["bare libvmaf"]) for n in range(2)]
    for name, times in took.items():
        wall, cpu, peak = (median(each[n] for each in times) for n in range(3))
        print(f"| {name} | {wall:.1f} | {cpu:.1f} | {first[0] / wall:.2f} | {first[1] / cpu:.2f} | {peak / 1e6:.0f} |")


if __name__ == "__main__":
    main()
