"""Python imports this first where PYTHONPATH names its folder: the wall clock is off by what a file in memory says."""

import mmap
import os
import struct
import time

if path := os.environ.get("QOE_SOAK_CLOCK"):
    with open(path, "rb") as file:
        _off = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)
    _true = time.time
    time.time = lambda: _true() + struct.unpack("d", _off[:8])[0]
