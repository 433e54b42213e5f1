"""Why viewers leave: what the tables count, put through the estimators, as one report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qoe_agent.viewers import claims, costing
from qoe_agent.viewers.analysing import Steps, facts_in, plainly
from qoe_agent.viewers.apart import Unusable
from qoe_agent.viewers.shapes import CAUSES, EVERYBODY, TENURE, Exits, Hazard, Without
from qoe_agent.viewers.sharing import widened

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from qoe_agent.viewers.apart import Step
    from qoe_agent.viewers.estimates import Study
    from qoe_agent.viewers.shapes import Cells, Naive
    from qoe_agent.viewers.tables import Audience

FACTORS = {
    "startup": ("startup", "startup_seconds"), "stall": ("stall_times", "events with stalls"),
    "height": ("height", "height"), "latency": ("latency", "latency_seconds"),
    "incident": ("incidents", "--incidents FILE, of streams that were watched"),
    "effective_height": ("effective_height", "--measures FILE, of streams and minutes that were watched"),
    "av_offset": ("av_offset", "--measures FILE, of streams and minutes that were watched"),
}  # fmt: skip
"""Of each factor: which of `Audience.has` tells that it is known, and what it needs."""
MEASURED = ("effective_height", "av_offset")
"""Of these: what a probe measured."""
BESIDE = ("stall", "height", "incident")
"""Factors that are held fixed when what was measured is told."""
COLUMNS = ("arm", "stream", "height", "latency")
"""Known columns by which retention can be broken down, beside attributes."""
BEFORE = "most of them left before the first picture, and so have no startup time: a ratio would say nothing"

UNMEASURED = "not measured: a ratio would compare streams that are probed with others that are not"
SHARED = (
    "{}: all who watch a stream share what was measured of a minute, and whatever else happened in it: intervals are "
    "the wider of those by users and those by half hours of streams"
)
ALONE = "hazards are of the cause {} alone, without naive figures: whoever goes otherwise counts until then"
LONG, MANY = 0.98, 20
"""Such a share of so many sessions at least does not stay for minutes: half do, where people switch at will."""
TOO_LONG = "almost nobody leaves within {:.0f} s, as of no audience: watch_seconds must be seconds, not milliseconds"
SILENT = "not told: a ratio would compare players, or moments, that tell with others that do not"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for."""

    files: tuple[Path, ...] = ()
    facts: Path | None = None
    incidents: Path | None = None
    measures: Path | None = None
    by: tuple[str, ...] = ()
    claims: bool = False
    engine: str = "duckdb"
    """As the tables name it."""
    cause: str = ""
    """Hazards of this way to go alone; empty: of all together."""
    without: Without = EVERYBODY


def analyse(asked: Asked, tell: Callable[[Step], None]) -> Exits:
    """The whole report; for a process of its own. Raises Unusable."""
    steps = Steps(tell, 5 + len(asked.by) + asked.claims)
    steps("reading")
    with plainly(asked.facts), _opened(asked) as audience:
        return _report(audience, asked, steps)


def _opened(asked: Asked) -> Audience:
    from qoe_agent.viewers import tables

    if asked.facts is not None:
        facts_in(asked.facts)
        return tables.open_facts(asked.facts, asked.engine, asked.incidents, asked.measures, asked.without)
    return tables.open_files(asked.files, asked.engine, asked.incidents, asked.measures, asked.without)


def _report(audience: Audience, asked: Asked, steps: Steps) -> Exits:
    from qoe_agent.viewers import estimates

    by = tuple(dict.fromkeys(asked.by))
    known = (*audience.attributes(), *(name for name in COLUMNS if name in audience.has))
    for name in by:
        if name not in known:
            raise Unusable(f"--by {name}: the data has no such attribute; it has {', '.join(known) or 'none'}")
    steps("counting who was there and who left")
    factors = [name for name, (has, _) in FACTORS.items() if has in audience.has and name not in MEASURED]
    modelled = list(dict.fromkeys((*factors, *by)))
    cells, naive = audience.cells(modelled), audience.naive(modelled)
    steps("fitting hazards")
    study = estimates.study(cells)
    told = hazards(estimates.study(estimates.of_cause(cells, asked.cause)), ()) if asked.cause else (
        hazards(study, naive))  # fmt: skip
    retention = estimates.retention(study or cells)
    odd = [TOO_LONG.format(one.seconds) for one in retention[-1:] if one.share > LONG and audience.sessions() >= MANY]
    found = Exits(
        sessions=audience.sessions(),
        retention=retention,
        curve=estimates.curve(study or cells),
        hazards=_joined(told, _measured(audience, modelled, asked.cause)),
        cause=asked.cause,
        causes=estimates.incidence(study) if study else (),
        notes=(*odd, *notes(audience.has, cells, asked.cause), *audience.notes),
    )
    found = replace(found, breakdowns=_broken_down(audience, by, factors, steps))
    steps("costing incidents")
    found = costing.added(found, audience, study)
    if asked.claims:
        from qoe_agent.viewers import material

        steps("testing claims")
        found = replace(found, claims=claims.claims(material.gathered(audience, study, found)))
    return found


