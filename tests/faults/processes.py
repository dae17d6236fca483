"""Pipeline processes under fault injection: start, kill orders, immediate kills, restarts."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tests.faults.fork_server import Child
from tests.faults.points import KillOrder, order_file, passed_file

WORKERS = ("worker-1", "worker-2")
ROLES = (*WORKERS, "consolidator", "reconciler")
SCHEDULER = "scheduler"

_KILLED = -9

# Starts a process with this name and arguments.
Launch = Callable[[str, Sequence[str]], Child]


class Kill(msgspec.Struct, frozen=True):
    """An executed kill: the process, and the point or time."""

    role: str
    where: str

    def __str__(self) -> str:
        return f"{self.role} {self.where}"


class Processes:
    """Permanent processes. `tend` restarts dead ones, as an orchestrator does."""

    def __init__(self, launch: Launch, directory: Path) -> None:
        self._launch = launch
        self._directory = directory
        self._processes: dict[str, Child] = {}
        self._orders: dict[str, list[KillOrder]] = {}
        self._deaths_read = 0
        self._moments: list[Kill] = []
        self.surprises: list[str] = []

    def start(self, roles: Sequence[str] = ROLES) -> None:
        for role in roles:
            self._processes[role] = self._launch(role, [role.partition("-")[0]])

    async def end(self) -> None:
        """Kill all processes. Their state is discarded."""
        await asyncio.gather(*(process.kill() for process in self._processes.values()))

    async def remove(self, role: str) -> None:
        """Stop a process permanently."""
        await self._processes.pop(role).kill()

    @contextmanager
    def paused(self, *roles: str) -> Iterator[None]:
        """Pause these processes with SIGSTOP. They continue at the end of the block."""
        pids = [pid for role in roles if (pid := self._processes[role].pid) is not None]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def __getitem__(self, role: str) -> Child:
        return self._processes[role]

    def tend(self) -> None:
        """Restart dead processes. A process that exited without a kill is recorded as unexpected and restarted, too."""
        for role, process in self._processes.items():
            if not process.running:
                if process.exit_code != _KILLED:
                    self.surprises.append(f"{role} ended with exit code {process.exit_code}: {process.last_lines(3)}")
                process.start()
            if self._orders.get(role) and not order_file(self._directory, role).exists():
                self._give(role, self._orders[role].pop(0))

    def order(self, role: str, orders: Sequence[KillOrder]) -> None:
        """Kill a role at these points, one per life."""
        self._orders[role] = list(orders)
        if role == SCHEDULER:
            self.order_scheduler()

    def order_scheduler(self) -> None:
        """The scheduler is not permanent: its next order is written before its start."""
        if self._orders.get(SCHEDULER) and not order_file(self._directory, SCHEDULER).exists():
            self._give(SCHEDULER, self._orders[SCHEDULER].pop(0))

    def arm(self, role: str, order: KillOrder) -> None:
        """Order a kill of a process outside the permanent ones."""
        self._give(role, order)

    def disarm(self) -> None:
        """Delete all kill orders."""
        self._orders.clear()
        for path in self._directory.glob("*.order"):
            path.unlink(missing_ok=True)

    async def kill(self, process: Child, role: str, where: str) -> bool:
        """Kill a process immediately. False if it does not run."""
        if not process.running:
            return False
        await process.kill()
        self._moments.append(Kill(role, where))
        return True

    def deaths(self) -> list[Kill]:
        """The kills since the last call."""
        path = self._directory / "deaths"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        fresh, self._deaths_read = lines[self._deaths_read :], len(lines)
        named = [Kill(role, f"{point} ({occurrence})") for role, point, occurrence in (x.split("\t") for x in fresh)]
        moments, self._moments = self._moments, []
        return [*named, *moments]

    def passed(self, role: str) -> Counter[str]:
        """Number of times that a role has passed each point, in all its lives since `forget`."""
        path = passed_file(self._directory, role)
        return Counter(path.read_text(encoding="utf-8").splitlines()) if path.exists() else Counter()

    def forget(self) -> None:
        """Count passed points from now on."""
        for path in self._directory.glob("*.passed"):
            path.write_bytes(b"")  # its writers append

    def _give(self, role: str, order: KillOrder) -> None:
        # Renamed into place, so that no process reads an incomplete order.
        path = order_file(self._directory, role)
        draft = path.with_suffix(".draft")
        draft.write_bytes(msgspec.json.encode(order))
        draft.rename(path)
