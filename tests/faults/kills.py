"""Kills: which are to happen, what an undisturbed scenario passes and leaves behind, and what killing leads to."""

import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from random import Random

import msgspec

from app.runs.models import Run
from sandbox.stack.process import Process
from tests.faults.crew import ROLES, SCHEDULER, Kill
from tests.faults.points import Order
from tests.faults.scenario import STEPS, State
from tests.faults.site import Hung, Site
from tests.faults.snapshot import Snapshot, Verdict, against_reference, against_supplier, books, snapshot

_STEP_SECONDS = 60.0
_KILL_SECONDS = 20.0
_MOST_HUNG = 3
_EXPECTED_FAILURES = {"PLANNING_ABANDONED"}
# In which phase of a run a process has something to do.
_PHASES = {SCHEDULER: "planning", "worker": "running", "consolidator": "consolidating", "reconciler": "running"}
# Whose moments come how often, and until how many seconds after the phase began.
_MOMENTS = {
    SCHEDULER: (1, 0.6), "worker-1": (3, 2.5), "worker-2": (3, 2.5), "consolidator": (4, 0.8), "reconciler": (1, 2.5)
}  # fmt: skip

Say = Callable[[str], None]
# Adds other faults to a step, given its number.
Unsettle = Callable[[Site, int], Awaitable[None]]


class Planned(msgspec.Struct, frozen=True):
    """A kill that is to happen in a step: at a point, or `seconds` after the role has got something to do."""

    step: int
    role: str
    order: Order | None
    seconds: float = 0.0
    tries: int = 3
    """How many more scenarios are tried until the point is passed."""


class Reference(msgspec.Struct, frozen=True):
    """What an undisturbed scenario left behind after each step, and which points its roles passed, how often."""

    snapshots: Sequence[Snapshot]
    points: Sequence[dict[str, Counter[str]]]


class Result(msgspec.Struct, kw_only=True):
    """The figures of a whole campaign; `problems` says in words what is behind them."""

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


async def refer(site: Site) -> Reference:
    """Run the scenario undisturbed.

    Raises:
        Hung: not even so it comes to an end.
    """
    await site.reset()
    state = State(site.options.seed)
    snapshots, points = [], []
    for step in STEPS:
        site.crew.forget()
        await step.prepare(site, state)
        runs = await site.complete(*step.arguments, seconds=_STEP_SECONDS)
        found = await snapshot(site)
        judged = against_supplier(found, await site.truth(), state.unnoticed), await books(site, runs[-1])
        assert not any(judged), f"an undisturbed run goes wrong: {step.name}: {judged}"
        snapshots.append(found)
        points.append({role: site.crew.passed(role) for role in (*ROLES, SCHEDULER)})
    return Reference(snapshots, points)


