"""Planned kills: every point that an undisturbed scenario passes, and as many moments, shuffled."""

import time
from collections import Counter, deque
from collections.abc import Sequence
from random import Random

import msgspec

from inventory.runs.models import Run
from tests.faults.fork_server import Child
from tests.faults.points import KillOrder
from tests.faults.processes import SCHEDULER
from tests.faults.site import Site
from tests.faults.snapshot import Snapshot

# The phase of a run in which a process has work.
_PHASES = {SCHEDULER: "planning", "worker": "running", "consolidator": "consolidating", "reconciler": "running"}
# Number of moments for each role, and the maximum seconds after the start of the phase.
_MOMENTS = {
    SCHEDULER: (1, 0.6), "worker-1": (3, 2.5), "worker-2": (3, 2.5), "consolidator": (4, 0.8), "reconciler": (1, 2.5)
}  # fmt: skip


class Planned(msgspec.Struct, frozen=True):
    """A planned kill in a step: at a point, or `seconds` after the role has work."""

    step: int
    role: str
    order: KillOrder | None
    seconds: float = 0.0
    tries: int = 3
    """How many more scenarios are tried until the point is passed."""


class Reference(msgspec.Struct, frozen=True):
    """The state after each step of an undisturbed scenario, and the passed points of its roles with their counts."""

    snapshots: Sequence[Snapshot]
    points: Sequence[dict[str, Counter[str]]]


def deck(reference: Reference, seed: int) -> deque[Planned]:
    """Every point of every role in every step, and as many moments, shuffled."""
    random = Random(f"kills:{seed}")
    cards = []
    for number, roles in enumerate(reference.points):
        for kind in dict.fromkeys(map(kind_of, roles)):
            same = [role for role in roles if kind_of(role) == kind]
            passed = sum((roles[role] for role in same), Counter[str]())
            for point in sorted(passed):
                # Not the last observed one: work that was done before a kill is not repeated after it.
                occurrence = random.randint(1, max(1, passed[point] // (2 * len(same))))
                cards.append(Planned(number, random.choice(same), KillOrder(point, occurrence)))
                role = random.choices(list(_MOMENTS), [weight for weight, _ in _MOMENTS.values()])[0]
                cards.append(Planned(number, role, None, random.uniform(0, _MOMENTS[role][1])))
    random.shuffle(cards)
    return deque(cards)


def kind_of(role: str) -> str:
    return role.partition("-")[0]


class Moments:
    """Kills at a time after their role has received work."""

    def __init__(self, site: Site, planned: Sequence[Planned]) -> None:
        self._site = site
        self._planned = list(planned)
        self._since: dict[str, float] = {}

    async def watch(self, run: Run | None, scheduler: Child | None) -> None:
        """Execute due kills. Called at every poll of the run."""
        now = time.monotonic()
        if run is not None:
            self._since.setdefault(run.status, now)
        for planned in list(self._planned):
            phase = _PHASES[kind_of(planned.role)]
            if phase not in self._since or now < self._since[phase] + planned.seconds:
                continue
            process = scheduler if planned.role == SCHEDULER else self._site.processes[planned.role]
            where = f"{planned.seconds:.2f} s after the run was {phase}"
            if process is not None and await self._site.processes.kill(process, planned.role, where):
                self._planned.remove(planned)
