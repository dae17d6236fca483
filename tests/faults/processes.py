"""The processes of the pipeline under fire: started, told where to die, killed at a moment, started again."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tests.faults.fork_server import Child
from tests.faults.points import Order, order_file, passed_file

WORKERS = ("worker-1", "worker-2")
ROLES = (*WORKERS, "consolidator", "reconciler")
SCHEDULER = "scheduler"

_KILLED = -9

# Starts a process of the given name with these arguments.
Launch = Callable[[str, Sequence[str]], Child]


class Kill(msgspec.Struct, frozen=True):
    """A kill that happened: who died, and where or when."""

    role: str
    where: str

    def __str__(self) -> str:
        return f"{self.role} {self.where}"


class Processes:
    """The processes that live long. Whoever dies is started again by `tend`, as an orchestrator would."""

    def __init__(self, launch: Launch, directory: Path) -> None:
        self._launch = launch
        self._directory = directory
        self._processes: dict[str, Child] = {}
        self._orders: dict[str, list[Order]] = {}
        self._deaths_read = 0
        self._moments: list[Kill] = []
        self.surprises: list[str] = []

    def start(self, roles: Sequence[str] = ROLES) -> None:
        for role in roles:
            self._processes[role] = self._launch(role, [role.partition("-")[0]])

    async def end(self) -> None:
        """Kill everybody: nothing that they hold is wanted any more."""
        await asyncio.gather(*(process.kill() for process in self._processes.values()))

    async def dismiss(self, role: str) -> None:
        """End a process for good."""
        await self._processes.pop(role).kill()

    @contextmanager
    def paused(self, *roles: str) -> Iterator[None]:
        """These processes stand still, as if their machine had frozen, and wake up at the end of the `with`."""
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
        """Start again who died. A process that ended by itself is a surprise, and started again as well."""
        for role, process in self._processes.items():
            if not process.running:
                if process.exit_code != _KILLED:
                    self.surprises.append(f"{role} ended with exit code {process.exit_code}: {process.last_lines(3)}")
                process.start()
            if self._orders.get(role) and not order_file(self._directory, role).exists():
                self._give(role, self._orders[role].pop(0))

    def order(self, role: str, orders: Sequence[Order]) -> None:
        """Let a role die at these points, one life after the other."""
        self._orders[role] = list(orders)
        if role == SCHEDULER:
            self.order_scheduler()

    def order_scheduler(self) -> None:
        """The scheduler is no member: who starts it gives it its next order before."""
        if self._orders.get(SCHEDULER) and not order_file(self._directory, SCHEDULER).exists():
            self._give(SCHEDULER, self._orders[SCHEDULER].pop(0))

    def arm(self, role: str, order: Order) -> None:
        """Let a process that is no member die at a point."""
        self._give(role, order)

    def disarm(self) -> None:
        """Nobody is to die any more."""
        self._orders.clear()
        for path in self._directory.glob("*.order"):
            path.unlink(missing_ok=True)

    async def kill(self, process: Child, role: str, where: str) -> bool:
        """Kill a process at this moment; False if it does not run."""
        if not process.running:
            return False
        await process.kill()
        self._moments.append(Kill(role, where))
        return True

    def deaths(self) -> list[Kill]:
        """The kills since this was asked last."""
        path = self._directory / "deaths"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        fresh, self._deaths_read = lines[self._deaths_read :], len(lines)
        named = [Kill(role, f"{point} ({occurrence})") for role, point, occurrence in (x.split("\t") for x in fresh)]
        moments, self._moments = self._moments, []
        return [*named, *moments]

    def passed(self, role: str) -> Counter[str]:
        """How often a role has passed each point, in all its lives since `forget`."""
        path = passed_file(self._directory, role)
        return Counter(path.read_text(encoding="utf-8").splitlines()) if path.exists() else Counter()

    def forget(self) -> None:
        """Count passed points from here on."""
        for path in self._directory.glob("*.passed"):
            path.write_bytes(b"")  # its writers append

    def _give(self, role: str, order: Order) -> None:
        # Renamed into place, so that nobody reads half an order.
        path = order_file(self._directory, role)
        draft = path.with_suffix(".draft")
        draft.write_bytes(msgspec.json.encode(order))
        draft.rename(path)