def _measured(audience: Audience, modelled: Sequence[str], cause: str) -> tuple[Hazard, ...]:
    """Of what a probe measured, in a model of its own: with all factors at once there would be too many cells."""
    from qoe_agent.viewers import estimates

    own = [name for name in MEASURED if name in audience.has]
    if not own:
        return ()
    factors = [*(name for name in BESIDE if name in modelled), *own]
    counted = (audience.cells(factors, stretches=shared) for shared in (False, True))
    by_users, by_stretches = (estimates.study(estimates.of_cause(each, cause) if cause else each) for each in counted)
    naive = () if cause else audience.naive(own)
    found = [one for one in hazards(by_users, naive) if one.factor in own]
    return widened(found, estimates.hazards(by_stretches) if by_stretches else ())


def _joined(found: tuple[Hazard, ...], more: tuple[Hazard, ...]) -> tuple[Hazard, ...]:
    """With time watched, the baseline of all, at the end."""
    return (*(one for one in found if one.factor != "tenure"), *more,
            *(one for one in found if one.factor == "tenure"))  # fmt: skip


def hazards(study: Study | None, naive: Sequence[Naive]) -> tuple[Hazard, ...]:
    """With each factor's reference before its other levels, and without figures that would be none."""
    from qoe_agent.viewers import estimates

    if study is None:
        return ()
    told = estimates.hazards(study, naive)
    cells, found = study.model.cells, []
    for factor, levels in zip(cells.factors, cells.levels, strict=True):
        rows = [sensible(one) for one in told if one.factor == factor]
        exits = max(0.0, float(cells.exit_count.sum()) - sum(one.exits for one in rows))
        there = max(0.0, float(study.seconds[:, : len(TENURE)].sum()) - sum(one.person_seconds for one in rows))
        found += [Hazard(factor, levels[0], 1.0, 1.0, 1.0, None, exits, there, "the reference"), *rows]
    return (*found, *(one for one in told if one.factor == "tenure"))


def sensible(one: Hazard) -> Hazard:
    """Without a figure that would be none."""
    if one.level != "unknown":
        return one
    note = BEFORE if one.factor == "startup" else UNMEASURED if one.factor in MEASURED else SILENT
    return one._replace(hazard_ratio=None, low=None, high=None, naive=None, note=note)


def _broken_down(
    audience: Audience, by: Sequence[str], factors: Sequence[str], steps: Steps
) -> tuple[Mapping[str, Any], ...]:
    from qoe_agent.viewers import estimates

    cells: dict[str, Cells] = {}
    sessions: dict[tuple[str, str], int] = {}
    for name in by:
        steps(f"counting by {name}")
        first = audience.first(name)
        found = audience.cells([*(each for each in factors if each == "stall"), first])
        cells[name] = replace(found, factors=tuple(name if each == first else each for each in found.factors))
        sessions |= {(name, level): count for level, count in audience.counts(first).items()}
    return estimates.breakdown(cells, sessions=sessions)


def notes(has: frozenset[str], cells: Cells, cause: str = "") -> list[str]:
    """What is absent and why, and how well exits are known."""
    import numpy as np

    found = [f"{name}: absent: needs {needs}" for name, (known, needs) in FACTORS.items() if known not in has]
    if shared := [name for name in MEASURED if name in has]:
        found.append(SHARED.format(", ".join(shared)))
    if cause:
        found.append(ALONE.format(cause))
        if not (cells.exit_cause == CAUSES.index(cause)).any():
            found.append(f"nobody was seen to go by the cause {cause}: there are no hazards of it")
    if not len(cells.exit_count):
        return [*found, "nobody was seen to leave: there are no hazards"]
    lengths = cells.exit_seconds.sum(axis=1)
    order = np.argsort(lengths)
    reach = np.cumsum(cells.exit_count[order])
    middle = float(lengths[order][np.searchsorted(reach, reach[-1] / 2)])
    if middle <= 0:
        return [*found, "the moment of at least half of the exits is known exactly"]
    return [
        *found, f"half of the exits are known to within {middle:.3g} s or better; each counts where the model expects "
        "it in its interval (EM)",
    ]  # fmt: skip
