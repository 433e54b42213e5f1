"""Viewers: what they did, in facts that can be joined with what the agent saw."""
