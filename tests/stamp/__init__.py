"""Stamping a feed."""
