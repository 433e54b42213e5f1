"""Live outputs of one source, watched together and compared second by second."""
