"""What every server of the stack has in common: ports, a process, and a start that does not mistake another for it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from sandbox.stack.ports import free_ports, require_free
from sandbox.stack.process import Process, ProcessFailed

_PORT_TRIES = 3


class Server(ABC):
    """A server on the loopback address, gone with the process that started it."""

    name = "server"
    start_seconds = 30.0

    def __init__(self, *, port_count: int = 1, ports: Sequence[int] = ()) -> None:
        """`ports` are chosen ones; without them, free ones are taken."""
        self._chosen = bool(ports)
        self._port_count = port_count
        self.ports = list(ports)
        self.process: Process | None = None

    def __repr__(self) -> str:
        return f"<{self.name} on {self.ports}: {self.process!r}>"

    @property
    def port(self) -> int:
        """The port it serves on, known from its first start."""
        return self.ports[0]

    @property
    def pid(self) -> int:
        """The number of its process.

        Raises:
            RuntimeError: it was never started.
        """
        if self.process is None or self.process.pid is None:
            raise RuntimeError(f"{self.name} was never started")
        return self.process.pid

    async def start(self) -> None:
        """Start, and wait until it answers. After a crash or a stop: start again, on the same ports.

        Raises:
            PortInUse: another process has a chosen port.
            BinaryMissing: there is no such program.
            ProcessFailed: it did not start.
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
            except BaseException as error:  # a cancelled start must not leave a process either
                await self.process.kill()
                # A free port may be taken by someone else before the server gets to it.
                taken = isinstance(error, ProcessFailed) and "address already in use" in error.message.lower()
                if fixed or not tries_left or not taken:
                    raise
            else:
                return

    async def stop(self) -> None:
        """End it in order. `start` brings it back."""
        if self.process:
            await self.process.stop()

    async def kill(self) -> None:
        """End it as a crash would. `start` brings it back."""
        if self.process:
            await self.process.kill()

    async def prepare(self) -> None:  # noqa: B027 - most have nothing to prepare
        """What must be there before the first start."""

    @abstractmethod
    def program(self) -> Process:
        """The process to start, for the present ports."""

    @abstractmethod
    async def answers(self) -> bool:
        """Whether this server, and not another one on the same port, can be used. As a `Probe`."""
