"""Pure functions and tiny state machines by subject, each citing its source."""
