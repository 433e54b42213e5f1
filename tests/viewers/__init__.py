"""Viewer events and facts."""
