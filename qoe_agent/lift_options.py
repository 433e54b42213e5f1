"""The options of `qoe-agent lift` and `qoe-agent lift plan`, and the design that they make."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from qoe_agent.options import length

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qoe_agent.viewers.lift import Columns, Design

PANEL_COLUMNS, PANEL_DESIGN, PANEL_OBSERVED = "Columns", "Design", "Where nobody randomised"
Names: TypeAlias = list[str] | None

Files: TypeAlias = Annotated[
    list[Path] | None,
    typer.Argument(metavar="FILE", show_default=False,
                   help="A row a session: CSV, JSON Lines, Parquet. None: the daemon's facts."),
]  # fmt: skip
Past: TypeAlias = Annotated[
    list[Path] | None,
    typer.Argument(metavar="FILE", show_default=False,
                   help="Past sessions, a row each. None: watch times as a published trial saw them."),
]  # fmt: skip


def _column(*names: str, text: str) -> Any:
    return typer.Option(*names, metavar="COLUMN", show_default=False, rich_help_panel=PANEL_COLUMNS, help=text)


def _decided(*names: str, text: str, metavar: str | None = None) -> Any:
    return typer.Option(*names, metavar=metavar, show_default=False, rich_help_panel=PANEL_DESIGN, help=text)


User: TypeAlias = Annotated[
    str, _column("--user", text="Who watched. Default: user or user_id, if there; else each session by itself.")
]
Arm: TypeAlias = Annotated[str, _column("--arm", text="Which arm it was in (arm).")]
Watch: TypeAlias = Annotated[str, _column("--watch", text="Seconds watched (watch_seconds).")]
Time: TypeAlias = Annotated[str, _column("--time", text="When it began, Unix seconds: for windows, and while it runs.")]
Stream: TypeAlias = Annotated[str, _column("--stream", text="What was watched: for switchbacks, and shared streams.")]
Block: TypeAlias = Annotated[str, _column("--block", text="Of a switchback: which block it was in.")]
Segment: TypeAlias = Annotated[Names, _column("--segment", text="Effects by its values, too; repeatable.")]
Pre: TypeAlias = Annotated[Names, _column("--pre", text="Of before the experiment: for CUPED; repeatable.")]
Stratify: TypeAlias = Annotated[Names, _column("--stratify", text="Post-stratify by it; repeatable.")]
Control: TypeAlias = Annotated[str, _decided("--control", text="The arm that others are compared with.")]
Treatment: TypeAlias = Annotated[
    Names, _decided("--treatment", text="Arms to compare; repeatable. Default: all others.")
]
Cap: TypeAlias = Annotated[
    Names,
    _decided("--cap", metavar="SECONDS",
             text='Count at most so much of a session, such as 9000 or 2.5h; "none"; repeatable: the verdict is about '
                  "the first. Default: 2.5h, none, 1h."),
]  # fmt: skip
CapUnit: TypeAlias = Annotated[
    Literal["session", "user", "window"] | None, _decided("--cap-unit", text="What a cap is for. Default: session.")
]
Window: TypeAlias = Annotated[
    str, _decided("--window", metavar="TIME", text="Count so much of a user's time, from his first session: 7d.")
]
PlannedUsers: TypeAlias = Annotated[
    int | None, _decided("--planned-users", text="In all arms, at the end: gives intervals that hold at any time.")
]
Smallest: TypeAlias = Annotated[
    float | None, _decided("--smallest-effect", text="The least lift that would matter, as a ratio. Default: 0.01.")
]
Allocation: TypeAlias = Annotated[
    str, _decided("--allocation", metavar="ARM=SHARE,…", text="Shares of the arms: hd=.9,sd=.1. Default: equal.")
]
Metrics: TypeAlias = Annotated[
    Names, _decided("--metric", metavar="NAME", text="Compare this, too: COLUMN or COLUMN/COLUMN; repeatable.")
]
Guardrails: TypeAlias = Annotated[
    Names, _decided("--guardrail", metavar="METRIC:MARGIN", text="What may not get worse than that; repeatable.")
]
Switchback: TypeAlias = Annotated[
    str, _decided("--switchback", metavar="TIME", text="Arms were given to blocks of stream and time this long.")
]
Washout: TypeAlias = Annotated[
    str, _decided("--washout", metavar="TIME", text="Do not count what began so soon after a block did.")
]
Registered: TypeAlias = Annotated[
    Path | None, _decided("--plan", text="What `lift plan --register` wrote: gives the design, and tells what changed.")
]
Assigned: TypeAlias = Annotated[Path, typer.Option("--plan", help="What `lift plan --register` wrote.")]
Salt: TypeAlias = Annotated[str, typer.Option(help="As it is given to the assignment elsewhere.")]
Experiment: TypeAlias = Annotated[str, _decided("--experiment", metavar="NAME", text="Which one, of several in facts.")]
Mapping: TypeAlias = Annotated[
    Path | None, typer.Option(help="A file with user and arm, a row a user, instead of a column of arms.")
]
Measured: TypeAlias = Annotated[
    Path | None, typer.Option(help="What the agent measured of each stream, where that is not in the facts.")
]
Observational: TypeAlias = Annotated[
    bool, typer.Option("--observational", rich_help_panel=PANEL_OBSERVED, help="Nobody randomised the arms.")
]
Covariate: TypeAlias = Annotated[
    Names,
    typer.Option(metavar="COLUMN", rich_help_panel=PANEL_OBSERVED, help="What arms are made alike in; repeatable."),
]
Csv: TypeAlias = Annotated[Path | None, typer.Option("--csv", help="Write estimates and comparisons, a row each.")]
Register: TypeAlias = Annotated[Path | None, _decided("--register", text="Write the design here, before it begins.")]
Effects: TypeAlias = Annotated[
    list[float] | None, _decided("--effect", text="A lift to be seen, a ratio; repeatable. Default: .103, .01, .0015.")
]
PerDay: TypeAlias = Annotated[float | None, _decided("--users-per-day", text="New ones, where --time does not tell.")]


def columns(user: str, arm: str, watch: str, time: str, stream: str, block: str) -> Columns:
    """As they are named; those of the daemon's own schema where they are not."""
    from qoe_agent.viewers.lift import Columns

    return Columns(user or None, arm or "arm", watch or "watch_seconds", time or None, stream or None, block or None)


