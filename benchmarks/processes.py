"""CPU time and memory of processes (Linux)."""

import os
import subprocess
import sys
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_ROOT = Path(__file__).parents[1]


def cpu_seconds(pid: int) -> float:
    """User and system time (s) of a running process."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_bytes(pid: int) -> int:
    """Resident memory (bytes) of a running process."""
    return _memory(pid, "VmRSS")


def peak_bytes(pid: int) -> int:
    """Largest resident memory (bytes) of a running process until now."""
    return _memory(pid, "VmHWM")


def _memory(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    (kibibytes,) = (int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
    return kibibytes * 1024


def cpu_of(*arguments: str) -> float:
    """User and system time (s) of a complete Python process with these arguments."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(  # noqa: S603 - commands of this module
        [sys.executable, *arguments], cwd=_ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    with process.stderr as stream:
        output = stream.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise AssertionError(f"{arguments} ended with {process.returncode}: {output.decode()[-2000:]}")
    return used.ru_utime + used.ru_stime
