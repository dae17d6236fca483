"""Ports of the local machine: a free one, or a clear word about one that is taken."""

import errno
import socket
from contextlib import ExitStack

from inventory.core.errors import InventoryError

LOOPBACK = "127.0.0.1"


class CannotListen(InventoryError):
    """No process can listen there: the host is not this machine's, or the port needs privileges."""

    code = "CANNOT_LISTEN"


class PortInUse(CannotListen):
    """Another process listens on this port."""

    code = "PORT_IN_USE"

    def __init__(self, port: int, remedy: str) -> None:
        """`remedy` says how to choose another port."""
        super().__init__(f"port {port} is in use by another process; {remedy}", details={"port": port})
        self.port = port


def free_ports(count: int) -> list[int]:
    """Different TCP ports that are free at this moment.

    All are held open until the last is found, so that none comes twice. Another process may still be faster than the
    server that is to get one: the code that starts a server makes sure that it is its own that answers.
    """
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [int(each.getsockname()[1]) for each in sockets]


def require_free(port: int, remedy: str, *, host: str = LOOPBACK) -> None:
    """Find out before a server is started, so that the message is ours and not the last line of its log.

    Raises:
        PortInUse: a process listens there.
        CannotListen: no process can.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        # As the servers do it: a port whose last connections are still closing counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUse(port, remedy) from error
            if isinstance(error, PermissionError):
                raise CannotListen(f"port {port} is not for everyone ({error.strerror}); {remedy}") from error
            raise CannotListen(
                f"HOST: no process can listen on {host} ({error.strerror}). Example: HOST={LOOPBACK}"
            ) from error
