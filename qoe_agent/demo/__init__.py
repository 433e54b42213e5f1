"""A live origin in a process of its own making: a test programme with known faults, served to the agent."""
