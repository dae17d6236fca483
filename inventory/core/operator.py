"""Identity of the operator who runs a command, for the audit record."""

import getpass
import socket


def operator_identity() -> str:
    """Return the operating system's account and host as `account@host`."""
    try:
        account = getpass.getuser()
    except (KeyError, OSError):  # the user of a container may have no name
        account = "unknown"
    return f"{account}@{socket.gethostname()}"
