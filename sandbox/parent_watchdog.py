"""Ends with `make`: a target that is killed leaves its command running, unnoticed."""

import ctypes
import os
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_MAKES = frozenset({"make", "gmake"})


def end_with_make() -> None:
    """Where `make` has started this process: let the kernel send SIGTERM when it ends. Linux only.

    Others, such as a shell with `nohup`, may well want a command that outlives them.
    """
    if sys.platform != "linux" or Path(f"/proc/{os.getppid()}/comm").read_text(encoding="utf-8").strip() not in _MAKES:
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
