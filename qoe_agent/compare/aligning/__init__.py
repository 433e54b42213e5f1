"""Which frames of a test show which frames of its reference: searched for in fingerprints. Pure."""
