"""Sessions to a Trial: how long, and how much memory. `python -m tests.bench.bench_lift [SESSIONS] [ENGINE] [FOLDER]`.

Sessions are made by DuckDB into Parquet: some 0.4 users a session, who came the oftener the lower their number (like
Zipf), watch times roughly lognormal (Puffer's), a covariate from before, ten words of ten values each. Each count runs
in a process of its own, whose peak memory is told, beside a bare GROUP BY of DuckDB in another one.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import duckdb

SEGMENTS = tuple(f"segment{number}" for number in range(10))


def make(path: Path, sessions: int) -> None:
    words = ", ".join(f"'v' || (hash(user, {number}) % 10) as {name}" for number, name in enumerate(SEGMENTS))
    with duckdb.connect() as made:
        made.execute("set memory_limit = '1GB'; set preserve_insertion_order = false; select setseed(0.5)")
        made.execute(f"""copy (
            select 'u' || user as user, if(hash(user, 77) % 2 = 0, 'hd', 'sd') as arm, round(watch, 3) as watch_seconds,
                round(exp(5 + (hash(user, 78) % 1000) / 250.0), 1) as pre, start, 'room' || (n % 50) as stream, {words}
            from (select range as n, floor({0.56 * sessions} * pow(random(), 1.8))::bigint as user,
                      1.7e9 + floor(random() * 1209600) as start,
                      least(exp(4.6 + 2.2 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random())), 77760) as watch
                  from range({sessions}))
        ) to '{path}' (format parquet)""")


def bare(path: Path) -> None:
    """The least that has to be done: by user, then by arm."""
    from qoe_agent.viewers.tables.engines import DuckDB

    engine = DuckDB()
    began = time.perf_counter()
    found = engine.raw.execute(
        f"""select arm, count(*), sum(watched), sum(watched * watched)
            from (select user, arm, sum(watch_seconds) as watched from read_parquet('{path}') group by user, arm)
            group by arm order by arm"""
    ).fetchall()
    print(f"bare: {time.perf_counter() - began:.1f} s, {sum(row[1] for row in found):,} users, {used()}")
    engine.close()


def count(path: Path, engine: str, segments: int, timed: bool) -> None:
    from qoe_agent.viewers.lift.shapes import Amount, Columns, Design, Metric
    from qoe_agent.viewers.tables.trials import open_files

    columns = Columns("user", "arm", "watch_seconds", *(["start"] if timed else []))
    metrics = (Metric("watch", Amount("watch")), Metric("watch_per_session", Amount("watch"), Amount("sessions")),
               Metric("longer_than_30s", Amount("watch", above=30.0), Amount("sessions")))  # fmt: skip
    design = Design("sd", metrics=metrics, pre=("pre",), segments=SEGMENTS[:segments],
                    window=7 * 86400.0 if timed else None)  # fmt: skip
    began = time.perf_counter()
    with open_files([path], columns, ["pre"], SEGMENTS[:segments], engine) as rows:
        spilled = Spilled(rows.engine.folder)
        found = rows.trial(design)
        seconds = time.perf_counter() - began
        units = sum(each.units for each in found.arms.values())
        print(f"{segments} segments, {'with' if timed else 'without'} times: {seconds:.1f} s, {units:,} units, "
              f"{used()}, at most {spilled.stop() / 1e9:.2f} GB on disk")  # fmt: skip


class Spilled:
    """How much lay in a folder at most."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._most, self._over = folder, 0, threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(0.2):
            sizes = 0
            for path in self._folder.rglob("*"):
                try:
                    sizes += path.stat().st_size
                except OSError:
                    continue
            self._most = max(self._most, sizes)

    def stop(self) -> int:
        self._over.set()
        self._thread.join()
        return self._most


def used() -> str:
    told = resource.getrusage(resource.RUSAGE_SELF)
    return f"{told.ru_utime + told.ru_stime:.1f} s of processors, at most {told.ru_maxrss / 1024:.0f} MB"


def main() -> None:
    if len(sys.argv) > 1 and sys.argv[1] == "of":
        _, _, given, engine, what = sys.argv
        if what == "bare":
            bare(Path(given))
        else:
            count(Path(given), engine, int(what.removesuffix("t")), what.endswith("t"))
        return
    sessions = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000_000
    engine = sys.argv[2] if len(sys.argv) > 2 else "duckdb"
    with tempfile.TemporaryDirectory(dir=sys.argv[3] if len(sys.argv) > 3 else None) as folder:
        path = Path(folder) / "sessions.parquet"
        make(path, sessions)
        print(f"{sessions:,} sessions, {path.stat().st_size / 1e6:.0f} MB of Parquet, {engine}", flush=True)
        for what in ("bare", "1", "10", "1t"):
            print(f"load {os.getloadavg()[0]:.1f}: ", end="", flush=True)
            subprocess.run([sys.executable, "-m", "tests.bench.bench_lift", "of", str(path), engine, what], check=True)


if __name__ == "__main__":
    main()
