"""How accurate the detectors are: measured against injected truth."""
