"""Files that users give: CSV, JSON Lines and Parquet, checked, as Parquet files that every engine reads."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from qoe_agent.viewers.tables import schemas
from qoe_agent.viewers.tables.engines import DuckDB, identifier, listed, quoted
from qoe_agent.viewers.tables.faults import BadTable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from qoe_agent.viewers.tables.schemas import Form

_SUFFIXES = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".jsonl": "json", ".ndjson": "json", ".json": "json",
             ".parquet": "parquet", ".pq": "parquet"}  # fmt: skip
_NUMERIC = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
            "FLOAT", "DOUBLE", "DECIMAL", "BOOLEAN")  # fmt: skip

ROW = "file_row_number"
"""DuckDB's column of this name is read with a file."""
_COMMA = re.compile(r"[-+]?\d+,\d+")
SHOWN = 40
"""Letters of a wrong value that are told."""
MOST_ATTRIBUTES = 32
"""Keys of events' attributes that are taken."""


class Staged(NamedTuple):
    """Files as the engines read them."""

    paths: list[Path]
    """Parquet files."""
    columns: tuple[str, ...]
    """Of all of them together."""


class _File(NamedTuple):
    given: Path
    parquet: Path
    head: int | None
    """Lines before the first row; None: it has no lines."""


def staged(given: Sequence[Path], reader: DuckDB, form: Form = schemas.VIEWERS, name: str = "given") -> Staged:
    """The files, checked. BadTable: what is wrong, and where. What is written is called after `name`."""
    files = [_staged(path, f"{name}{number}", reader, form) for number, path in enumerate(expanded(given))]
    if not files:
        raise BadTable(given[0], None, None, "a folder without Parquet files")
    columns: dict[str, None] = {}
    events = None
    for file in files:
        theirs = dict(described(reader, f"read_parquet({listed([file.parquet])})"))
        if lack := form.missing(theirs):
            culprit = _culprit(file.given, form) if file.head == 0 else None
            raise culprit or BadTable(file.given, None if file.head is None else 1, *lack)
        if form.of_viewers and events is not None and schemas.is_events(theirs) != events:
            raise BadTable(file.given, None, None, "sessions and events cannot be read together")
        events = schemas.is_events(theirs)
        _checked(file, theirs, reader, form)
        columns.update(dict.fromkeys(theirs))
    return Staged([file.parquet for file in files], tuple(columns))


def expanded(given: Sequence[Path]) -> list[Path]:
    """Files, and those in folders. BadTable: there is none."""
    found: list[Path] = []
    for path in given:
        if path.is_dir():
            found += sorted(path.rglob("*.parquet"))
        elif path.is_file():
            found.append(path)
        else:
            raise BadTable(path, None, None, "no such file")
    return found


def kind_of(path: Path) -> str | None:
    """csv, json or parquet, by its name."""
    suffixes = [each.lower() for each in path.suffixes if each.lower() != ".gz"]
    return _SUFFIXES.get(suffixes[-1] if suffixes else "")


def _staged(path: Path, name: str, reader: DuckDB, form: Form) -> _File:
    target = reader.folder / f"{name}.parquet"
    if (kind := kind_of(path)) == "csv":
        _from_csv(path, target, reader, form)
        file = _File(path, target, 1)
    elif kind == "json":
        lines = _from_json(path, target, reader, form)
        file = _File(path, target, 0 if lines else None)
    elif kind == "parquet":
        file = _File(path, path, None)
    else:
        raise BadTable(path, None, None, "a name that ends in .csv, .tsv, .jsonl, .json or .parquet")
    return _named(file, target, reader, form)


