"""Ports of the local machine: a free one, or a clear word about one that is taken."""

import socket
from contextlib import ExitStack

from app.core.errors import InventoryError

LOOPBACK = "127.0.0.1"


class PortInUse(InventoryError):
    """Another process listens on this port."""

    code = "PORT_IN_USE"

    def __init__(self, port: int, remedy: str) -> None:
        """`remedy` says how to choose another port."""
        super().__init__(f"port {port} is in use by another process; {remedy}", details={"port": port})
        self.port = port


def free_ports(count: int) -> list[int]:
    """Different TCP ports that nobody listens on at this moment.

    All are held open until the last is found, so that none comes twice. Another process may still be faster than the
    server that is to get one: whoever starts a server makes sure that it is its own that answers.
    """
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [int(each.getsockname()[1]) for each in sockets]


def require_free(port: int, remedy: str, *, host: str = LOOPBACK) -> None:
    """Find out before a server is started, so that the message is ours and not the last line of its log.

    Raises:
        PortInUse: somebody listens there.
    """
    with socket.socket() as probe:
        # As the servers do it: a port whose last connections are still closing counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortInUse(port, remedy) from error
