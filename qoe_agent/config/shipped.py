"""The profiles that come with the agent, a file each: `profiles/NAME.yml` holds the profile NAME and nothing else."""

from collections.abc import Mapping
from importlib import resources
from typing import Any

from qoe_agent.config.document import read

FOLDER = "profiles"


def profiles() -> Mapping[str, Mapping[str, Any]]:
    """By name, as they are written."""
    found: dict[str, Mapping[str, Any]] = {}
    files = resources.files(__package__).joinpath(FOLDER).iterdir()
    for file in sorted(files, key=lambda each: each.name):
        if file.name.endswith(".yml") and not file.name.startswith("."):  # editors keep files of theirs beside them
            found |= read(file.read_text("utf-8"), None).data["profiles"]
    return found
