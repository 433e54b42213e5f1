"""Figures on exits, made by hand: one of everything that a report must be able to say."""

from __future__ import annotations

import numpy as np

from qoe_agent.viewers.shapes import Claim, Cost, Exits, Hazard, Mark, Timeline

BEGAN = 1_795_291_048.0


def timeline() -> Timeline:
    """An incident at BEGAN that makes its viewers leave, not the others."""
    steps = 60
    watching = np.full((2, steps), 5000.0)
    exits = np.full((2, steps), 4.0)
    exits[0, 24:34] = 15.0
    exits[:, ::3] += 1.0
    return Timeline("room-1", BEGAN - 120, 5.0, watching, exits, np.zeros((2, steps)))


def exits() -> Exits:
    """All parts, with the odd cases: no figure, no interval, markup in names."""
    curve = (
        (1, 0.985), (3, 0.954), (5, 0.935), (10, 0.887), (20, 0.82), (30, 0.759), (60, 0.632), (120, 0.529),
        (180, 0.48), (300, 0.42), (600, 0.337), (1200, 0.27), (1800, 0.22), (3600, 0.141), (7200, 0.07),
    )  # fmt: skip
    marks = tuple(Mark(float(at), share, share - 0.011, share + 0.011) for at, share in curve)
    hazards = (
        Hazard("stall", "none", 1.0, 1.0, 1.0, None, 160_000, 9.1e7, "the reference"),
        Hazard("stall", "recent", 2.9768, 2.931, 3.042, 0.2312, 9_214, 610_000.0,
               "against none; the naive figure has the wrong sign: whoever watches long meets stalls"),
        Hazard("stall", "earlier", 1.3081, 1.287, 1.33, 0.2312, 21_004, 4.1e6),
        Hazard("startup", "1–2", 1.0, 1.0, 1.0, None, 40_000, 3e7, "the reference"),
        Hazard("startup", "<0.6", 0.871, 0.84, 0.902, 0.95, 30_000, 3e7),
        Hazard("startup", "≥4", None, None, None, 1.9, 3, 800.0, "too few exits"),
        Hazard("startup", "unknown", 1.02, 0.99, 1.06, 1.1, 3_000, 2e6),
        Hazard("tenure", "0-1 s", 6.2, 6.0, 6.4, None, 3_000, 2e5, "against 30-60 s"),
    )  # fmt: skip
    incidents = (
        Cost("i-1", "content_freeze", BEGAN, 91.23, 53.4, 129.9, 0.0004, "unexposed viewers of the same stream", 1042.5,
             3.2, True, 0.61, 0.01, 160.0, 68.8, end=BEGAN + 8),
        Cost("i-2", "black", BEGAN + 1800, 12.0, -30.5, 55.0, 0.41, "placebo windows", 130.0, None, False, 0.02),
        Cost("i-<3>", "stall", BEGAN + 3600, note="cannot be known, because fewer than 5 unexposed viewers left"),
    )  # fmt: skip
    causes = tuple(
        {"seconds": float(at), "cause": cause, "share": share * part}
        for cause, part in (("left", 0.9), ("failed", 0.1)) for at, share in ((3, 0.046), (30, 0.241))
    )  # fmt: skip
    claims = (
        Claim("half_in_30s", "nearly half the audience is gone in the first 30 s", "24.1 % are gone after 30 s", 0.23,
              0.241, 0.252, "retention curve", "disagrees"),
        Claim("rhythm", "a highlight every 5 to 8 minutes holds attention", "not testable here: needs highlights"),
    )  # fmt: skip
    breakdowns = tuple({"attribute": "region", "level": level, "sessions": 1000, "seconds": 30.0, "share": share,
                        "low": share - 0.02, "high": share + 0.02, "p_adjusted": 0.03}
                       for level, share in (("cn-<east>", 0.8), ("sg", 0.7)))  # fmt: skip
    notes = ("Exits are known to within 10 s.", "latency: absent: needs events")
    named = tuple(mark for mark in marks if mark.seconds in (3, 30, 180))
    return Exits(200_000, named, marks, hazards, causes, incidents, claims, notes, breakdowns, {"i-1": timeline()})
