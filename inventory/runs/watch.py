"""Progress polling of runs: read each followed run once a second for all its subscribers."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from uuid import UUID

import msgspec

from inventory.core.errors import NotFound, Unavailable
from inventory.core.logging import get_logger
from inventory.runs.models import Partition, Run, RunOutline
from inventory.runs.service import RunService

log = get_logger()

_POLL_SECONDS = 1.0


class RunState(msgspec.Struct, frozen=True):
    """Snapshot of a run with its partitions."""

    run: Run
    outline: RunOutline
    partitions: Sequence[Partition]

    @property
    def over(self) -> bool:
        """Whether the run has ended, with any status."""
        return not self.run.is_open


class _PolledRun:
    """A polled run: its polling task, its subscribers, and the last snapshot."""

    def __init__(self, polling: "asyncio.Task[None]") -> None:
        self.polling = polling
        self.subscribers = 0
        self.state: RunState | None = None
        self.failure: Exception | None = None
        self._changed = asyncio.Condition()

    async def set(self, state: RunState | None, failure: Exception | None = None) -> None:
        """Publish a snapshot, or the error that ends the polling."""
        async with self._changed:
            self.state, self.failure = state, failure
            self._changed.notify_all()

    async def after(self, known: RunState) -> RunState:
        """Wait for a snapshot that differs from the known one."""
        async with self._changed:
            while self.state in (None, known) and self.failure is None:
                await self._changed.wait()
        if self.failure is not None:
            raise self.failure
        assert self.state is not None  # noqa: S101 - the wait ends with a state or a failure
        return self.state


class RunWatch:
    """Polls runs in the database once a second, and shares the snapshots among subscribers."""

    def __init__(self, runs: RunService) -> None:
        self._runs = runs
        self._polled: dict[UUID, _PolledRun] = {}

    async def snapshot(self, run_id: UUID) -> RunState:
        """Read a snapshot of a run.

        Raises:
            NotFound: there is no such run.
            DatabaseUnavailable: the database does not answer.
        """
        run = (await self._runs.find([run_id])).get(run_id)
        if run is None:
            raise NotFound("There is no run with this id.")
        outlines = await self._runs.outlines([run_id])
        partitions = await self._runs.partitions([run_id])
        return RunState(run, outlines[run_id], partitions.get(run_id, ()))

    async def follow(self, run_id: UUID, state: RunState) -> AsyncGenerator[RunState, None]:
        """Yield the snapshots of a run after this one, until it has ended. A slow subscriber gets only the newest one."""
        if state.over:
            return
        polled = self._polled.get(run_id)
        if polled is None:
            polled = self._polled[run_id] = _PolledRun(asyncio.create_task(self._poll(run_id)))
        polled.subscribers += 1
        try:
            while not state.over:
                state = await polled.after(state)
                yield state
        finally:
            polled.subscribers -= 1
            if polled.subscribers == 0:
                polled.polling.cancel()
                self._polled.pop(run_id, None)

    async def _poll(self, run_id: UUID) -> None:
        polled = self._polled[run_id]
        while True:
            try:
                state = await self.snapshot(run_id)
            except Unavailable as error:
                log.warning("run_poll_failed", run_id=str(run_id), reason=error.code)
            except Exception as error:  # noqa: BLE001 - the subscribers receive it
                await polled.set(None, error)
                return
            else:
                if state != polled.state:
                    await polled.set(state)
                if state.over:
                    return
            await asyncio.sleep(_POLL_SECONDS)
