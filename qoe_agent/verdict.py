"""Good, bad or failed: what a watched stretch of a stream amounts to, by the thresholds of its profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qoe_agent.config import Thresholds

LIMITED = ("stall", "black", "silence", "content_freeze")
"""Incidents that are bad from a duration on; the threshold has their name. Those of a tile share it."""
TILE = "tile_"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found, and why."""

    word: Literal["good", "bad", "failed"]
    reasons: tuple[str, ...]

    @property
    def status(self) -> int:
        """The exit status: 0 good, 1 thresholds broken, 2 could not measure."""
        return {"good": 0, "bad": 1, "failed": 2}[self.word]


def judge(
    thresholds: Thresholds,
    *,
    media: bool,
    lost: str,
    startup: float | None,
    incidents: Sequence[Mapping[str, Any]],
) -> Verdict:
    """The verdict on a visit.

    `media`: whether any came; `lost`: why the first pull ended without any, for people; `startup`: seconds to
    the first picture; `incidents`: as in the JSON document.
    """
    if not media:
        return Verdict("failed", (f"no media: {lost}" if lost else "no media came",))
    reasons = []
    for incident in incidents:
        kind, seconds = incident["kind"], incident["seconds"]
        tile, judged = incident.get("detail", {}).get("tile"), kind.removeprefix(TILE)
        limit = getattr(thresholds, judged) if judged in LIMITED else None
        if kind == "lost" and thresholds.lost:
            reasons.append("the stream was lost")
        elif limit is not None and (seconds > limit if kind == "stall" else seconds >= limit):
            still = " so far" if incident["end"] is None else ""
            what = (f"{tile}: " if tile else "") + judged.replace("_", " ")
            reasons.append(f"{what} of {seconds:.1f} s{still} (limit {limit:g} s)")
    if startup is None:
        reasons.append("no picture or sound could be decoded")
    elif thresholds.startup is not None and startup > thresholds.startup:
        reasons.append(f"startup took {startup:.1f} s (limit {thresholds.startup:g} s)")
    return Verdict("bad" if reasons else "good", tuple(reasons))
