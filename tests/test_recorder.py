"""What a process noted can be read by another, also when it is dead."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

from qoe_agent.decode import Pool
from qoe_agent.recorder import SLOT, Recorder, blank, mark

CRASH = """
import os, signal, sys
from qoe_agent.recorder import Recorder, mark
slots = Recorder(int(sys.argv[1])).slots
slots[0][:] = mark("over")
slots[0][:] = mark("")
slots[1][:] = mark("under way")
os.kill(os.getpid(), signal.SIGSEGV)
"""


def test_what_a_process_noted_outlives_it() -> None:
    with blank(2) as file:
        recorder = Recorder(file.fileno())
        assert recorder.named(["over", "under way"]) == []
        command = [sys.executable, "-c", CRASH, str(file.fileno())]
        died = subprocess.run(command, pass_fds=[file.fileno()], cwd=os.getcwd(), check=False)
    assert died.returncode == -signal.SIGSEGV
    assert recorder.named(["over", "under way", "other"]) == ["under way"]


def test_names_that_are_too_long_are_cut_off_at_either_side() -> None:
    name = "直播" * SLOT
    assert len(mark(name)) == SLOT
    with blank(1) as file:
        recorder = Recorder(file.fileno())
    recorder.slots[0][:] = mark(name)
    assert recorder.named([name, "直播"]) == [name]


def test_a_decode_thread_notes_whose_job_it_does_and_that_it_is_done() -> None:
    with blank(1) as file:
        recorder = Recorder(file.fileno())
    pool, seen = Pool(1, recorder.slots), list[list[str]]()
    (lane,) = pool.lanes

    def job() -> None:
        lane.note(mark("a"))
        seen.append(recorder.named(["a", "b"]))

    done = threading.Event()
    lane.put(job)
    lane.put(done.set)
    assert done.wait(30.0)
    pool.close()
    assert seen == [["a"]]
    assert recorder.named(["a", "b"]) == []
