"""How late the sound is against the picture, from the marks in both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qoe_agent.maths.tone import CYCLE

if TYPE_CHECKING:
    from qoe_agent.maths.marks import Marks


def offset(pts: float, time: float, marks: Marks) -> float | None:
    """Seconds by which the sound is late (> 0) or early (< 0); None where no picture says when it was made.

    `pts`, `time`: a chirp's media time and the time it tells, modulo 102.3 s (`tone_reader.Tone`). What is shown
    with it was made at `marks.captured(pts)`: a sound made earlier than that comes late.
    """
    shown = marks.captured(pts)
    return None if shown is None else (shown.at - time + CYCLE / 2) % CYCLE - CYCLE / 2
