"""Effects of one arm over another, from sums by arm. Pure."""
