"""What FFmpeg's filters cost beside the agent's `all`: `python -m tests.bench.bench_filters [CLIP] [--rounds 3]`.

The same clip (1080p30, see assets.py, or one of yours) goes through FFmpeg's command line with freezedetect,
blackdetect, blurdetect, blockdetect, signalstats, ebur128 and silencedetect, and, as a process of its own as well,
through the agent's policy `all` with every look and every probe, without a thread. Either plays the clip over and over
for so many seconds. CPU-seconds of the whole process, imports included, in turns; the figure is per second of media.
Goal: FFmpeg takes at least 12 times as much.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from statistics import median

from tests.bench import assets
from tests.bench.bench_looks import stream, through

GOAL = 12.0
VIDEO = "freezedetect,blackdetect,blurdetect,blockdetect,signalstats"
AUDIO = "ebur128,silencedetect"


def cpu(*command: str) -> float:
    """CPU-seconds of a process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", nargs="?")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    said = parser.parse_args()
    clip = said.clip or str(assets.make()[0])
    if said.inside:
        through(stream(clip, said.seconds), looks=True, probes=True)
        return
    one = ["-threads", "1", "-stream_loop", "-1", "-i", clip, "-t", f"{said.seconds:g}", "-filter_threads", "1"]
    contenders = {
        "FFmpeg, decoding alone": ["ffmpeg", "-nostdin", *one, "-f", "null", "-"],
        "FFmpeg, with its filters": ["ffmpeg", "-nostdin", *one, "-vf", VIDEO, "-af", AUDIO, "-f", "null", "-"],
        "the agent, all": [
            *(sys.executable, "-m", "tests.bench.bench_filters", clip, "--seconds", f"{said.seconds:g}", "--inside")
        ],
    }
    took: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(said.rounds):
        for name, command in contenders.items():
            took[name].append(cpu(*command) / said.seconds)
    print(f"{clip if said.clip else assets.describe()}, {said.seconds:g} s, {said.rounds} rounds\n")
    print("| | CPU-s per second | least to most |\n|---|---|---|")
    for name, times in took.items():
        print(f"| {name} | {median(times):.3f} | {min(times):.3f} to {max(times):.3f} |")
    theirs, ours = took["FFmpeg, with its filters"], took["the agent, all"]
    times = median(one / other for one, other in zip(theirs, ours, strict=True))
    print(f"\nFFmpeg's filters take {times:.1f} times as much (goal {GOAL:g})")


if __name__ == "__main__":
    main()
