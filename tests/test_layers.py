"""The house keeps its order (DESIGN.md §2, §4): who may import whom, and how big a file may be."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "qoe_agent"
FILES = sorted(ROOT.rglob("*.py"))
TREES = {path: ast.parse(path.read_text()) for path in FILES}

LAYERS = (
    ("model",),
    ("clock", "markup"),
    ("maths",),
    ("bitstream",),
    ("probes",),
    ("recorder",),
    ("decode", "sources", "catalogue", "ring", "logs", "journal", "memory", "naps", "beats", "link"),
    ("tether", "garbage"),
    ("config", "join"),
    ("discovery", "discipline", "series", "incidents", "sink", "demo"),
    ("stamp", "known"),
    ("board", "evidence"),
    ("outbox", "tally", "strain", "rollcall", "history", "thumbnails"),
    ("session",),
    ("visit",),
    ("fleet", "alerts", "viewers", "compare", "about", "verdict", "shard"),
    ("vitals", "quarantine"),
    ("worker",),
    ("child",),
    ("errands",),
    ("crew",),
    ("exporter", "web", "report"),
    ("sending",),
    ("loopback",),
    ("daemon", "watching", "filming"),
    ("options",),
    ("reporting", "lift_options", "compare_options"),
    ("sweeping", "comparing_live"),
    ("stamping", "exiting", "forgetting", "lifting", "importing", "comparing"),
    ("demonstration",),
    ("__main__",),
)
"""Each room may import those before it, and its own; the exporter also its web."""
TOGETHER = {("exporter", "web")}

PURE = ("model", "markup", "maths", "bitstream", "probes")
PURE_FILES = (
    "alerts/cases.py", "alerts/chats.py", "alerts/policy.py", "alerts/signing.py", "compare/shapes.py",
    "viewers/cmcd.py", "viewers/cmcd_events.py", "viewers/cmcd_keys.py", "viewers/cmcd_pieces.py",
    "viewers/cmcd_record.py", "viewers/cmcd_values.py", "viewers/claims.py", "viewers/events.py", "viewers/fields.py",
    "viewers/ingest/callbacks.py", "viewers/ingest/door.py", "viewers/ingest/live.py", "viewers/ingest/messages.py",
    "viewers/ingest/meter.py", "viewers/ingest/sums.py", "viewers/ingest/whose.py", "viewers/plain.py",
    "viewers/lift/assignment.py", "viewers/lift/checking.py", "viewers/lift/comparing.py", "viewers/lift/curves.py",
    "viewers/lift/metrics.py", "viewers/lift/needs.py", "viewers/lift/observed.py", "viewers/lift/shapes.py",
    "viewers/lift/verdicts.py", "viewers/privacy.py", "viewers/sayings.py", "viewers/shapes.py",
)  # fmt: skip
PURE_ROOMS = ("compare/aligning/", "compare/figures/", "viewers/estimates/", "viewers/effects/")
IMPURE = {
    "asyncio", "datetime", "http", "io", "logging", "multiprocessing", "os", "pathlib", "random", "secrets",
    "select", "shutil", "signal", "socket", "ssl", "subprocess", "sys", "tempfile", "threading", "time",
    "urllib.request", "uuid", "aiohttp", "av", "qoe_agent.clock",
}  # fmt: skip
MAY_IMPORT_AV = ("decode", "sources", "demo", "compare", "stamp")
MAY_IMPORT_TIME = ("clock",)
MAY_IMPORT_IBIS = "viewers/tables/"
EXTRAS = ("pyarrow", "duckdb", "ibis", "pyspark", "scipy")
"""Large, and most of them of the extra `viewers`: imported inside the functions that need them."""
FORBIDDEN_NAMES = {"utils", "util", "helpers", "common", "base", "manager", "core", "misc"}
LINES, FUNCTION_LINES = 300, 40
LONGER = {"model.py": 352}
"""The vocabulary is one text, readable in one sitting; cut in two, it would be read twice."""


def room(path: Path) -> str:
    first = path.relative_to(ROOT).parts[0]
    return first.removesuffix(".py")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@functools.cache
def imports(path: Path) -> set[str]:
    """Whatever is imported, also under TYPE_CHECKING; `from a import b` gives both a and a.b."""
    found: set[str] = set()
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)}: relative import"
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def touches(found: set[str], module: str) -> bool:
    return any(got == module or got.startswith(module + ".") for got in found)


def imports_only_lower_rooms(path: Path) -> None:
    order = {each: depth for depth, rooms in enumerate(LAYERS) for each in rooms}
    here = room(path)
    if here == "__init__":
        return
    assert here in order, f"{here} has no layer yet: give it one in LAYERS"
    for found in imports(path):
        there = found.split(".")[1] if found.startswith("qoe_agent.") else here
        if there in order and there != here and (here, there) not in TOGETHER:
            assert order[there] < order[here], f"{here} imports {there}"


def only_the_clock_imports_time(path: Path) -> None:
    if room(path) in MAY_IMPORT_TIME:
        return
    found = imports(path)
    assert not touches(found, "time")
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Attribute) and node.attr in ("now", "utcnow", "today"):
            owner = ast.unparse(node.value)
            assert owner not in ("datetime", "datetime.datetime", "date", "datetime.date"), "ask clock instead"


def only_the_edges_import_av(path: Path) -> None:
    assert room(path) in MAY_IMPORT_AV or not touches(imports(path), "av")


def only_the_tables_know_their_engines(path: Path) -> None:
    if not name(path).startswith(MAY_IMPORT_IBIS):
        assert not [each for each in ("ibis", "duckdb", "pyspark", "chdb") if touches(imports(path), each)]


def what_comes_with_an_extra_is_imported_where_it_is_needed(path: Path) -> None:
    for node in TREES[path].body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            assert not [each for each in names if each.split(".")[0] in EXTRAS]


def the_middle_is_pure(path: Path) -> None:
    if room(path) not in PURE and name(path) not in PURE_FILES and not name(path).startswith(PURE_ROOMS):
        return
    found = imports(path)
    assert not [module for module in IMPURE if touches(found, module)]
    called = {ast.unparse(node.func) for node in ast.walk(TREES[path]) if isinstance(node, ast.Call)}
    assert not called & {"open", "input", "print", "np.random.default_rng", "os.environ.get"}


def files_and_functions_are_small(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    assert lines < LONGER.get(name(path), LINES)
    for node in ast.walk(TREES[path]):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length < FUNCTION_LINES, f"{node.name} has {length} lines"


def every_file_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(TREES[path]), "no docstring"
    assert not FORBIDDEN_NAMES & set(path.relative_to(ROOT).with_suffix("").parts)


def broad_excepts_raise_again_or_say_why(path: Path) -> None:
    lines = path.read_text().splitlines()
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.ExceptHandler):
            broad = node.type is None or ast.unparse(node.type) in ("Exception", "BaseException")
            again = isinstance(node.body[-1], ast.Raise)
            assert not broad or again or "#" in lines[node.lineno - 1], f"line {node.lineno}: unexplained"


LAWS = (
    imports_only_lower_rooms, only_the_clock_imports_time, only_the_edges_import_av, only_the_tables_know_their_engines,
    what_comes_with_an_extra_is_imported_where_it_is_needed, the_middle_is_pure, files_and_functions_are_small,
    every_file_says_what_it_is_for, broad_excepts_raise_again_or_say_why,
)  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=name)
def test_the_order_of_the_house_is_kept(path: Path) -> None:
    for law in LAWS:
        law(path)
