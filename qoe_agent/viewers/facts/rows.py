"""Events as rows: their columns in Arrow and Parquet, and which rows are to be left out.

pyarrow comes with the extra `viewers`, and is imported where it is needed.
"""

from __future__ import annotations

import os
import typing
from typing import TYPE_CHECKING, Any

import numpy as np

from qoe_agent.viewers.events import ViewerEvent, decoded
from qoe_agent.viewers.facts import parts
from qoe_agent.viewers.facts.segments import hand_over, sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray

REPEATS_MS = 86_400_000
"""How long after an event its repetitions are known as such."""
GROUP_ROWS = 1 << 18
_CHUNK = 1 << 14
_FILTER_BITS = 22


def schema() -> pa.Schema:
    """The columns: the fields of ViewerEvent, whole numbers as int64; nothing that engines read differently."""
    import pyarrow as pa

    kinds = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_(),
             dict[str, str]: pa.map_(pa.string(), pa.string())}  # fmt: skip
    fields = []
    for name, hint in typing.get_type_hints(ViewerEvent).items():
        known = [each for each in typing.get_args(hint) if each in kinds] or [hint]
        fields.append(pa.field(name, kinds[known[0]], nullable=hint not in kinds))
    return pa.schema(fields)


def table(records: Iterable[bytes]) -> pa.Table:
    """The events in records of the log."""
    import pyarrow as pa

    form, chunks, rows = schema(), [], list[dict[str, Any]]()
    for record in records:
        rows += decoded(record)
        if len(rows) >= _CHUNK:
            chunks.append(_batch(rows, form))
            rows = []
    chunks.append(_batch(rows, form))
    return pa.Table.from_batches(chunks, form)


def _batch(rows: list[dict[str, Any]], form: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    columns = []
    for field in form:
        values: list[Any] = [row.get(field.name) for row in rows]
        if pa.types.is_map(field.type):
            values = [None if value is None else list(value.items()) for value in values]
        columns.append(pa.array(values, field.type))
    return pa.RecordBatch.from_arrays(columns, schema=form)


def write(path: Path, tables: Iterable[pa.Table]) -> None:
    """Put these into a Parquet file at `path`, whole or not at all. OSError: it cannot be."""
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    hand_over(path.parent)
    temporary = path.with_name(f".{path.name}{parts.TEMPORARY}")
    try:
        with open(temporary, "wb") as file:
            with pq.ParquetWriter(file, schema(), compression="zstd") as writer:
                for each in tables:
                    writer.write_table(each, GROUP_ROWS)
            file.flush()
            os.fsync(file.fileno())
        hand_over(temporary)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    for folder in (path.parent, path.parent.parent):
        sync_folder(folder)


def pieces(path: Path, columns: Sequence[str] | None = None, since_ms: int | None = None) -> Iterable[pa.Table]:
    """The rows of a Parquet file, some at a time; from `since_ms` on only those that may have come later."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        received = file.schema_arrow.get_field_index("received_ms")
        for group in range(file.num_row_groups):
            known = file.metadata.row_group(group).column(received).statistics
            if since_ms is None or known is None or not known.has_min_max or known.max >= since_ms:
                yield file.read_row_group(group, columns)


def new(found: pa.Table, day: str, folder: Path, older: Callable[[parts.Part], bool]) -> pa.Table:
    """`found` without what repeats earlier rows of it, or of files that are `older` and reach into the last 24 hours.

    `day`: when `found` was logged.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not found.num_rows:
        return found
    keys = found["key"].to_numpy()
    keep = np.zeros(len(keys), bool)
    keep[np.unique(keys, return_index=True)[1]] = True
    since_ms = pc.min(found["received_ms"]).as_py() - REPEATS_MS
    earliest = min(str(np.datetime64(since_ms, "ms").astype("datetime64[D]")), day)
    eve = str(np.datetime64(earliest) - 1)
    files = [part.path for part in parts.counted(parts.listed(folder))[0] if part.day >= eve and older(part)]
    keep &= ~repeated(keys, since_ms, files)
    return found if keep.all() else found.filter(pa.array(keep))


def repeated(keys: NDArray[np.int64], since_ms: int, files: Iterable[Path]) -> NDArray[np.bool_]:
    """Which of `keys` the files have. Memory: that of a row group."""
    mask = (1 << _FILTER_BITS) - 1
    maybe = np.zeros(1 << _FILTER_BITS, bool)
    maybe[keys & mask] = True
    ours, which = np.unique(keys, return_inverse=True)
    found = np.zeros(len(ours), bool)
    for path in files:
        for piece in pieces(path, ["key"], since_ms):
            there = piece["key"].to_numpy()
            there = there[maybe[there & mask]]
            place = np.minimum(np.searchsorted(ours, there), len(ours) - 1)
            found[place[ours[place] == there]] = True
    return found[which]


def belongs(found: pa.Table, users: Collection[int], sessions: Collection[tuple[str, str]]) -> pa.ChunkedArray:
    """Which rows are of these users (by `user_key`) or of these sessions (source, session)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    theirs = pc.is_in(found["user_key"], pa.array(sorted(users), pa.int64()))
    names = pa.array(sorted("\0".join(each) for each in sessions), pa.string())
    whose = pc.is_in(pc.binary_join_element_wise(found["source"], found["session"], "\0"), names)
    return pc.or_(theirs, whose)
