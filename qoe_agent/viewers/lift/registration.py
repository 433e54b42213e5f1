"""Pre-registrations: what was decided before anybody looked, in a file, and what an analysis does otherwise.

A file is YAML with the keys of `Registered`; `sha256` is of all others, as JSON with sorted keys. Who changes a file
changes that; it is no seal: commit the file, or send it to somebody, before the experiment begins.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, get_args

from pydantic import AfterValidator, Field, TypeAdapter

from qoe_agent.config import document, reading
from qoe_agent.config.section import section
from qoe_agent.config.values import Seconds, Word
from qoe_agent.viewers.apart import Unusable
from qoe_agent.viewers.lift import metrics
from qoe_agent.viewers.lift.shapes import CAPS, Check, Design

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from qoe_agent.viewers.lift.shapes import Columns, Metric

NONE = "none"


def _metric(text: str) -> str:
    metrics.metric(text)
    return text


def _guardrail(text: str) -> str:
    metrics.guardrail(text)
    return text


Unit = Literal["user", "session"]
_Cap = Annotated[float, Field(gt=0, le=1e9)] | Literal["none"]
_Some = Annotated[float, Field(gt=0, lt=1)]
_Names = tuple[Word, ...]
_Column = Literal["user", "arm", "watch", "time", "stream", "block"]
_WORDS = {"caps": "cap", "treatments": "treatment", "metrics": "metric", "segments": "segment", "pre": "covariates"}
_NOTHING: tuple[Any, ...] = (None, "", [], {})


@section
class Registered:
    """What a file may say."""

    control: Word
    experiment: str = ""
    registered: str = ""
    """When, as a date."""
    treatments: _Names = ()
    """None: all other arms."""
    unit: Unit = "user"
    metrics: tuple[Annotated[Word, AfterValidator(_metric)], ...] = ()
    """Beside the usual ones, as on the command line: COLUMN, COLUMN/COLUMN."""
    guardrails: tuple[Annotated[Word, AfterValidator(_guardrail)], ...] = ()
    """METRIC:MARGIN."""
    caps: tuple[_Cap, ...] = ()
    """Seconds, or none; the verdict is about the first. Empty: the usual ones."""
    cap_unit: Literal["session", "user", "window"] = "session"
    window: Seconds | None = None
    planned_users: Annotated[int, Field(gt=0)] | None = None
    smallest_effect: _Some = 0.01
    allocation: dict[Word, Annotated[float, Field(gt=0, le=1)]] | None = None
    pre: _Names = ()
    strata: _Names = ()
    segments: _Names = ()
    alpha: _Some = 0.05
    switchback: Seconds | None = None
    washout: Annotated[float, Field(ge=0)] = 0.0
    columns: dict[_Column, Word] | None = None
    """Which columns tell what; those that are not named may be any."""
    sha256: str = ""


class Read(NamedTuple):
    """What a file says."""

    design: Design
    unit: Unit
    said: Registered
    sound: bool | None
    """Whether it is as it was written; None: it has no hash."""


def read(path: Path) -> Read:
    """What the file registers. Unusable: line by line, what is wrong with it and what was expected."""
    try:
        text = document.read(reading.text_of(str(path)), None)
        data = {} if text.data is None and not text.problems else text.data
        adapter = TypeAdapter(Registered)
        said = None if text.problems else reading.validate(adapter, data, text, os.path.dirname(os.path.abspath(path)))
        if said is None or text.problems:
            raise reading.refusal(text, str(path))
    except reading.ConfigError as error:
        raise Unusable(str(error)) from None
    sound = _hash(data) == said.sha256 if said.sha256 else None
    return Read(_design(said), said.unit, said, sound)


def _design(said: Registered) -> Design:
    caps = tuple(None if each == "none" else each for each in said.caps) or CAPS
    compared = (*map(metrics.metric, said.metrics), *map(metrics.guardrail, said.guardrails))
    shared = {each.name for each in fields(Design)} - {"metrics", "caps"}
    return Design(**{name: getattr(said, name) for name in shared}, metrics=compared, caps=caps)


def register(path: Path, design: Design, experiment: str, unit: Unit, date: str,
             columns: Columns | None = None) -> Registered:  # fmt: skip
    """Write the design into a new file, and the columns that are known. Unusable: it cannot be written, is there, or
    says what no file can."""
    said = replace(_said(design, experiment, unit, date), columns=_known(columns))
    text = _written(said)
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise Unusable(f"{path}: there is such a file, and a registration is written once: name another") from None
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}") from None
    return read(path).said


def _known(columns: Columns | None) -> dict[_Column, str] | None:
    found: dict[_Column, str | None] = {name: getattr(columns, name, None) for name in get_args(_Column)}
    return {name: column for name, column in found.items() if column} or None


def _said(design: Design, experiment: str, unit: Unit, date: str) -> Registered:
    plain, bounded = [], []
    for each in design.metrics:
        if each.margin is None:
            plain.append(_spelled(each, each.name, metrics.metric))
        else:
            bounded.append(_spelled(each, f"{each.name}:{each.margin:g}", metrics.guardrail))
    if not design.control:
        raise Unusable("a registration needs the name of the control arm")
    return Registered(
        experiment=experiment, registered=date, unit=unit, metrics=tuple(plain), guardrails=tuple(bounded),
        caps=tuple("none" if each is None else each for each in design.caps),
        allocation=dict(design.allocation) if design.allocation else None,
        **{each.name: getattr(design, each.name) for each in fields(Design)
           if each.name not in ("metrics", "caps", "allocation")},
    )  # fmt: skip


def _spelled(given: Metric, text: str, spelled: Any) -> str:
    try:
        if spelled(text).of == given.of and spelled(text).over == given.over:
            return text
    except ValueError:
        pass
    raise Unusable(f"metric {given.name}: cannot be registered: only COLUMN, COLUMN/COLUMN and the usual ones can")


def _written(said: Registered) -> str:
    import yaml

    head = "# What was decided before anybody looked. Analyses name it: qoe-agent lift … --plan FILE\n"
    made = {name: value for name, value in json.loads(json.dumps(asdict(said))).items() if value not in _NOTHING}
    return head + yaml.safe_dump({**made, "sha256": _hash(made)}, sort_keys=False, allow_unicode=True, width=100)


def _hash(said: Mapping[str, Any]) -> str:
    rest = {name: value for name, value in said.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def differences(said: Read, design: Design, columns: Columns) -> tuple[str, ...]:
    """What an analysis does otherwise than was registered, a line each; "" of `columns`: it is not needed."""
    then, now = said.design, design
    found = []
    for each in fields(Design):
        one, other = _shown(getattr(then, each.name)), _shown(getattr(now, each.name))
        if one != other:
            found.append(f"{each.name}: registered {one}, analysed {other}")
    unit = "user" if columns.user else "session"
    if unit != said.unit and design.switchback is None and not columns.block:
        found.append(f"unit: registered {said.unit}, analysed {unit}")
    for name, column in (said.said.columns or {}).items():
        here = getattr(columns, name)
        if here != column and here != "":
            found.append(f"column {name}: registered {column}, analysed {here or NONE}")
    return tuple(found)


def named(changed: tuple[str, ...]) -> tuple[str, ...]:
    """What these differences are about, in a word each."""
    return tuple(_WORDS.get(name, name.replace("_", " ")) for name in (each.partition(":")[0] for each in changed))


def _shown(value: Any) -> str:
    if value is None:
        return NONE
    if isinstance(value, dict):
        whole = sum(value.values()) or 1.0
        return ", ".join(f"{name}={share / whole:g}" for name, share in sorted(value.items())) or NONE
    if isinstance(value, tuple):
        return ", ".join(_named(each) for each in value) or NONE
    return f"{value:g}" if isinstance(value, float) else str(value)


def _named(each: Any) -> str:
    if hasattr(each, "name"):
        return str(each.name) if each.margin is None else f"{each.name}:{each.margin:g}"
    return _shown(each)


def check(said: Read, changed: tuple[str, ...]) -> Check:
    """Whether the analysis is the one that was registered."""
    when = f" on {said.said.registered}" if said.said.registered else ""
    if said.sound is False:
        text = f"the registration is not what was written{when}: its hash is another"
        return Check("registration", "failed", text, blocks=True)
    if changed:
        text = f"{len(changed)} of what was registered{when} is otherwise here: {'; '.join(changed)}"
        return Check("registration", "notice", text, blocks=True)
    if said.sound is None:
        text = f"analysed as registered{when}, in a file without a hash: nothing tells whether it is as it was written"
        return Check("registration", "notice", text, blocks=True)
    return Check("registration", "passed", f"analysed as registered{when}", blocks=True)
