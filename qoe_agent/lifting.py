"""The commands `qoe-agent lift`, `lift plan` and `lift assign`: what they ask for, where their reports go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand

from qoe_agent import lift_options, options, reporting
from qoe_agent.lift_options import (  # noqa: TC001  typer reads annotations
    Allocation,
    Arm,
    Assigned,
    Block,
    Cap,
    CapUnit,
    Control,
    Covariate,
    Csv,
    Effects,
    Experiment,
    Files,
    Guardrails,
    Mapping,
    Measured,
    Metrics,
    Observational,
    Past,
    PerDay,
    PlannedUsers,
    Pre,
    Register,
    Registered,
    Salt,
    Segment,
    Smallest,
    Stratify,
    Stream,
    Switchback,
    Time,
    Treatment,
    User,
    Washout,
    Watch,
    Window,
)
from qoe_agent.reporting import (  # noqa: TC001  typer reads annotations
    AsJson,
    Engine,
    Facts,
    Known,
    Master,
    Memory,
    Page,
    Quiet,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from qoe_agent.viewers.lift.needs import Plan
    from qoe_agent.viewers.lift.shapes import Lift

WORK = "qoe_agent.viewers.lift.commanded"


def lift(
    files: Files = None, user: User = "", arm: Arm = "", watch: Watch = "", control: Control = "",
    treatment: Treatment = None, cap: Cap = None, cap_unit: CapUnit = None, metric: Metrics = None,
    guardrail: Guardrails = None, segment: Segment = None, time: Time = "", window: Window = "",
    planned_users: PlannedUsers = None, allocation: Allocation = "", smallest_effect: Smallest = None, pre: Pre = None,
    stratify: Stratify = None, stream: Stream = "", block: Block = "", switchback: Switchback = "",
    washout: Washout = "", plan: Registered = None, experiment: Experiment = "", mapping: Mapping = None,
    measured: Measured = None, observational: Observational = False, covariate: Covariate = None,
    as_json: AsJson = False, html: Page = None, csv: Csv = None, facts: Facts = None,
    config: Known = None, engine: Engine = "duckdb", master: Master = "",
    memory: Memory = "3GB", quiet: Quiet = False,
) -> None:  # fmt: skip
    """What a change did to watch time: arms compared, with checks that must hold first. `lift plan` plans it.

    Exit status: 0 done, 1 a check failed or a guardrail says hold, 2 could not be.
    """
    from qoe_agent.viewers.lift import Asked

    with reporting.told():
        reporting.apart({"--html": html, "--csv": csv}, files or (), as_json)
        given = lift_options.given(control, treatment, cap, cap_unit, metric, guardrail, allocation, smallest_effect)
        given |= lift_options.sequence(window, planned_users, switchback, washout, segment, pre, stratify)
        folder = reporting.folder(files, facts, config)
        columns = lift_options.columns(user or ("user" if folder else ""), arm, watch, time, stream, block)
        asked = Asked(
            files=tuple(files or ()), facts=folder, columns=columns, design=lift_options.design(plan, given),
            observational=observational, covariates=lift_options.listed(covariate), measured=measured,
            plan=plan, mapping=mapping, experiment=experiment, engine=reporting.engine_of(engine, master),
        )  # fmt: skip
        found = reporting.analysed(f"{WORK}:analyse", asked, reporting.allowed(memory, engine), quiet)
        _tell(found, as_json, html, csv)
    raise typer.Exit(_status(found))


def plan(
    files: Past = None, user: User = "", arm: Arm = "", watch: Watch = "", time: Time = "", control: Control = "",
    treatment: Treatment = None, cap: Cap = None, cap_unit: CapUnit = None, metric: Metrics = None,
    guardrail: Guardrails = None, segment: Segment = None, window: Window = "", planned_users: PlannedUsers = None,
    allocation: Allocation = "", smallest_effect: Smallest = None, pre: Pre = None, stratify: Stratify = None,
    effect: Effects = None, users_per_day: PerDay = None, experiment: Experiment = "", register: Register = None,
    as_json: AsJson = False, facts: Facts = None, config: Known = None,
    engine: Engine = "duckdb", master: Master = "", memory: Memory = "3GB",
    quiet: Quiet = False,
) -> None:  # fmt: skip
    """What an experiment takes: how many users, for how long, to see which effect. --register writes the design down.

    Exit status: 0 done, 2 could not be.
    """
    from qoe_agent.viewers.lift import Asked
    from qoe_agent.viewers.lift.needs import EFFECTS

    with reporting.told():
        given = lift_options.given(control, treatment, cap, cap_unit, metric, guardrail, allocation, smallest_effect)
        given |= lift_options.sequence(window, planned_users, "", "", segment, pre, stratify)
        folder = reporting.folder(files, facts, config) if facts or config else None
        asked = Asked(
            files=tuple(files or ()), facts=folder, design=lift_options.design(None, given), experiment=experiment,
            columns=lift_options.columns(user or ("user" if folder else ""), arm, watch, time, "", ""),
            engine=reporting.engine_of(engine, master), register=register, users_per_day=users_per_day,
            effects=tuple(effect or EFFECTS),
        )  # fmt: skip
        found = reporting.analysed(f"{WORK}:planned", asked, reporting.allowed(memory, engine), quiet)
        _tell_plan(found, as_json)


def assign(plan: Assigned, salt: Salt = "") -> None:
    """In which arm units are: their names by standard input, a line each, out as CSV (user, arm), as --mapping takes
    it. Who is in no arm is left out.

    Exit status: 0 done, 2 could not be.
    """
    import csv
    import sys

    from qoe_agent.viewers.lift import assigning

    with reporting.told():
        found = list(assigning.assigned(plan, options.typed("a unit's name in each line"), salt))
        table = csv.writer(sys.stdout, lineterminator="\n")
        table.writerow(("user", "arm"))
        table.writerows(each for each in found if each[1] is not None)


class WithPlan(TyperCommand):
    """`lift`, whose first word may be `plan` or `assign`; a file of that name is ./plan."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Of that command, if its name is the first word."""
        others: dict[str, Callable[..., None]] = {"plan": plan, "assign": assign}
        if not args or args[0] not in others:
            return super().make_context(info_name, args, parent, **extra)
        other = typer.Typer(add_completion=False)
        other.command(args[0])(others[args[0]])
        return typer.main.get_command(other).make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)


def _tell(found: Lift, as_json: bool, html: Path | None, csv: Path | None) -> None:
    from qoe_agent.report import lift_csv, lift_json, lift_page, lift_terminal

    forms = reporting.Forms(lift_terminal.report, lift_json.document, lift_page.page, lift_csv.table)
    reporting.tell(found, forms, as_json, html, csv)


def _tell_plan(found: Plan, as_json: bool) -> None:
    from qoe_agent.report import lift_json, lift_terminal

    if as_json:
        reporting.say(lift_json.plan(found))
    else:
        reporting.show(lift_terminal.plan(found))


def _status(found: Lift) -> int:
    """1: nothing to build on."""
    held = any(one.ship is False for one in found.estimates)
    return int(found.code == "blocked" or held or any(not one.passed for one in found.checks))
