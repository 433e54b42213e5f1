"""Which of several encodes is better, by how much, and whether the difference is real."""
