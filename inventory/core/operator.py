"""Identity of the operator who runs a command, for the record."""

import getpass
import socket


def who() -> str:
    """The account and the machine, as `account@machine`."""
    try:
        account = getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        account = "unknown"
    return f"{account}@{socket.gethostname()}"
