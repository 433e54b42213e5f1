"""A bare PyAV loop: one thread a stream demuxes, and decodes a key frame every so many seconds; nothing else.

The baseline of bench_fleet: `python -m tests.bench.baseline EVERY BURST URL…`. With a burst, all pictures of so many
seconds in thirty are decoded, too. Everything is as PyAV sets it up: a decoder
a stream, slice threads. The sound is demuxed and not decoded (the agent decodes it, so the comparison is in the
baseline's favour).
"""

from __future__ import annotations

import random
import sys
import threading
import time
from contextlib import suppress

import av

BURST_EVERY = 30.0


def pull(url: str, every: float, burst: float) -> None:
    """Pull one stream until the process ends; open it again when it breaks."""
    begins = time.monotonic() + random.random() * BURST_EVERY
    while True:
        with suppress(av.FFmpegError), av.open(url, timeout=(10.0, 10.0)) as opened:
            video = opened.streams.video[0]
            due, ends, fed = 0.0, None, False
            for packet in opened.demux():
                if packet.stream is not video or packet.pts is None:
                    continue
                now, at = time.monotonic(), packet.pts * packet.time_base
                if packet.is_keyframe and burst and now >= begins:
                    begins, ends = begins + BURST_EVERY, at + burst
                full = ends is not None and at < ends
                if full or (packet.is_keyframe and now >= due):
                    due, fed = (now + every - 0.05 if packet.is_keyframe else due), True
                    packet.decode()
                if fed and not full:
                    ends, fed = None, False
                    video.codec_context.decode(None)
                    video.codec_context.flush_buffers()
        time.sleep(0.5)


def main() -> None:
    """A thread a stream, until killed."""
    every, burst = map(float, sys.argv[1:3])
    for url in sys.argv[3:]:
        threading.Thread(target=pull, args=(url, every, burst), daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
