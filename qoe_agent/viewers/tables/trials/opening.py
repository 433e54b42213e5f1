"""From files, by the names of their columns, to rows of sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qoe_agent.viewers.tables import files, opening, schemas
from qoe_agent.viewers.tables.engines import identifier
from qoe_agent.viewers.tables.sessions import Rows as Told
from qoe_agent.viewers.tables.trials import mapped
from qoe_agent.viewers.tables.trials.rows import Rows, is_length

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from qoe_agent.viewers.lift.shapes import Columns
    from qoe_agent.viewers.tables.engines import Table


_WHOLE = 1e15
"""From which on floating-point numbers are written otherwise."""


def of_files(
    paths: Sequence[Path], columns: Columns, numbers: Sequence[str], words: Sequence[str], engine: str,
    mapping: Path | None,
) -> Rows:  # fmt: skip
    """As `trials.open_files` says."""
    own = {columns.watch: "watch"} | ({columns.time: "time"} if columns.time else {})
    numbers = [each for each in dict.fromkeys(numbers) if each not in own and each != "watch"]
    words = list(dict.fromkeys(words))
    arm = columns.arm if mapping is None else ""
    texts = {"user": columns.user, "arm": arm, "stream": columns.stream, "block": columns.block}
    needed = [each for each in (*own, *texts.values(), *numbers, *words) if each]
    with opening.counting(engine) as counter, opening.reading(counter) as reader:
        found = files.staged(paths, reader, form(needed, [*own, *numbers], columns.time, columns))
        table = _rows(Told(counter.read(found.paths), found.columns), columns, texts, numbers, words)
        notes = []
        if "session" in found.columns:
            table, repeated = opening.once(table, counter)
            table = table.drop("sid")
            notes = [opening.REPEATED.format(repeated)] if repeated else []
        if mapping is None:
            return Rows(counter, table, columns, numbers, words, notes)
        if columns.user is None:
            raise ValueError("a mapping of users to arms needs a column of users")
        given = files.staged([mapping], reader, form(("user", "arm"), (), None), "mapping")
        arms = mapped.arms(Told(counter.read(given.paths), given.columns))
        rows = Rows(counter, mapped.joined(table, arms), columns, numbers, words, notes)
        rows.mapped = mapped.assigned(arms, counter)
        return rows


def form(
    needed: Collection[str], numbers: Collection[str], time: str | None, columns: Columns | None = None
) -> schemas.Form:
    """Of files that must have these columns; `columns`: which of them options name."""
    required = tuple(dict.fromkeys(needed))
    options = {getattr(columns, name): f" (--{name} names it)" for name in ("user", "arm", "watch") if columns}

    def missing(there: Collection[str]) -> tuple[str, str] | None:
        lack = next((each for each in required if each not in there), None)
        listed = ", ".join(sorted(there)) or "none"
        return None if lack is None else ("header", f"no column {lack!r}{options.get(lack, '')}; the file has {listed}")

    def rules(there: Collection[str]) -> list[schemas.Rule]:
        return [_rule(each, each == time) for each in dict.fromkeys(numbers) if each in there]

    times = frozenset([time] if time else [])
    return schemas.Form(frozenset(numbers), times, missing, rules)


def _rule(column: str, time: bool) -> schemas.Rule:
    if time:
        return schemas.of_time(column)
    if is_length(column):
        return schemas.of_length(column)
    return schemas.Rule(column, f"not isfinite({identifier(column)}::double)", "must be a finite number, or empty")


def _rows(given: Told, columns: Columns, texts: dict[str, str | None], numbers: Sequence[str],
          words: Sequence[str]) -> Table:  # fmt: skip
    """The table that `rows.Rows` describes."""
    import ibis

    made: dict[str, Any] = {"watch": given.ms(columns.watch).cast("float64")}
    if columns.time:
        made["time"] = given.ms(columns.time)
    for name, column in texts.items():
        if column:
            made[name] = _text(given, column)
    if columns.user and given.table[columns.user].type().is_integer():
        made["user"] = given.table[columns.user].cast("int64")
    if columns.stream and "rendition" in given.columns:
        made["rendition"] = given.text("rendition")
    made.setdefault("arm", ibis.literal("", "string"))
    if "session" in given.columns:
        made["sid"] = given.text("session")
    for number, name in enumerate(numbers):
        made[f"n{number}"] = given.ms(name).cast("float64") if is_length(name) else given.table[name].cast("float64")
    for number, name in enumerate(words):
        made[f"w{number}"] = _text(given, name)
    return given.table.select(**made)


def _text(given: Told, column: str) -> Any:
    """A number that is whole is written as such, in whatever way the file holds it."""
    import ibis

    value = given.table[column]
    if not value.type().is_floating():
        return given.text(column)
    whole = (value == value.floor()) & (value.abs() < ibis.literal(_WHOLE, "float64"))
    text = ibis.ifelse(whole, value.cast("int64").cast("string"), value.cast("string"))
    return ibis.ifelse(value.isnan(), ibis.null("string"), text)
