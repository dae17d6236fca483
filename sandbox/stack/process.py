"""Child process with readiness probe, graceful stop and parent-death signal."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from inventory.core.errors import InventoryError
from sandbox.stack import launcher
from sandbox.stack.account import Account

Probe = Callable[[], Awaitable[bool]]

_PROBE_SECONDS = 1.0
_POLL_SECONDS = 0.02
_LOG_LINES = 20


class ProcessFailed(InventoryError):
    """A process of the local stack ended or was not ready in time."""

    code = "PROCESS_FAILED"

    def __init__(self, process: "Process", failure: str) -> None:
        """`failure`: predicate of the message, after the name of the process. The last log lines are added."""
        log = process.last_lines() or "(its log is empty)"
        super().__init__(f"{process.name} {failure}. Last lines of its log:\n{log}", details={"process": process.name})


class Process:
    """A child process that can be restarted after its end.

    On Linux the kernel sends it `orphan_signal` when this process ends, even by SIGKILL. On other systems only `stop` and
    `kill` end it. It has a separate process group: Ctrl-C in the terminal signals the parent process only, which stops its
    servers in order.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        environment: Mapping[str, str],
        directory: Path = Path("/"),
        account: Account | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        orphan_signal: signal.Signals = signal.SIGKILL,
        grace_seconds: float = 10.0,
    ) -> None:
        """`command` starts with the absolute path of a program. The output is appended to `log`.

        `account` None runs it as the current user. After `grace_seconds`, `stop` kills the process.
        """
        self.name = name
        self._command = [str(part) for part in command]
        self._log = log
        self._environment = dict(environment)
        self._directory = directory
        self._account = account
        self._stop_signal = stop_signal
        self._orphan_signal = orphan_signal
        self._grace_seconds = grace_seconds
        self._child: subprocess.Popen[bytes] | None = None

    def __repr__(self) -> str:
        return f"<Process {self.name} pid={self.pid} exit_code={self.exit_code}>"

    @property
    def pid(self) -> int | None:
        """Process id, None before the first start."""
        return self._child.pid if self._child else None

    @property
    def exit_code(self) -> int | None:
        """Exit code, negative for a signal; None while the process runs and before its first start."""
        return self._child.poll() if self._child else None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def start(self) -> None:
        """Start the process without waiting until it is ready.

        Raises:
            RuntimeError: the process runs, or this is not the main thread. The parent-death signal is sent when the
                *thread* that started the child ends.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError(f"{self.name} must be started from the main thread")
        if self.running:
            raise RuntimeError(f"{self.name} is already running")
        account = f"{self._account.uid}:{self._account.gid}" if self._account else "-"
        prefix = [
            sys.executable,
            "-I",
            "-S",
            launcher.__file__,
            str(os.getpid()),
            str(int(self._orphan_signal)),
            account,
        ]
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                [*prefix, *self._command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._directory,
                env=self._environment,
                process_group=0,
            )

    async def ready(self, probe: Probe, *, timeout_seconds: float) -> None:
        """Wait until the probe returns True. An `OSError` or a timeout of the probe counts as False.

        Raises:
            ProcessFailed: the process ended, or was not ready within the timeout.
        """
        try:
            async with asyncio.timeout(timeout_seconds):
                while not await self._answers(probe):
                    if not self.running:
                        raise ProcessFailed(self, f"ended with exit code {self.exit_code} before it was ready")
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise ProcessFailed(self, f"was not ready within {timeout_seconds:g} s") from None

    async def wait(self) -> int:
        """Wait for the end of the process. Return its exit code.

        Raises:
            RuntimeError: the process was never started.
        """
        while (code := self.exit_code) is None:
            if self._child is None:
                raise RuntimeError(f"{self.name} was never started")
            await asyncio.sleep(_POLL_SECONDS)
        return code

    async def finish(self, *, timeout_seconds: float) -> None:
        """Wait for the successful end of the process.

        Raises:
            ProcessFailed: the process failed, or it still runs after the timeout.
        """
        try:
            async with asyncio.timeout(timeout_seconds):
                code = await self.wait()
        except TimeoutError:
            raise ProcessFailed(self, f"did not finish within {timeout_seconds:g} s") from None
        if code != 0:
            raise ProcessFailed(self, f"ended with exit code {code}")

    async def stop(self) -> int | None:
        """Stop the process, and kill it after the grace period. Return the exit code, None if it was never started."""
        if self.running:
            self._signal(self._stop_signal)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._grace_seconds):
                    return await self.wait()
            return await self.kill()
        return self.exit_code

    async def kill(self) -> int | None:
        """Kill the process and its process group. Return the exit code, None if it was never started."""
        if self._child is not None and self.running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)
            return await self.wait()
        return self.exit_code

    def last_lines(self, count: int = _LOG_LINES) -> str:
        """Return the last lines of the log."""
        try:
            lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        return "\n".join(lines[-count:])

    def _signal(self, number: signal.Signals) -> None:
        if self._child is not None:
            self._child.send_signal(number)

    @staticmethod
    async def _answers(probe: Probe) -> bool:
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                return await probe()
        except (OSError, TimeoutError):
            return False
