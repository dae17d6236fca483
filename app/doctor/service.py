"""Checks of the installation from the API: its own servers, and by a job those of the pipeline. Shared for a minute."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import msgspec
from arq.connections import ArqRedis

from app.doctor import supplier as supplier_check
from inventory.core import jobs
from inventory.core.checks import Check, DoctorReport
from inventory.core.clock import Clock, utc_now
from inventory.core.errors import InventoryError
from inventory.core.server_checks import examine_database, examine_redis, examine_settings
from inventory.core.settings import Settings, SettingsError

Examine = Callable[[Settings], Awaitable[DoctorReport]]

_SHARED = timedelta(seconds=60)
# Below the timeout of a GraphQL request.
_SECONDS = 20.0
_PIPELINE = "Jobs role and pipeline"


class InstallationReport(msgspec.Struct, frozen=True):
    """Reports of all checks, and the time at which they were made."""

    at: datetime
    reports: Sequence[DoctorReport]


class InstallationDoctor:
    """Runs all checks of `doctor`. Requests within a minute share a result: the checks call the supplier."""

    def __init__(self, settings: Settings, queue: ArqRedis, *, clock: Clock = utc_now) -> None:
        self._settings = settings
        self._queue = queue
        self._clock = clock
        self._lock = asyncio.Lock()
        self._last: InstallationReport | None = None

    async def report(self) -> InstallationReport:
        """Return the reports of the last minute, or make new ones."""
        async with self._lock:
            now = self._clock()
            if self._last is None or now - self._last.at >= _SHARED:
                self._last = InstallationReport(now, await self._examine())
            return self._last

    async def _examine(self) -> Sequence[DoctorReport]:
        settings = self._settings
        database, redis, supplier, pipeline = await asyncio.gather(
            _bounded("Database", unless_not_set("Database", examine_database, settings)),
            _bounded("Redis", unless_not_set("Redis", examine_redis, settings)),
            _bounded("Supplier", unless_not_set("Supplier", supplier_check.examine, settings)),
            self._pipeline(),
        )
        return [examine_settings(settings), database, redis, supplier, *pipeline]

    async def _pipeline(self) -> Sequence[DoctorReport]:
        """Let the jobs role run the checks of the pipeline, which the API does not know."""
        try:
            job_id = await jobs.enqueue(self._queue, "examine")
            state = await jobs.wait(self._queue, job_id, _SECONDS)
        except InventoryError as error:
            return [_failed(_PIPELINE, error.message, "Check Redis first: the job queue is in it.")]
        if state is None or not state.over:
            detail = f"the jobs role did not run the checks within {_SECONDS:g} s"
            return [
                _failed(
                    _PIPELINE,
                    detail,
                    "Check that the jobs role runs, and that the message broker answers: it waits for both.",
                )
            ]
        if state.failure:
            return [_failed(_PIPELINE, state.failure.message, "The log of the jobs role contains the reason.")]
        return msgspec.convert(state.result, list[DoctorReport])


async def unless_not_set(subject: str, examine: Examine, settings: Settings) -> DoctorReport:
    """Run a check. It is skipped if its settings are not set."""
    try:
        return await examine(settings)
    except SettingsError as error:
        skipped = Check(name="settings", state="skipped", detail=str(error).partition(". Example")[0])
        return DoctorReport(subject=subject, checks=[skipped])


async def _bounded(subject: str, check: Awaitable[DoctorReport]) -> DoctorReport:
    try:
        async with asyncio.timeout(_SECONDS):
            return await check
    except TimeoutError:
        return _failed(subject, f"no answer within {_SECONDS:g} s", "Check that it runs and can be reached from here.")


def _failed(subject: str, detail: str, next_step: str) -> DoctorReport:
    check = Check(name="answer", state="failed", detail=detail, next_step=next_step)
    return DoctorReport(subject=subject, checks=[check])
