"""Progress of runs: each watched run is read once a second, however many subscribers watch it."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from uuid import UUID

import msgspec

from inventory.core.errors import NotFound, Unavailable
from inventory.core.logging import get_logger
from inventory.runs.models import Partition, Run, RunOutline
from inventory.runs.service import RunService

log = get_logger()

_EVERY_SECONDS = 1.0


class RunState(msgspec.Struct, frozen=True):
    """A run at a moment, with its partitions."""

    run: Run
    outline: RunOutline
    partitions: Sequence[Partition]

    @property
    def over(self) -> bool:
        """Whether the run has ended, in whatever way."""
        return not self.run.is_open


class _Watched:
    """A run that is being looked at, and what was seen last."""

    def __init__(self, looking: "asyncio.Task[None]") -> None:
        self.looking = looking
        self.watchers = 0
        self.state: RunState | None = None
        self.failure: Exception | None = None
        self._changed = asyncio.Condition()

    async def set(self, state: RunState | None, failure: Exception | None = None) -> None:
        """This has been seen, or why nothing will be seen any more."""
        async with self._changed:
            self.state, self.failure = state, failure
            self._changed.notify_all()

    async def after(self, known: RunState) -> RunState:
        """The newest state, as soon as it is another one than is known."""
        async with self._changed:
            while self.state in (None, known) and self.failure is None:
                await self._changed.wait()
        if self.failure is not None:
            raise self.failure
        assert self.state is not None  # noqa: S101 - it has been waited for
        return self.state


class RunWatch:
    """Watches runs in the journal."""

    def __init__(self, runs: RunService) -> None:
        self._runs = runs
        self._watched: dict[UUID, _Watched] = {}

    async def look(self, run_id: UUID) -> RunState:
        """A run as it is now.

        Raises:
            NotFound: there is no such run.
            DatabaseUnavailable: it can't be known now.
        """
        run = (await self._runs.find([run_id])).get(run_id)
        if run is None:
            raise NotFound("There is no run with this id.")
        outlines = await self._runs.outlines([run_id])
        partitions = await self._runs.partitions([run_id])
        return RunState(run, outlines[run_id], partitions.get(run_id, ()))

    async def follow(self, run_id: UUID, state: RunState) -> AsyncGenerator[RunState, None]:
        """A run's states after this one, until it is over. A slow subscriber gets the newest state only."""
        if state.over:
            return
        watched = self._watched.get(run_id)
        if watched is None:
            watched = self._watched[run_id] = _Watched(asyncio.create_task(self._look_on(run_id)))
        watched.watchers += 1
        try:
            while not state.over:
                state = await watched.after(state)
                yield state
        finally:
            watched.watchers -= 1
            if watched.watchers == 0:
                watched.looking.cancel()
                self._watched.pop(run_id, None)

    async def _look_on(self, run_id: UUID) -> None:
        watched = self._watched[run_id]
        while True:
            try:
                state = await self.look(run_id)
            except Unavailable as error:
                log.warning("run can't be watched", run_id=str(run_id), reason=error.code)
            except Exception as error:  # noqa: BLE001 - told to those who wait
                await watched.set(None, error)
                return
            else:
                if state != watched.state:
                    await watched.set(state)
                if state.over:
                    return
            await asyncio.sleep(_EVERY_SECONDS)
