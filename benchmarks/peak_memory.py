"""The most memory that a process held. Standard library only."""

import resource
import sys
from pathlib import Path


def peak_bytes() -> int:
    """Of this process, since it started.

    What the kernel tells a parent of its children also counts the parent's own memory at the fork, so a process must
    ask this itself.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return next(1024 * int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    except OSError:  # not Linux
        unit = 1 if sys.platform == "darwin" else 1024
        return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