def listed(names: Sequence[str] | None) -> tuple[str, ...]:
    """Of a repeatable option, in which commas divide, too."""
    return tuple(dict.fromkeys(each.strip() for one in names or () for each in one.split(",") if each.strip()))


def _parsed(read: Callable[[str], Any], text: str, option: str) -> Any:
    """What an option says."""
    try:
        return read(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def given(
    control: str, treatment: Names, cap: Names, cap_unit: str | None, metric: Names, guardrail: Names,
    allocation: str, smallest_effect: float | None,
) -> dict[str, Any]:  # fmt: skip
    """Of a design, what the command line says."""
    from qoe_agent.viewers.lift import metrics

    found = {
        "control": control, "treatments": tuple(dict.fromkeys(treatment or ())), "cap_unit": cap_unit,
        "caps": tuple(dict.fromkeys(_cap(each) for each in listed(cap))),
        "metrics": (
            *(_parsed(metrics.metric, each, "--metric") for each in listed(metric)),
            *(_parsed(metrics.guardrail, each, "--guardrail") for each in listed(guardrail)),
        ),
        "allocation": _parsed(metrics.shares, allocation, "--allocation") if allocation else None,
    }  # fmt: skip
    if smallest_effect is not None and not 0 < smallest_effect < 1:
        raise typer.BadParameter("must be more than 0 and less than 1, such as 0.01", param_hint="--smallest-effect")
    return {name: value for name, value in found.items() if value} | (
        {} if smallest_effect is None else {"smallest_effect": smallest_effect}
    )


def sequence(
    window: str, planned_users: int | None, switchback: str, washout: str, segment: Names, pre: Names, stratify: Names
) -> dict[str, Any]:
    """The rest of it."""
    if planned_users is not None and planned_users < 2:
        raise typer.BadParameter("must be 2 at least", param_hint="--planned-users")
    found = {
        "window": _long(window, "--window"), "planned_users": planned_users,
        "switchback": _long(switchback, "--switchback"), "washout": _long(washout, "--washout"),
        "segments": listed(segment), "pre": listed(pre), "strata": listed(stratify),
    }  # fmt: skip
    return {name: value for name, value in found.items() if value}


def _long(text: str, option: str) -> float | None:
    """Seconds, of a number of them or of text such as 2.5h."""
    try:
        return length(f"{text}s" if text.replace(".", "", 1).isdigit() else text)
    except typer.BadParameter as error:
        raise typer.BadParameter(error.message, param_hint=option) from None


def _cap(text: str) -> float | None:
    return None if text == "none" else _long(text, "--cap")


def design(plan: Path | None, given: dict[str, Any]) -> Design:
    """That of the registration, where there is one, with what the command line says in its place."""
    from dataclasses import replace

    from qoe_agent.viewers.lift import Design, registered

    return replace(registered(plan) if plan else Design(control=""), **given)
