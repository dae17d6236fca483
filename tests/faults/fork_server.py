"""Fork server: processes are forked from one that has loaded all modules, so that a restart takes milliseconds.

`python -m tests.faults.fork_server SOCKET` forks a child for each connection. It receives the child's specification,
and returns its pid, and its exit code at its end.
"""

import asyncio
import ctypes
import os
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from tests.faults import role

_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG
_SECONDS = 20.0
_LOOK_SECONDS = 0.01


class ChildSpecification(msgspec.Struct, frozen=True):
    """Arguments, complete environment and log file of a child."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: str


class ForkServer:
    """Forks children and reports their exit codes."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._connections: dict[int, socket.socket] = {}
        self._libc = ctypes.CDLL(None, use_errno=True)

    def serve(self) -> None:
        """Serve until this process ends. Its children end with it."""
        with selectors.DefaultSelector() as ready:
            ready.register(self._listener, selectors.EVENT_READ)
            while True:
                if ready.select(_LOOK_SECONDS):
                    self._fork()
                self._reap()

    def _fork(self) -> None:
        connection, _ = self._listener.accept()
        connection.settimeout(_SECONDS)
        with connection.makefile("rb") as lines:
            birth = msgspec.json.decode(lines.readline(), type=ChildSpecification)
        pid = os.fork()
        if pid == 0:
            connection.close()
            self._run_child(birth)
        self._connections[pid] = connection
        connection.sendall(f"{pid}\n".encode())

    def _reap(self) -> None:
        while self._connections:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            with self._connections.pop(pid) as connection:
                connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())

    def _run_child(self, birth: ChildSpecification) -> None:
        """Run the child. Never returns."""
        code = 1
        try:
            os.setpgid(0, 0)
            self._libc.prctl(_DEATH_SIGNAL, signal.SIGKILL)
            self._listener.close()
            for connection in self._connections.values():
                connection.close()
            log = os.open(birth.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            for stream in (sys.stdout, sys.stderr):
                os.dup2(log, stream.fileno())
            os.environ.clear()
            os.environ.update(birth.environment)
            sys.argv = ["sync", *birth.arguments]
            role.main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:  # noqa: BLE001 - nothing of the child may return to the fork server
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)


class Child:
    """A child of the fork server, controlled by the test. It can be started again after its end."""

    def __init__(self, name: str, fork_server: Path, birth: ChildSpecification) -> None:
        self.name = name
        self.pid: int | None = None
        self._fork_server = fork_server
        self._birth = birth
        self._connection: socket.socket | None = None
        self._code: int | None = None

    def start(self) -> None:
        """Start within milliseconds."""
        if self.running:
            raise RuntimeError(f"{self.name} runs already")
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.settimeout(_SECONDS)
        self._connection.connect(str(self._fork_server))
        self._connection.sendall(msgspec.json.encode(self._birth) + b"\n")
        self.pid, self._code = self._line(), None
        self._connection.setblocking(False)

    @property
    def exit_code(self) -> int | None:
        """None before the start and while it runs. Negative: the signal that ended it."""
        if self._connection is not None:
            try:
                self._code = self._line()
            except BlockingIOError:
                return None
            self._connection.close()
            self._connection = None
        return self._code

    @property
    def running(self) -> bool:
        return self._connection is not None and self.exit_code is None

    async def kill(self) -> int | None:
        """Send SIGKILL. Returns the exit code."""
        return await self._end(signal.SIGKILL)

    async def stop(self) -> int | None:
        """Send SIGTERM and wait for the end."""
        return await self._end(signal.SIGTERM)

    async def finish(self, *, seconds: float) -> int:
        """Wait for the end. Returns the exit code.

        Raises:
            TimeoutError: it does not end.
        """
        async with asyncio.timeout(seconds):
            while True:
                code = self.exit_code
                if code is not None:
                    return code
                await asyncio.sleep(_LOOK_SECONDS)

    def last_lines(self, count: int) -> str:
        """The end of its log."""
        log = Path(self._birth.log)
        return "\n".join(log.read_text(encoding="utf-8").splitlines()[-count:]) if log.exists() else ""

    async def _end(self, number: signal.Signals) -> int | None:
        if self.running and self.pid is not None:
            os.kill(self.pid, number)
            return await self.finish(seconds=_SECONDS)
        return self.exit_code

    def _line(self) -> int:
        assert self._connection is not None
        return int(self._connection.recv(32))


if __name__ == "__main__":
    with socket.socket(socket.AF_UNIX) as listening:
        # Renamed after it listens, so that every process that finds it can connect.
        draft = Path(f"{sys.argv[1]}.draft")
        listening.bind(str(draft))
        listening.listen(100)
        draft.rename(sys.argv[1])
        ForkServer(listening).serve()
