"""A reference encoded in many ways: what each costs, and what it brings."""
