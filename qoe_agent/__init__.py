"""qoe-agent: watches live video as a viewer would, and says what the viewer saw."""

__version__ = "0.1.0"
