"""What the claim on messages is tested with: how late they come, and who leaves after late ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.viewers import estimates
from qoe_agent.viewers.proof import Figure, Talked
from qoe_agent.viewers.shares import portion

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qoe_agent.viewers.shapes import Cells
    from qoe_agent.viewers.tables import Audience

STEP = 0.1
"""Seconds: how finely delays are told."""
LATE, IN_TIME = "late", "in time"


def talked(audience: Audience) -> Talked | None:
    """None: no message was both sent and shown."""
    found = audience.delivery()
    if found is None:
        return None
    middle, most = (within(found.delays, share) for share in (0.5, 0.95))
    told = Talked(float(found.shown.sum()), middle, most, portion(found.late, found.shown), float(found.sent.sum()),
                  portion(found.lost, found.sent) if found.tells else None)  # fmt: skip
    ratio, why = beside(audience.cells([*(["stall"] if "stall_times" in audience.has else []), "message"]))
    return told._replace(ratio=ratio, why=why)


def within(delays: NDArray[np.float64], share: float) -> float:
    """Seconds in which such a share was shown."""
    reached = np.cumsum(delays)
    return STEP * (1 + int(np.searchsorted(reached, share * reached[-1])))


def beside(cells: Cells) -> tuple[Figure | None, str]:
    """How many times as fast viewers leave after a late message as after one in time; or why that is not known."""
    if LATE not in cells.levels[cells.factors.index("message")]:
        return None, "nobody met one"
    study = estimates.study(cells)
    if study is None:
        return None, "nobody was seen to leave"
    levels = study.model.cells.levels[cells.factors.index("message")]
    one = next((one for one in estimates.hazards(study) if (one.factor, one.level) == ("message", LATE)), None)
    if levels[0] != IN_TIME or one is None:
        return None, "too few left after one in time"
    if one.hazard_ratio is None or one.low is None or one.high is None:
        return None, one.note.partition(";")[0]
    return Figure(one.hazard_ratio, one.low, one.high), ""
