"""What the command line leaves open, settled before an analysis or a plan."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qoe_agent.viewers import lift

if TYPE_CHECKING:
    from collections.abc import Callable

    from qoe_agent.viewers.apart import Step
    from qoe_agent.viewers.lift.asking import Asked
    from qoe_agent.viewers.lift.needs import Plan
    from qoe_agent.viewers.lift.shapes import Lift

USERS = ("user", "user_id")
"""Columns that are taken for the users', in this order, if none is named."""


def analyse(asked: Asked, tell: Callable[[Step], None]) -> Lift:
    """As `lift.analyse`."""
    return lift.analyse(with_user(asked), tell)


def planned(asked: Asked, tell: Callable[[Step], None]) -> Plan:
    """As `lift.planned`."""
    return lift.planned(with_user(asked), tell)


def with_user(asked: Asked) -> Asked:
    """With the column of users that all files have, if none is named and no blocks are."""
    columns = asked.columns
    if not asked.files or columns.user or columns.block or asked.design.switchback:
        return asked
    from qoe_agent.viewers import analysing
    from qoe_agent.viewers.tables.trials import heads

    with analysing.plainly(None):
        there = heads.columns(asked.files)
    return replace(asked, columns=replace(columns, user=next((each for each in USERS if each in there), None)))
