"""Windows of time that come again every week."""

from datetime import datetime, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from qoe_agent.config.section import section
from qoe_agent.config.values import TimeOfDay, Zone

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@section
class Schedule:
    """A weekly window in which the stream is expected."""

    days: tuple[Day, ...] = DAYS
    """On which days it begins."""
    start: Annotated[TimeOfDay, Field(alias="from")] = 0
    """When it begins, local time."""
    end: Annotated[TimeOfDay, Field(alias="to")] = 1440
    """When it ends; at or before `from` means on the next day."""
    timezone: Zone = "UTC"
    """Whose local time: a name such as Asia/Shanghai."""

    def holds(self, at: float) -> bool:
        """Whether the window is open at `at` (Unix seconds)."""
        local = datetime.fromtimestamp(at, ZoneInfo(self.timezone))
        minute = local.hour * 60 + local.minute
        today = DAYS[local.weekday()] in self.days
        if self.start < self.end:
            return today and self.start <= minute < self.end
        yesterday = DAYS[(local - timedelta(days=1)).weekday()] in self.days
        return (today and minute >= self.start) or (yesterday and minute < self.end)
