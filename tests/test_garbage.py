"""Cycles are searched for seldom; here in a process of its own, as there is no way back."""

from __future__ import annotations

import subprocess
import sys

from qoe_agent.garbage import NEW

LINES = """
import gc
from qoe_agent import garbage
before = gc.get_stats()[0]["collections"]
garbage.seldom()
for _ in range(2 * garbage.NEW):
    one = []
    one.append(one)
print(gc.get_freeze_count(), gc.get_stats()[0]["collections"] - before, len(gc.get_objects()))
"""


def test_what_was_there_stays_and_cycles_go_after_many_new_objects() -> None:
    told = subprocess.run([sys.executable, "-c", LINES], capture_output=True, text=True, check=True).stdout.split()
    frozen, searches, objects = map(int, told)
    assert frozen > 1000
    assert 1 <= searches <= 3
    assert objects <= NEW + 1000