def _named(file: _File, target: Path, reader: DuckDB, form: Form) -> _File:
    """The file with viewers' sessions named by their rows, if it does not name them."""
    try:
        if file.parquet == file.given and form.of_viewers:
            file = _opened_up(file, target, reader)
        columns = [name for name, _ in described(reader, f"read_parquet({listed([file.parquet])})")]
    except reader.Error as error:
        raise BadTable(file.given, None, None, f"must be Parquet: {str(error).splitlines()[0]}") from None
    if ROW in columns:
        raise BadTable(file.given, file.head and 1, ROW, "no column can have this name: it must be called otherwise")
    if "session" in columns or not form.of_viewers:
        return file
    named = target.with_stem(f"{target.stem}-named")
    source = f"read_parquet({listed([file.parquet])}, {ROW} = true)"
    reader.write(f"select * exclude ({ROW}), '{target.stem}-' || {ROW} as session from {source}", named)
    return file._replace(parquet=named)


def _opened_up(file: _File, target: Path, reader: DuckDB) -> _File:
    """Parquet with columns for the attributes of events, be they JSON, a map or a struct."""
    source = f"read_parquet({listed([file.parquet])})"
    types = dict(described(reader, source))
    if not (schemas.is_events(types) and "attributes" in types):
        return file
    text = "attributes" if types["attributes"] in ("VARCHAR", "JSON") else "to_json(attributes)"
    reader.write(f"select *{_spread(source, list(types), reader, text)} from {source}", target)
    return file._replace(parquet=target)


def described(reader: DuckDB, source: str) -> list[tuple[str, str]]:
    """Names and types of columns."""
    return [(row[0], row[1]) for row in reader.raw.execute(f"describe select * from {source}").fetchall()]


def _typed(columns: Sequence[str], form: Form) -> str:
    kinds = ("DOUBLE" if each in form.numbers else "VARCHAR" for each in columns)
    return "{" + ", ".join(f"{quoted(each)}: '{kind}'" for each, kind in zip(columns, kinds, strict=True)) + "}"


def opened(path: Path) -> io.TextIOWrapper:
    """Its text, unpacked."""
    raw = gzip.open(path) if path.suffix.lower() == ".gz" else open(path, "rb")  # noqa: SIM115  closed with what wraps it
    return io.TextIOWrapper(raw, "utf-8-sig", newline="")


def _from_csv(path: Path, target: Path, reader: DuckDB, form: Form) -> None:
    with opened(path) as file:
        try:
            first = file.readline()
        except UnicodeDecodeError:
            raise BadTable(path, 1, None, "must be text in UTF-8") from None
    if not first.strip():
        raise BadTable(path, 1, "header", "must name the columns: the file has none" if first else
                       "must name the columns: the file is empty")  # fmt: skip
    mark = max(",;\t|", key=first.count)
    names = [each.strip() for each in next(csv.reader([first], delimiter=mark), [])]
    if len(set(names)) < len(names) or not all(names):
        raise BadTable(path, 1, "header", "must name each column once")
    source = (f"read_csv({listed([path])}, header = true, auto_detect = false, delim = {quoted(mark)}, quote = '\"', "
              f"escape = '\"', columns = {_typed(names, form)}, store_rejects = true)")  # fmt: skip
    try:
        reader.write(f"select *{_spread(source, names, reader)} from {source}", target)
    except reader.Error as error:
        raise BadTable(path, None, None, str(error).splitlines()[0]) from None
    bad = reader.raw.execute(
        "select line, column_name, error_type, csv_line, column_idx from reject_errors order by line limit 1"
    ).fetchone()
    if bad is not None:
        reader.raw.execute("drop table reject_errors; drop table reject_scans")
        value = _value(bad[3], mark, bad[4]) if bad[2] == "CAST" else ""
        raise BadTable(path, bad[0], bad[1] or None, _meant(bad[2], bad[1] in form.times, len(names)) + value)


def _value(line: str, mark: str, column: int) -> str:
    """What stands where a number should."""
    cells = next(csv.reader([line or ""], delimiter=mark), [])
    text = cells[column - 1].strip() if len(cells) >= column else ""
    if not text:
        return ""
    told = ": decimals follow a point" if _COMMA.fullmatch(text) else ""
    return f", not {text[:SHOWN]!r}{told}"


