"""Campaigns: the scenario repeated with kills and other faults. The result of each step is checked."""

import math
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from inventory.runs.models import Run
from tests.faults.kills import Moments, Planned, Reference, deck
from tests.faults.processes import ROLES, SCHEDULER, Kill
from tests.faults.scenario import STEPS, State
from tests.faults.site import Hung, Site
from tests.faults.snapshot import Verdict, against_reference, against_supplier, check_figures, snapshot

_STEP_SECONDS = 120.0  # an upper limit; a step usually takes a few seconds
_KILL_SECONDS = 30.0
_MAX_HUNG = 3
_MAX_IDLE = 3
_EXPECTED_FAILURES = {"PLANNING_ABANDONED"}

Say = Callable[[str], None]
# Adds other faults to a step, by its number.
Unsettle = Callable[[Site, int], Awaitable[None]]


class Result(msgspec.Struct, kw_only=True):
    """Figures of a campaign. `problems` contains the details."""

    kills: int = 0
    runs: int = 0
    lost: int = 0
    duplicated: int = 0
    wrong_price: int = 0
    hung: int = 0
    seconds: float = 0.0
    problems: list[str] = msgspec.field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.duplicated or self.wrong_price or self.hung or self.problems)

    def add(self, verdict: Verdict, where: str) -> None:
        self.lost += verdict.lost
        self.duplicated += verdict.duplicated
        self.wrong_price += verdict.wrong_price
        if verdict:
            self.problems.append(f"{where}: {msgspec.json.encode(verdict).decode()}")


async def reference_run(site: Site) -> Reference:
    """Run the scenario undisturbed.

    Raises:
        Hung: the scenario does not end, even without faults.
    """
    await site.reset()
    state = State(site.options.seed)
    snapshots, points = [], []
    for step in STEPS:
        site.processes.forget()
        await step.prepare(site, state)
        runs = await site.complete(*step.arguments, seconds=_STEP_SECONDS)
        found = await snapshot(site)
        judged = against_supplier(found, await site.truth(), state.unnoticed), await check_figures(site, runs[-1])
        assert not any(judged), f"an undisturbed run goes wrong: {step.name}: {judged}"
        snapshots.append(found)
        points.append({role: site.processes.passed(role) for role in (*ROLES, SCHEDULER)})
    return Reference(snapshots, points)


class Campaign:
    """Repeats the scenario with kills until their number is reached."""

    def __init__(
        self, site: Site, reference: Reference, *, seed: int, per_run: int, say: Say, unsettle: Unsettle | None = None
    ) -> None:
        """`seed` selects the kills, `per_run` is the number of kills per run."""
        self._site = site
        self._reference = reference
        self._seed = seed
        self._deck = deck(reference, seed)
        self._per_run = per_run
        self._say = say
        self._unsettle = unsettle
        self.result = Result()

    async def go(self, kills: int) -> Result:
        """Run until at least this number of kills. A hang ends its round, not the campaign."""
        idle = 0
        while self.result.kills < kills and self.result.hung < _MAX_HUNG:
            before = self.result.kills
            await self.run_round(kills)
            idle = idle + 1 if self.result.kills == before else 0
            if idle == _MAX_IDLE:
                self.result.problems.append(f"no process was killed in {idle} rounds")
                break
        return self.result

    async def run_round(self, kills: float = math.inf) -> Result:
        """Run the scenario once. It ends early when the number of kills is reached, or on a hang."""
        began = time.monotonic()
        await self._site.reset()
        state = State(self._site.options.seed)
        for number, step in enumerate(STEPS):
            await step.prepare(self._site, state)
            if self._unsettle is not None:
                await self._unsettle(self._site, number)
            if not await self._step(number, state) or self.result.kills >= kills:
                break
        self.result.seconds = round(self.result.seconds + time.monotonic() - began, 1)
        return self.result

    async def _step(self, number: int, state: State) -> bool:
        """A step with kills, checked. False if it hung."""
        hand = self._draw(number)
        for role in {planned.role for planned in hand}:
            orders = [planned.order for planned in hand if planned.role == role and planned.order is not None]
            self._site.processes.order(role, orders)
        moments = Moments(self._site, [planned for planned in hand if planned.order is None])
        where = f"{STEPS[number].name} (seed {self._seed}, after {self.result.kills} kills)"
        runs: list[Run] = []
        try:
            runs = await self._site.complete(
                *STEPS[number].arguments, seconds=_STEP_SECONDS + _KILL_SECONDS * len(hand), watch=moments.watch
            )
            if number == len(STEPS) - 1:
                await self._site.idle()  # late messages change nothing either
        except Hung as hung:
            self.result.hung += 1
            self.result.problems.append(f"{where}: hung: {hung}")
        self._site.processes.disarm()
        self._count(hand, self._site.processes.deaths(), where)
        if runs:
            await self._judge(number, state, runs, where)
        return bool(runs)

    def _draw(self, number: int) -> list[Planned]:
        """The next kills of this step. An exhausted deck is shuffled again."""
        if not self._per_run:
            return []
        if not any(planned.step == number for planned in self._deck):
            self._deck.extend(deck(self._reference, self._seed + self.result.kills))
        hand: list[Planned] = []
        for planned in [planned for planned in self._deck if planned.step == number]:
            # A dead planner costs a whole run, so one of them at a time.
            if planned.role == SCHEDULER and any(other.role == SCHEDULER for other in hand):
                continue
            hand.append(planned)
            self._deck.remove(planned)
            if len(hand) == self._per_run:
                break
        return hand

    def _count(self, hand: Sequence[Planned], deaths: Sequence[Kill], where: str) -> None:
        self.result.kills += len(deaths)
        for death in deaths:
            self._say(f"killed {death} in {where}")
        died = Counter((death.role, death.where) for death in deaths)
        for planned in hand:
            if planned.order is None:
                continue
            key = planned.role, f"{planned.order.point} ({planned.order.occurrence})"
            if died[key]:
                died[key] -= 1
            elif planned.tries > 1:  # not passed this often in this life: use it first in another round
                first = msgspec.structs.replace(planned.order, occurrence=1)
                self._deck.append(msgspec.structs.replace(planned, order=first, tries=planned.tries - 1))

    async def _judge(self, number: int, state: State, runs: Sequence[Run], where: str) -> None:
        self.result.runs += len(runs)
        found = await snapshot(self._site)
        for verdict in (
            against_supplier(found, await self._site.truth(), state.unnoticed),
            against_reference(found, self._reference.snapshots[number]),
            await check_figures(self._site, runs[-1]),
        ):
            self.result.add(verdict, where)
        self.result.problems += [
            f"{where}: run {run.id} is {run.status}: {run.error_code}: {run.error_message}"
            for run in runs[:-1]
            if run.error_code not in _EXPECTED_FAILURES
        ]
        self.result.problems += [f"{where}: {surprise}" for surprise in self._site.processes.surprises]
        self._site.processes.surprises.clear()
