"""Process launcher: changes the account, sets the parent-death signal and executes a command.

Run as `python -I -S launcher.py LAUNCHER_PID SIGNAL UID:GID|- COMMAND...`, with the standard library only. It replaces a
`preexec_fn`, which may deadlock in a process with threads. The signal must be set after the account is changed, because
the kernel clears it then.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def execute(launcher: int, signal: int, account: str, command: list[str]) -> None:
    """Replace this process with `command`. The kernel sends it `signal` when the launcher process ends."""
    if account != "-":
        uid, gid = (int(part) for part in account.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, signal, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
        if os.getppid() != launcher:  # the launcher ended before the signal was set
            sys.exit(f"the launcher process {launcher} has ended")
    os.execv(command[0], command)  # noqa: S606 - the purpose of this program


if __name__ == "__main__":
    execute(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
