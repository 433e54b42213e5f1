"""Taking viewers' events in."""
