"""An audience as files: sessions, events, CMCD records, the probe's incidents, and the truth."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from qoe_agent.viewers.audience import seen, tell
from qoe_agent.viewers.audience.reports import reports
from qoe_agent.viewers.audience.sent import measures
from qoe_agent.viewers.audience.truth import named, truth

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from qoe_agent.viewers.audience.fates import Fates

KINDS = ("jsonl", "csv", "parquet", "events", "cmcd")


def write(fates: Fates, folder: Path, kinds: Collection[str] = KINDS) -> list[Path]:
    """Write what of KINDS is wanted, incidents.jsonl, truth.json and, where the plan has measures, measures.jsonl into
    `folder`; which files these are.

    Where clocks are wrong, events also say when they were received.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "truth.json", folder / "incidents.jsonl"]
    written[0].write_bytes(to_json(truth(fates), indent=1) + b"\n")
    probe = [named(fates.plan, number) for number, fault in enumerate(fates.plan.incidents) if fault.seen]
    _lines(written[1], (to_json(one) for one in probe))
    if fates.plan.measures:
        written.append(folder / "measures.jsonl")
        _lines(written[-1], (to_json(one) for one in measures(fates.plan)))
    if "jsonl" in kinds:
        written.append(folder / "sessions.jsonl")
        _lines(written[-1], (to_json(_known(row)) for row in seen.rows(fates)))
    if "csv" in kinds:
        written.append(folder / "sessions.csv")
        with written[-1].open("w", newline="") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow(seen.COLUMNS)
            out.writerows(seen.rows(fates))
    if "parquet" in kinds:
        written.append(folder / "sessions.parquet")
        _parquet(fates, written[-1])
    if "events" in kinds or "cmcd" in kinds:
        told = reports(fates)
        if "events" in kinds:
            written.append(folder / "events.jsonl")
            skewed = fates.plan.reporting.skew > 0
            _lines(written[-1], (
                to_json(event | {"received_at": round(arrival, 3)} if skewed else event)
                for arrival, _, event in tell.plain(told)
            ))  # fmt: skip
        if "cmcd" in kinds:
            written.append(folder / "events.cmcd")
            _lines(written[-1], (record.encode() for _, _, record in tell.cmcd(told)))
    return written


def _known(row: list[Any]) -> dict[str, Any]:
    return {name: value for name, value in zip(seen.COLUMNS, row, strict=True) if value is not None}


def _lines(path: Path, lines: Iterable[bytes]) -> None:
    with path.open("wb", buffering=1 << 20) as file:
        file.writelines(line + b"\n" for line in lines)


def _parquet(fates: Fates, path: Path) -> None:
    """Needs the extra `viewers`."""
    import pyarrow as pa
    from pyarrow import parquet

    table: dict[str, Any] = {**seen.columns(fates), **seen.names(fates)}
    columns = {}
    for name in seen.COLUMNS:
        values = [each or None for each in table[name]] if name == "cause" else table[name]
        columns[name] = pa.array(values, from_pandas=True)  # NaN is nothing
    parquet.write_table(pa.table(columns), path, compression="zstd")
