"""The agent for hours on real servers, while things go wrong on a schedule: `python -m tests.soak`."""
