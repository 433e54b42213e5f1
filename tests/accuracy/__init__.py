"""How accurate the detectors are: measured against injected truth."""

import os

# before numpy is loaded: cases run side by side, and threads of their own would only be in each other's way
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")
