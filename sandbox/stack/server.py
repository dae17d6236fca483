"""Base class of the servers of the stack: ports, process and start with a readiness check."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from sandbox.stack.ports import free_ports, require_free
from sandbox.stack.process import Process, ProcessFailed

_PORT_TRIES = 3
# Messages of the servers whose port is taken: those of the system, and those of this project's programs.
_TAKEN = ("address already in use", "is in use by another process")


class Server(ABC):
    """Server on the loopback address. It ends when the process that started it ends."""

    name = "server"
    start_seconds = 30.0

    def __init__(self, *, port_count: int = 1, ports: Sequence[int] = ()) -> None:
        """Without `ports`, the server gets `port_count` free ports."""
        self._chosen = bool(ports)
        self._port_count = port_count
        self.ports = list(ports)
        self.process: Process | None = None

    def __repr__(self) -> str:
        return f"<{self.name} on {self.ports}: {self.process!r}>"

    @property
    def port(self) -> int:
        """The first port, known after the first start."""
        return self.ports[0]

    @property
    def pid(self) -> int:
        """Process id of the server.

        Raises:
            RuntimeError: the server was never started.
        """
        if self.process is None or self.process.pid is None:
            raise RuntimeError(f"{self.name} was never started")
        return self.process.pid

    async def start(self) -> None:
        """Start or restart the server and wait until it answers. A restart uses the same ports.

        Raises:
            PortInUse: another process listens on a given port.
            BinaryMissing: the server is not installed.
            ProcessFailed: the server did not start.
        """
        await self.prepare()
        fixed = bool(self.ports)
        for tries_left in reversed(range(_PORT_TRIES)):
            if not fixed:
                self.ports = free_ports(self._port_count)
            elif self._chosen:
                for port in self.ports:
                    require_free(port, f"choose another one for {self.name}")
            self.process = self.program()
            self.process.start()
            try:
                await self.process.ready(self.answers, timeout_seconds=self.start_seconds)
            except BaseException as error:  # a cancelled start must not leave a process
                await self.process.kill()
                # Another process may take a free port before the server binds it.
                taken = isinstance(error, ProcessFailed) and any(said in error.message.lower() for said in _TAKEN)
                if fixed or not tries_left or not taken:
                    raise
            else:
                return

    async def stop(self) -> None:
        """Stop the server. It can be started again."""
        if self.process:
            await self.process.stop()

    async def kill(self) -> None:
        """Kill the server, as a crash would. It can be started again."""
        if self.process:
            await self.process.kill()

    async def prepare(self) -> None:  # noqa: B027 - most servers need no preparation
        """Create the data that the first start needs."""

    @abstractmethod
    def program(self) -> Process:
        """Return the process to start, for the current ports."""

    @abstractmethod
    async def answers(self) -> bool:
        """Readiness probe: whether this server, and not another server on the same port, answers."""
