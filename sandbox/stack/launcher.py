"""The last step before a server is a server: change account, tie its life to the launcher's, become it.

Run as `python -I -S launcher.py LAUNCHER_PID SIGNAL UID:GID|- COMMAND...`, with the standard library only. A program of its
own instead of a `preexec_fn`, which may deadlock in a process with threads, and which could not set the signal before
the account is changed (the kernel forgets it then).
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def become(launcher: int, signal: int, account: str, command: list[str]) -> None:
    """Replace this process by `command`, which gets `signal` when the launcher ends, however it ends."""
    if account != "-":
        uid, gid = (int(part) for part in account.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, signal, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
        if os.getppid() != launcher:  # it ended before the signal was set
            sys.exit(f"the launcher {launcher} is gone")
    os.execv(command[0], command)  # noqa: S606 - this program is there to do exactly that


if __name__ == "__main__":
    become(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
