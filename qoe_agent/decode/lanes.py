"""Decode threads, and the key-frame decoders that the streams on one thread share."""

from __future__ import annotations

import os
import queue
import threading
from typing import TYPE_CHECKING, Any

import av
import av.logging
import cv2

from qoe_agent import clock
from qoe_agent.recorder import NONE, SLOT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qoe_agent.model import Format

NICENESS = 10
"""Decode threads step back behind the event loop."""
LISTENERS = 8
"""Decoders of sound that streams of one format share."""
WAITING = 1024
"""Jobs that may wait in a lane, mostly seconds of sound; so many that those of a whole fleet may come at once, and that
lateness is acted upon in its order (`maths.overload`) before any are turned away."""

ABLE = {"av1": ("libdav1d", "libaom-av1")}
"""Decoders to use instead of FFmpeg's own of that name, which decodes on special hardware alone (av1dec.c)."""

TELLS = {"h264", "mpeg2video", "vp9"}
"""Decoders that can tell what the encoder chose (AV_CODEC_EXPORT_DATA_VIDEO_ENC_PARAMS); it costs them about 1 %."""

av.logging.set_level(None)
cv2.setNumThreads(1)


class Lane:
    """One decode thread: jobs in, in order; bounded; ends with `close`."""

    def __init__(self, name: str, slot: memoryview | None = None, niceness: int = NICENESS) -> None:
        """`slot`: where it notes whose job it does (`recorder`)."""
        self._niceness = niceness
        self._slot = memoryview(bytearray(SLOT)) if slot is None else slot
        self._jobs: queue.Queue[tuple[float, Callable[[], None] | None]] = queue.Queue(WAITING)
        """With when they were put there."""
        self._listeners: dict[tuple[object, ...], Any] = {}
        self._kept: tuple[tuple[str, bytes, bytes], Any] | None = None
        """The last decoder of key frames, and for what: it holds 21 MB at 1080p, and a new one costs little."""
        self._began: float | None = None
        """When the job under way began."""
        self._worst = 0.0
        self.level = 0
        """How far its streams fall back (`maths.overload`)."""
        self.cpu = 0.0
        """CPU-seconds that streams have had of it."""
        self.refused = 0
        """Jobs that were left out because it is late."""
        self.faults = 0
        """Jobs, or parts of them, that raised: a bug of ours or of a look; counted, never fatal."""
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def put(self, job: Callable[[], None]) -> bool:
        """Queue a job; False when the lane is full."""
        try:
            self._jobs.put_nowait((clock.now(), job))
        except queue.Full:
            return False
        return True

    def note(self, whose: bytes) -> None:
        """The job under way is for this stream, by its `recorder.mark`."""
        self._slot[:] = whose

    def fault(self) -> None:
        """Something of the job under way raised."""
        self.faults += 1

    @property
    def waiting(self) -> int:
        """Jobs in the queue."""
        return self._jobs.qsize()

    @property
    def busy(self) -> float:
        """Seconds that the job under way has taken; 0 while there is none."""
        began = self._began
        return 0.0 if began is None else max(0.0, clock.now() - began)

    def waited(self) -> float:
        """Seconds that a job waited, or waits, at worst since this was last asked."""
        worst, self._worst = self._worst, 0.0
        try:
            oldest: float = self._jobs.queue[0][0]
        except IndexError:
            return worst
        return max(worst, clock.now() - oldest)

    def close(self) -> None:
        """Drop what waits and end the thread."""
        while True:
            try:
                self._jobs.get_nowait()
            except queue.Empty:
                break
        self._jobs.put((clock.now(), None))
        self._thread.join(2.0)

    def shared(self, codec: str, extradata: bytes, sets: bytes) -> Any:
        """The decoder for key frames with this extradata and these parameter sets in the packet."""
        key = (codec, extradata, sets)
        if self._kept is None or self._kept[0] != key:
            self._kept = None  # lets go of its memory before the next one takes as much
            self._kept = key, open_decoder(codec, extradata)
        return self._kept[1]

    def listener(self, form: Format, made: Callable[[Format], Any]) -> Any:
        """The decoder for sound of this format, in whatever state another stream has left it."""
        key = form.codec, form.extradata, form.sample_rate, form.channels
        if key not in self._listeners:
            if len(self._listeners) >= LISTENERS:
                del self._listeners[next(iter(self._listeners))]
            self._listeners[key] = made(form)
        return self._listeners[key]

    def discard(self) -> None:
        """Throw away the decoder, which met an error."""
        self._kept = None

    def _work(self) -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), self._niceness)
        while True:
            put, job = self._jobs.get()
            if job is None:
                return
            self._began = began = clock.now()
            self._worst = max(self._worst, began - put)
            try:
                job()
            except Exception:  # thread top: one bad job must not end decoding for all streams
                self.fault()
            self._began = None
            self.note(NONE)


class Pool:
    """The decode lanes of a process."""

    def __init__(self, threads: int = 1, slots: Sequence[memoryview] = (), niceness: int = NICENESS) -> None:
        """`slots`: one a thread, if its parent is to know what it does."""
        names = [f"decode-{n}" for n in range(max(1, threads))]
        self.lanes = [Lane(name, slots[n] if slots else None, niceness) for n, name in enumerate(names)]
        self._next = 0

    def lane(self) -> Lane:
        """A lane for a new stream, in turn."""
        self._next += 1
        return self.lanes[self._next % len(self.lanes)]

    def close(self) -> None:
        """End all lanes."""
        for lane in self.lanes:
            lane.close()


def open_decoder(codec: str, extradata: bytes) -> Any:
    """A decoder context; one thread: with slice threads FFmpeg never flags corrupt H.264 pictures."""
    able = next((name for name in ABLE.get(codec, ()) if name in av.codecs_available), codec)
    context: Any = av.CodecContext.create(able, "r")
    if codec in TELLS:
        context.options = {"export_side_data": "venc_params"}
    context.thread_count = 1  # libdav1d with threads deadlocks when it is dropped (PyAV 18)
    if extradata:
        context.extradata = extradata
    return context
