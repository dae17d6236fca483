"""Local TCP ports: find free ports, check that a port is available."""

import errno
import random
import socket
from contextlib import ExitStack

from inventory.core.errors import InventoryError

LOOPBACK = "127.0.0.1"
_PORTS = range(20_000, 32_000)


class CannotListen(InventoryError):
    """A process cannot listen on the address: the host is not local, or the port needs privileges."""

    code = "CANNOT_LISTEN"


class PortInUse(CannotListen):
    """Another process listens on this port."""

    code = "PORT_IN_USE"

    def __init__(self, port: int, remedy: str) -> None:
        """`remedy` tells the operator how to choose another port."""
        super().__init__(f"port {port} is in use by another process; {remedy}", details={"port": port})
        self.port = port


def free_ports(count: int) -> list[int]:
    """Return distinct free TCP ports.

    All sockets stay open until the last port is found, so that the ports differ. The ports are below the ephemeral range,
    so that an outgoing connection of another process does not use them first. Another server may still take a port, so
    `Server.start` checks which server answers.

    Raises:
        CannotListen: no port is free.
    """
    with ExitStack() as stack:
        found = list[int]()
        for port in random.sample(_PORTS, len(_PORTS)):
            if len(found) == count:
                break
            candidate = stack.enter_context(socket.socket())
            try:
                candidate.bind((LOOPBACK, port))
            except OSError:
                continue
            found.append(port)
    if len(found) < count:
        raise CannotListen(f"no port from {_PORTS.start} to {_PORTS.stop - 1} is free on {LOOPBACK}")
    return found


def require_free(port: int, remedy: str, *, host: str = LOOPBACK) -> None:
    """Check that a port is available before a server starts, for a clear error message.

    Raises:
        PortInUse: another process listens on the port.
        CannotListen: a process cannot listen on the address.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        # Same option as the servers: a port with connections in TIME_WAIT is available.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUse(port, remedy) from error
            if isinstance(error, PermissionError):
                raise CannotListen(f"port {port} needs privileges ({error.strerror}); {remedy}") from error
            raise CannotListen(
                f"HOST: no process can listen on {host} ({error.strerror}). Example: HOST={LOOPBACK}"
            ) from error
