"""Sessions to cells: how long, and how much memory. `python -m tests.bench.bench_exits [SESSIONS] [ENGINE] [FOLDER]`.

Sessions are made by DuckDB into Parquet (Puffer's hazards, roughly: lognormal watch times), then counted in a process
of its own whose peak memory is told. With `incidents` for ENGINE: the whole command `exits`, without incidents and
with a hundred of them.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

INCIDENTS, WEEK = 100, 604_800
FACTORS = (["startup"], ["startup", "height", "latency"], ["region"])


def make(path: Path, sessions: int) -> None:
    with duckdb.connect() as made:
        made.execute("set memory_limit = '1GB'; select setseed(0.5)")
        made.execute(f"""copy (
            select 's' || n as session, 'u' || (n * 7919 % {max(sessions // 3, 1)}) as user,
                's' || (n % 20) as stream, start, start + watch as exit_low,
                start + watch + 10 as exit_high, if(watch > startup, startup, null) as startup_seconds,
                [360, 480, 720, 1080][1 + n % 4] as height, 2 + random() * 10 as latency_seconds,
                'r' || (n % 15) as region
            from (select range as n, 1.7e9 + floor(random() * 604800) as start,
                      exp(random() * 4 - 1.5) as startup,
                      least(exp(4.6 + 2.2 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random())), 20000) as watch
                  from range({sessions}))
        ) to '{path}' (format parquet)""")


def count(path: Path, engine: str) -> None:
    from qoe_agent.viewers.tables import open_files

    began = time.perf_counter()
    with open_files([path], engine) as audience:
        print(f"opened {audience.sessions()} sessions: {time.perf_counter() - began:.1f} s")
        for factors in FACTORS:
            start = time.perf_counter()
            cells = audience.cells(factors)
            print(f"cells by {', '.join(factors)}: {time.perf_counter() - start:.1f} s, {len(cells.bins)} cells, "
                  f"{len(cells.time_cell)} of person-time, {len(cells.exit_cause)} of exits")  # fmt: skip
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(f"in all {time.perf_counter() - began:.1f} s, {used.ru_utime + used.ru_stime:.1f} s of processors, "
          f"at most {used.ru_maxrss / 1024:.0f} MB")  # fmt: skip


def report(path: Path) -> None:
    """The command, in DuckDB."""
    incidents = path.with_name("incidents.jsonl")
    incidents.write_text("".join(
        json.dumps({"id": f"i{n}", "stream": f"s{n % 20}", "kind": ("black", "stall", "silence")[n % 3],
                    "start": 1.7e9 + n * WEEK / INCIDENTS, "end": 1.7e9 + n * WEEK / INCIDENTS + 30}) + "\n"
        for n in range(INCIDENTS)))  # fmt: skip
    for more in ([], ["--incidents", str(incidents)]):
        began = time.perf_counter()
        made = subprocess.run([sys.executable, "-m", "qoe_agent", "exits", str(path), "--json", "--quiet", *more],
                              check=True, capture_output=True)  # fmt: skip
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        costs = [one["excess_exits"] is not None for one in json.loads(made.stdout)["incidents"]]
        print(f"{len(costs)} incidents, {sum(costs)} with a cost: {time.perf_counter() - began:.1f} s; so far "
              f"{used.ru_utime + used.ru_stime:.1f} s of processors, {used.ru_maxrss / 1024:.0f} MB")  # fmt: skip


def main() -> None:
    sessions = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000_000
    engine = sys.argv[2] if len(sys.argv) > 2 else "duckdb"
    if sessions == 0:
        count(Path(sys.argv[3]), engine)
        return
    with tempfile.TemporaryDirectory(dir=sys.argv[3] if len(sys.argv) > 3 else None) as folder:
        path = Path(folder) / "sessions.parquet"
        make(path, sessions)
        print(f"{sessions} sessions, {path.stat().st_size / 1e6:.0f} MB of Parquet, {engine}")
        if engine == "incidents":
            report(path)
            return
        subprocess.run([sys.executable, "-m", "tests.bench.bench_exits", "0", engine, str(path)], check=True)


if __name__ == "__main__":
    main()