def deck(reference: Reference, seed: int) -> deque[Planned]:
    """Every point of every role in every step, and as many moments, shuffled."""
    random = Random(f"kills:{seed}")
    cards = []
    for number, roles in enumerate(reference.points):
        for kind in dict.fromkeys(map(_kind, roles)):
            same = [role for role in roles if _kind(role) == kind]
            passed = sum((roles[role] for role in same), Counter[str]())
            for point in sorted(passed):
                # Not the last one that was seen: what was done before a death is not done again after it.
                occurrence = random.randint(1, max(1, passed[point] // (2 * len(same))))
                cards.append(Planned(number, random.choice(same), Order(point, occurrence)))
                role = random.choices(list(_MOMENTS), [weight for weight, _ in _MOMENTS.values()])[0]
                cards.append(Planned(number, role, None, random.uniform(0, _MOMENTS[role][1])))
    random.shuffle(cards)
    return deque(cards)


def _kind(role: str) -> str:
    return role.partition("-")[0]


class Moments:
    """Kills that happen some time after their role has got something to do."""

    def __init__(self, site: Site, planned: Sequence[Planned]) -> None:
        self._site = site
        self._planned = list(planned)
        self._since: dict[str, float] = {}

    async def watch(self, run: Run | None, scheduler: Process | None) -> None:
        """Kill whose moment has come. Called at every look at the run."""
        now = time.monotonic()
        if run is not None:
            self._since.setdefault(run.status, now)
        for planned in list(self._planned):
            phase = _PHASES[_kind(planned.role)]
            if phase not in self._since or now < self._since[phase] + planned.seconds:
                continue
            process = scheduler if planned.role == SCHEDULER else self._site.crew[planned.role]
            where = f"{planned.seconds:.2f} s after the run was {phase}"
            if process is not None and await self._site.crew.kill(process, planned.role, where):
                self._planned.remove(planned)


class Campaign:
    """Rounds of the scenario with kills, until there were enough of them."""

    def __init__(
        self, site: Site, reference: Reference, *, seed: int, per_run: int, say: Say, unsettle: Unsettle | None = None
    ) -> None:
        self._site = site
        self._reference = reference
        self._seed = seed
        self._deck = deck(reference, seed)
        self._per_run = per_run
        self._say = say
        self._unsettle = unsettle
        self._result = Result()

    async def go(self, kills: int) -> Result:
        """At least so many kills, however many rounds that takes. What hangs ends its round, not the campaign."""
        began = time.monotonic()
        while self._result.kills < kills and self._result.hung < _MOST_HUNG:
            await self._site.reset()
            await self._round(kills)
        self._result.seconds = round(time.monotonic() - began, 1)
        return self._result

    async def _round(self, kills: int) -> None:
        state = State(self._site.options.seed)
        for number, step in enumerate(STEPS):
            await step.prepare(self._site, state)
            if self._unsettle is not None:
                await self._unsettle(self._site, number)
            if not await self._step(number, state) or self._result.kills >= kills:
                return

    async def _step(self, number: int, state: State) -> bool:
        """A step with kills, judged; False if it hung."""
        hand = self._draw(number)
        for role in {planned.role for planned in hand}:
            orders = [planned.order for planned in hand if planned.role == role and planned.order is not None]
            self._site.crew.order(role, orders)
        moments = Moments(self._site, [planned for planned in hand if planned.order is None])
        where = f"{STEPS[number].name} (seed {self._seed}, after {self._result.kills} kills)"
        runs: list[Run] = []
        try:
            runs = await self._site.complete(
                *STEPS[number].arguments, seconds=_STEP_SECONDS + _KILL_SECONDS * len(hand), watch=moments.watch
            )
            if number == len(STEPS) - 1:
                await self._site.idle()  # what comes late changes nothing either
        except Hung as hung:
            self._result.hung += 1
            self._result.problems.append(f"{where}: hung: {hung}")
        self._site.crew.disarm()
        self._count(hand, self._site.crew.deaths(), where)
        if runs:
            await self._judge(number, state, runs, where)
        return bool(runs)

    def _draw(self, number: int) -> list[Planned]:
        """The first cards of this step. A new deck is shuffled when there are none."""
        if not any(planned.step == number for planned in self._deck):
            self._deck.extend(deck(self._reference, self._seed + self._result.kills))
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
        self._result.kills += len(deaths)
        for death in deaths:
            self._say(f"killed {death} in {where}")
        died = Counter((death.role, death.where) for death in deaths)
        for planned in hand:
            if planned.order is None:
                continue
            key = planned.role, f"{planned.order.point} ({planned.order.occurrence})"
            if died[key]:
                died[key] -= 1
            elif planned.tries > 1:  # not passed so often in this life: the first time, in another round
                first = msgspec.structs.replace(planned.order, occurrence=1)
                self._deck.append(msgspec.structs.replace(planned, order=first, tries=planned.tries - 1))

    async def _judge(self, number: int, state: State, runs: Sequence[Run], where: str) -> None:
        self._result.runs += len(runs)
        found = await snapshot(self._site)
        for verdict in (
            against_supplier(found, await self._site.truth(), state.unnoticed),
            against_reference(found, self._reference.snapshots[number]),
            await books(self._site, runs[-1]),
        ):
            self._result.add(verdict, where)
        self._result.problems += [
            f"{where}: run {run.id} is {run.status}: {run.error_code}: {run.error_message}"
            for run in runs[:-1]
            if run.error_code not in _EXPECTED_FAILURES
        ]
        self._result.problems += [f"{where}: {surprise}" for surprise in self._site.crew.surprises]
        self._site.crew.surprises.clear()
