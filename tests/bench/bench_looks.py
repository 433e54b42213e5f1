"""What all looks and probes add to bare decoding: `python -m tests.bench.bench_looks [CLIP]`.

The same packets (1080p30, see assets.py, or a clip of yours) go through PyAV's decoders, one thread, picture and sound,
and through the agent's own way under the policy `all`, without a thread: decoding alone, with all looks, with all
probes fed as well. The contenders take turns, A B C D A B C D, because machines drift; the table gives the median of
each and of the ratios within a turn. Then what every look and every probe's `feed` takes by itself: milliseconds for
each picture of the stream on the mean, and of a call the 99th percentile and the worst. Goal: 1.35 times bare
decoding. Last, each step of a search for the stamp in a picture of that clip, none of which should take 20 ms. CPU
time of the one thread that does it all.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from statistics import median
from time import thread_time
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import av
import numpy as np

from qoe_agent.decode import Decoding
from qoe_agent.decode.pictures import Pictures
from qoe_agent.maths.stamp_search import steps
from qoe_agent.model import Format, Lost, Opened, Packet
from qoe_agent.probes import declarations
from tests.accuracy.offline import START, Inline, demuxed, play
from tests.bench import assets

if TYPE_CHECKING:
    from collections.abc import Callable

GOAL = 1.35
TICKS = 90_000


def stream(path: str, seconds: float) -> list[Format | Packet]:
    """The clip over and over, its times going on, until there are so many seconds."""
    once = list(demuxed(path))
    packets = [seen for seen in once if isinstance(seen, Packet) and seen.pts is not None]
    video = [seen for seen in packets if seen.kind == "video"]
    first, last = min(seen.pts or 0.0 for seen in packets), max(seen.pts or 0.0 for seen in video)
    length = last - first + (last - first) / (len(video) - 1)
    out: list[Format | Packet] = [seen for seen in once if isinstance(seen, Format)]
    turn = 0
    while turn * length < seconds:
        shift = turn * length
        out += [
            replace(seen, at=seen.at + shift, pts=seen.pts + shift, dts=None if seen.dts is None else seen.dts + shift)
            for seen in packets
            if seen.pts is not None and seen.pts - first < length
        ]
        turn += 1
    return out


def bare(seen: list[Format | Packet]) -> None:
    """PyAV's decoders and nothing else."""
    contexts: dict[int, Any] = {}
    for one in seen:
        if isinstance(one, Format):
            context: Any = av.CodecContext.create(one.codec, "r")
            context.thread_count = 1
            if one.extradata:
                context.extradata = one.extradata
            contexts[one.track] = context
            continue
        packet = av.Packet(one.data)
        packet.pts = round((one.pts or 0.0) * TICKS)
        contexts[one.track].decode(packet)


def through(
    seen: list[Format | Packet], *, looks: bool, probes: bool, wrapped: Callable[[str, Any], Any] = lambda _, look: look
) -> None:
    """The agent's way."""
    known = declarations() if looks or probes else {}
    made = {name: declared.make() for name, declared in known.items()}
    pictures: dict[str, Any] = {}
    sounds: dict[str, Any] = {}

    def within(name: str, look: Any) -> Any:
        return None if look is None else wrapped(name, look)  # some have nothing to look for

    for name, declared in known.items():
        if declared.picture:
            pictures[name] = lambda n=name, d=declared: within(n, d.picture(made[n]))
        if declared.sound:
            sounds[name] = lambda n=name, d=declared: within(f"{n} (sound)", d.sound(made[n]))
    routes: dict[type, list[Any]] = {}
    for name, declared in known.items() if probes else ():
        for kind in declared.sees:
            routes.setdefault(kind, []).append(wrapped(f"{name}.feed", made[name].feed))

    def emit(one: Any) -> None:
        for feed in routes.get(type(one), ()):
            for _ in feed(one):
                pass

    decoding = Decoding(
        Inline(), emit, lambda f, *a: f(*a), pictures=pictures if looks else {}, sounds=sounds if looks else {},
        policy="all",
    )  # fmt: skip
    emit(Opened(START, START, "rtmp"))
    emit(Lost(play(seen, decoding, emit), "ended"))


class Timed:
    """A look or a probe's feed, and how long each of its calls took."""

    def __init__(self, look: Any, took: list[float]) -> None:
        self._look, self._took = look, took

    def __getattr__(self, name: str) -> Any:
        """What it wants to see and hear."""
        return getattr(self._look, name)

    def __call__(self, *seen: Any) -> Any:
        began = thread_time()
        try:
            said = self._look(*seen)
            return list(said) if isinstance(said, Iterator) else said
        finally:
            self._took.append(thread_time() - began)


def each(seen: list[Format | Packet]) -> dict[str, list[float]]:
    """Seconds of every call of every look and feed."""
    took: dict[str, list[float]] = {}

    def timed(name: str, called: Any) -> Any:
        return Timed(called, took.setdefault(name, []))

    made = Pictures.next  # where the planes that all looks share are made

    def shared(pictures: Pictures, frame: Any) -> Any:
        return timed("(shared planes)", partial(made, pictures))(frame)

    with patch.object(Pictures, "next", shared):
        through(seen, looks=True, probes=True, wrapped=timed)
    return took


def searched(path: str, times: int = 5) -> dict[str, list[float]]:
    """Seconds of every step of a search for the stamp, in the clip's first picture."""
    with av.open(path) as clip:
        luma = next(clip.decode(video=0)).to_ndarray(format="gray")
    took: dict[str, list[float]] = {}
    for number, step in enumerate(steps(fine=True)):
        timed = Timed(step, took.setdefault(f"step {number}", []))
        for _ in range(times):
            timed(luma)
    return took


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", nargs="?")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rounds", type=int, default=5)
    wanted = parser.parse_args()
    print(wanted.clip or assets.describe())
    seen = stream(wanted.clip or str(assets.make()[0]), wanted.seconds)
    frames = sum(isinstance(one, Packet) and one.kind == "video" for one in seen)
    contenders: dict[str, Callable[[], None]] = {
        "bare decoding": lambda: bare(seen),
        "the agent's decoding": lambda: through(seen, looks=False, probes=False),
        "with all looks": lambda: through(seen, looks=True, probes=False),
        "with all probes too": lambda: through(seen, looks=True, probes=True),
    }
    took: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(wanted.rounds):
        for name, run in contenders.items():
            began = thread_time()
            run()
            took[name].append(thread_time() - began)
    print(f"\n{frames} pictures, {wanted.rounds} rounds; goal {GOAL} times bare decoding\n")
    print("| | ms a frame | times bare |\n|---|---|---|")
    for name, times in took.items():
        ratio = median(one / least for one, least in zip(times, took["bare decoding"], strict=True))
        print(f"| {name} | {median(times) / frames * 1e3:.2f} | {ratio:.2f} |")
    print("\n| search for the stamp | ms (median) |\n|---|---|")
    for name, times in searched(wanted.clip or str(assets.make()[0])).items():
        print(f"| {name} | {median(times) * 1e3:.1f} |")
    print("\n| look or feed | calls | ms a frame | p99 | worst |\n|---|---|---|---|---|")
    for name, times in sorted(each(seen).items(), key=lambda item: -sum(item[1])):
        worst = np.array(times or [0.0]) * 1e3
        mean = worst.sum() / frames
        print(f"| {name} | {len(times)} | {mean:.3f} | {np.quantile(worst, 0.99):.2f} | {worst.max():.2f} |")


if __name__ == "__main__":
    main()
