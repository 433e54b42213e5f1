"""What is asked for and cannot be done, or would be done otherwise than was meant: refused before anything is read."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qoe_agent.viewers.apart import Unusable
from qoe_agent.viewers.lift import metrics
from qoe_agent.viewers.lift.shapes import Columns

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from qoe_agent.viewers.lift.asking import Asked
    from qoe_agent.viewers.lift.shapes import Design, Metric, Trial
    from qoe_agent.viewers.tables.trials import Rows

MOST_SEGMENTS = 50
"""Values that a segment may have."""
_PATHS = ("facts", "measured", "plan", "mapping", "register")
_COLUMNS = ("user", "arm", "watch", "time", "stream", "block")
_USUAL = Columns("user", "arm", "watch_seconds")


def sound(asked: Asked) -> Asked:
    """The same with paths as such. Unusable: it is not sound."""
    given: Any = asked.files
    files = (given,) if isinstance(given, (str, Path)) else given or ()
    asked = replace(asked, files=tuple(_path(each, "files") for each in files),
                    **{name: _path(getattr(asked, name), name) for name in _PATHS})  # fmt: skip
    if asked.files and asked.facts:
        raise Unusable("name files, or facts: one of them")
    _design(asked.design)
    if asked.facts is not None:
        _facts(asked)
    if asked.measured is not None:
        _measured(asked, asked.measured)
    return asked


def segmented(rows: Rows, trial: Trial, design: Design) -> None:
    """Unusable: a segment has so many values that they tell users, not groups of them. (Groups of rare values are one
    already; how many values there are need be known about only.)"""
    table = rows.table
    for column in design.segments:
        values = table.agg(values=table[rows.word(column)].approx_nunique())
        about = rows.engine.rows(values).to_pylist()[0]["values"] or 0
        if len(trial.groups.get((column,), ())) > MOST_SEGMENTS or about > 4 * MOST_SEGMENTS:
            raise Unusable(f"--segment {column}: it has more than {MOST_SEGMENTS} values; segments are a few "
                           "groups of many users")  # fmt: skip


def _path(given: Any, name: str) -> Any:
    if given is None or isinstance(given, Path):
        return given
    if isinstance(given, str) and given:
        return Path(given)
    raise Unusable(f"{name}: must be paths, not {given!r}")


def _must(holds: bool, name: str, expected: str, given: object) -> None:
    if not holds:
        raise Unusable(f"{name} must be {expected}, not {given!r}")


def _above(value: Any) -> bool:
    return isinstance(value, (int, float)) and isfinite(value) and value > 0.0


def _design(design: Design) -> None:
    caps = design.caps
    _must(isinstance(caps, tuple) and len(caps) > 0, "caps", "one or more of seconds and None", caps)
    for each in caps:
        _must(each is None or _above(each), "a cap", "seconds, more than 0, or None", each)
    for name in ("alpha", "smallest_effect"):
        value = getattr(design, name)
        _must(_above(value) and value < 1.0, name, "more than 0 and less than 1", value)
    for name in ("window", "switchback"):
        value = getattr(design, name)
        _must(value is None or _above(value), name, "seconds, more than 0", value)
    _must(design.washout == 0.0 or _above(design.washout), "washout", "seconds, 0 or more", design.washout)
    for name in ("treatments", "metrics", "pre", "strata", "segments"):
        value = getattr(design, name)
        _must(not isinstance(value, str), name, "several, as a tuple", value)
    planned = design.planned_users
    _must(planned is None or (_above(planned) and planned >= 2), "planned_users", "2 at least", planned)
    for arm, share in (design.allocation or {}).items():
        _must(_above(share), f"the share of {arm!r}", "more than 0", share)


def _facts(asked: Asked) -> None:
    """What facts know by themselves cannot be named."""
    from qoe_agent.viewers.tables.trials import facts

    if asked.mapping is not None:
        raise Unusable("--mapping is for files: of facts, the arms are those that events told (kind arm)")
    for name in _COLUMNS:
        given, own = getattr(asked.columns, name), getattr(facts.COLUMNS, name)
        if given not in (None, getattr(_USUAL, name), own):
            raise Unusable(f"--{name} {given}: is for files; of facts it is always {own or 'unknown'}")


def _measured(asked: Asked, path: Path) -> None:
    if not path.exists():
        raise Unusable(f"--measured {path}: no such file or folder")
    if path.is_dir() and not any(each.stat().st_size for each in path.glob("*.jsonl")):
        raise Unusable(f"--measured {path}: nothing was measured there; it would hold *.jsonl, with lines in them")
    if asked.facts is None and (asked.columns.time is None or asked.columns.stream is None):
        raise Unusable("--measured needs --time COLUMN and --stream COLUMN: it is of a stream at a time")


def analysable(asked: Asked) -> None:
    """Raises Unusable where there is nothing to analyse."""
    if not asked.files and asked.facts is None:
        raise Unusable("name files of sessions, or a folder of facts: there is nothing to analyse")
    if asked.experiment and asked.facts is None:
        raise Unusable(f"--experiment {asked.experiment}: is for facts, which hold several; files are of one")
    if asked.design.washout and asked.design.switchback is None and asked.columns.block is None:
        raise Unusable("--washout is of blocks of time: it needs --switchback TIME, or --block COLUMN")
    if asked.design.switchback is not None or asked.columns.block is not None:
        _by_block(asked.design)
    if asked.observational and asked.plan is not None:
        raise Unusable("--plan is of an experiment; what nobody randomised was not registered as one")


def _by_block(design: Design) -> None:
    """Raises Unusable where something is asked for that is of users, of whom a switchback tells nothing."""
    of_users = {
        "--stratify": design.strata, "--segment": design.segments, "--window": design.window,
        "--cap-unit": design.cap_unit != "session",
    }  # fmt: skip
    for name, given in of_users.items():
        if given:
            raise Unusable(f"{name} is of users: of blocks, which --switchback and --block compare, there is no such "
                           "thing (streams are held fixed already; --pre takes covariates)")  # fmt: skip


def before(pre: Sequence[str], columns: Columns, compared: Sequence[Metric]) -> None:
    """Raises Unusable where a covariate from before is what comes after."""
    own = {columns.watch: "the outcome itself", "watch": "the outcome itself", columns.arm: "what is compared"}
    own |= dict.fromkeys(metrics.columns(compared), "what a metric is made of, which is of the experiment's own time")
    for name in pre:
        if name in own:
            raise Unusable(f"--pre {name}: it is {own[name]}; a covariate is what was known of users before it began")


def plannable(asked: Asked) -> None:
    """Raises Unusable where effects or days are none."""
    for each in asked.effects:
        _must(_above(each), "--effect", "a lift of more than 0, such as 0.01", each)
    daily = asked.users_per_day
    _must(daily is None or _above(daily), "--users-per-day", "more than 0", daily)


def alike(arms: Collection[str]) -> None:
    """Raises Unusable where names of arms differ in nothing that people see."""
    found: dict[str, str] = {}
    for name in arms:
        plain = " ".join(name.split()).casefold()
        if plain in found:
            raise Unusable(f"arms {found[plain]!r} and {name!r} differ only in blanks or case: name them alike")
        found[plain] = name
