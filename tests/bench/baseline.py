"""A bare PyAV loop: one thread a stream demuxes, and decodes a key frame every so many seconds; nothing else.

The baseline of bench_fleet: `python -m tests.bench.baseline EVERY URL…`. Everything is as PyAV sets it up: a decoder
a stream, slice threads. The sound is demuxed and not decoded (the agent decodes it, so the comparison is in the
baseline's favour).
"""

from __future__ import annotations

import sys
import threading
import time
from contextlib import suppress

import av


def pull(url: str, every: float) -> None:
    """Pull one stream until the process ends; open it again when it breaks."""
    while True:
        with suppress(av.FFmpegError), av.open(url, timeout=(10.0, 10.0)) as opened:
            video = opened.streams.video[0]
            due = 0.0
            for packet in opened.demux():
                if packet.stream is video and packet.is_keyframe and time.monotonic() >= due:
                    due = time.monotonic() + every - 0.05
                    packet.decode()
                    video.codec_context.decode(None)
                    video.codec_context.flush_buffers()
        time.sleep(0.5)


def main() -> None:
    """A thread a stream, until killed."""
    every = float(sys.argv[1])
    for url in sys.argv[2:]:
        threading.Thread(target=pull, args=(url, every), daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
