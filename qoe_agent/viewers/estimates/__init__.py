"""What the audience's figures say: estimators over the tables' Cells and Timelines, in numpy alone.

They read no clock, file or random source. Intervals are 95 %; a figure that the data do not carry is left out, or is
None with a note that says why.
"""

from __future__ import annotations

from qoe_agent.viewers.estimates.breakdowns import breakdown
from qoe_agent.viewers.estimates.causes import incidence
from qoe_agent.viewers.estimates.competing import of_cause
from qoe_agent.viewers.estimates.costs import cost
from qoe_agent.viewers.estimates.hazards import hazards
from qoe_agent.viewers.estimates.jackknife import Study, study
from qoe_agent.viewers.estimates.many import Pooled, discoveries, pooled
from qoe_agent.viewers.estimates.minutes import remaining
from qoe_agent.viewers.estimates.retention import curve, retention

__all__ = [
    "Pooled", "Study", "breakdown", "cost", "curve", "discoveries", "hazards", "incidence", "of_cause", "pooled",
    "remaining", "retention", "study",
]  # fmt: skip
