"""An experiment, and its report, that many tests look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.viewers.lift.analyses import USERS, analysed
from tests.viewers.lift.experiments import experiment, written

if TYPE_CHECKING:
    from pathlib import Path

    from qoe_agent.viewers.lift import Lift


@pytest.fixture(scope="session")
def longer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """HD makes every session a quarter longer."""
    return written(tmp_path_factory.mktemp("made") / "made.parquet", experiment(USERS, {"sd": 0.0, "hd": 0.25}))


@pytest.fixture(scope="session")
def plain(longer: Path) -> Lift:
    return analysed(longer)
