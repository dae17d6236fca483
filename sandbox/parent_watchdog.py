"""Parent-death signal: a command of `make` stops when `make` is killed."""

import ctypes
import os
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_MAKES = frozenset({"make", "gmake"})


def end_with_make() -> None:
    """Let the kernel send SIGTERM to this process when its parent ends, if the parent is `make`. Linux only.

    A command of another parent, such as a shell with `nohup`, may outlive it.
    """
    if sys.platform != "linux" or Path(f"/proc/{os.getppid()}/comm").read_text(encoding="utf-8").strip() not in _MAKES:
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