def _meant(fault: str, time: bool, width: int) -> str:
    if fault == "CAST":
        number = "a time in Unix seconds" if time else "a number"
        return f"must be {number}, or empty"
    if "COLUMNS" in fault:
        return f"must have {width} columns, as the header"
    return "must be " + {"INVALID ENCODING": "text in UTF-8"}.get(fault, "CSV with double quotes (RFC 4180)")


def _from_json(path: Path, target: Path, reader: DuckDB, form: Form) -> bool:
    """Whether it has one object a line."""
    with opened(path) as file:
        try:
            lines = file.read(4096).lstrip()[:1] != "["
        except UnicodeDecodeError:
            raise BadTable(path, 1, None, "must be text in UTF-8") from None
    layout = quoted("newline_delimited" if lines else "array")
    try:
        whole = f"read_json({listed([path])}, format = {layout}, sample_size = -1, maximum_depth = 1)"
        names = [name for name, _ in described(reader, whole)]
        source = f"read_json({listed([path])}, format = {layout}, columns = {_typed(names, form)})"
        reader.write(f"select *{_spread(source, names, reader)} from {source}", target)
    except reader.Error as error:
        raise (_culprit(path, form) if lines else None) or BadTable(
            path, None, None, str(error).splitlines()[0]
        ) from None
    return lines


def _spread(source: str, names: Sequence[str], reader: DuckDB, value: str = "attributes") -> str:
    """Columns for the keys of the attributes of events; `value`: these as JSON."""
    if "attributes" not in names:
        return ""
    keys = reader.raw.execute(
        f"select distinct unnest(json_keys({value})) as key from {source} where json_valid({value}) order by key"
    ).fetchall()
    fresh = [str(row[0]) for row in keys if row[0] not in names][:MOST_ATTRIBUTES]
    columns = [identifier(key) for key in fresh]
    paths = [quoted('$."' + key.replace("\\", "\\\\").replace('"', '\\"') + '"') for key in fresh]
    valid = f"case when json_valid({value}) then {value} end"
    return "".join(f", json_extract_string({valid}, {path}) as {column}"
                   for path, column in zip(paths, columns, strict=True))  # fmt: skip


def _culprit(path: Path, form: Form) -> BadTable | None:
    """The first line that is no object of good values."""
    from pydantic_core import from_json

    with opened(path) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                found: Any = from_json(line, allow_inf_nan=False)
            except ValueError:
                return BadTable(path, number, None, "must be a JSON object")
            if not isinstance(found, dict):
                return BadTable(path, number, None, "must be a JSON object")
            for name, value in found.items():
                if name in form.numbers and value is not None and not isinstance(value, (int, float)):
                    return BadTable(path, number, name, _meant("CAST", name in form.times, 0))
    return None


def _checked(file: _File, types: dict[str, str], reader: DuckDB, form: Form) -> None:
    for name, kind in types.items():
        if name in form.numbers and not kind.startswith(_NUMERIC):
            raise BadTable(file.given, None, name, f"must be a column of numbers, not {kind}")
    rules = form.rules(types)
    if not rules:
        return
    source = f"read_parquet({listed([file.parquet])}, {ROW} = true)"
    counted = ", ".join(f"count_if({rule.fault})" for rule in rules)
    counts = reader.raw.execute(f"select {counted} from {source}").fetchone() or ()
    broken = [rule for rule, count in zip(rules, counts, strict=True) if count]
    if not broken:
        return
    firsts = ", ".join(f"min({ROW}) filter ({rule.fault})" for rule in broken)
    rows = reader.raw.execute(f"select {firsts} from {source}").fetchone() or ()
    row, rule = min(zip(rows, broken, strict=True), key=lambda each: int(each[0]))
    if file.head is None:
        raise BadTable(file.given, None, rule.column, f"row {row + 1}: {rule.expected}")
    line = row + 1 + file.head
    if file.head == 0:
        with opened(file.given) as lines:
            filled = (number for number, text in enumerate(lines, 1) if text.strip())
            line = next(itertools.islice(filled, row, None), line)
    raise BadTable(file.given, line, rule.column, rule.expected)
