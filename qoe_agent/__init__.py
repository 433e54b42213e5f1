"""qoe-agent: watches live video as a viewer would, and says what the viewer saw."""

import os

__version__ = "0.1.0"

# before numpy is loaded: the threads of its products would spin where decoders want to run
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
