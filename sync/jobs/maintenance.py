"""The periodic duties. Each one is independent, idempotent, and safe in several processes at once."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from inventory.alerts.incident import Incident, report
from inventory.alerts.incident import sql as incident_sql
from inventory.core.clock import Clock
from inventory.core.database import Connection, Database
from inventory.core.errors import NothingToRead, RunConflict
from inventory.core.logging import get_logger
from inventory.core.settings import Settings
from inventory.events import log as events
from inventory.runs import repository
from inventory.runs.dead_letters import DeadLetter
from inventory.runs.schedule import last_due
from sync.alerts import incidents
from sync.messaging.messages import run_named_by
from sync.planning import nightly
from sync.ports import DeadLetters
from sync.runs.statements import sql
from sync.scheduler.planning import RunRequest
from sync.scheduler.scheduler import Scheduler

log = get_logger()

_PRUNED_AT_ONCE = 1000
_COUNTED_DEAD_LETTERS = 100


class Maintenance:
    """The duties of one feed."""

    def __init__(
        self, settings: Settings, database: Database, scheduler: Scheduler, dead_letters: DeadLetters, clock: Clock
    ) -> None:
        self._settings = settings
        self._database = database
        self._scheduler = scheduler
        self._dead_letters = dead_letters
        self._clock = clock
        self._times = settings.by_feed[settings.sync.feed].times

    async def start_nightly(self) -> None:
        """Start the nightly run if it is due and none has begun since. Of two processes that try, one succeeds.

        A run that could not be planned, because the supplier was away, is tried again within the night, also one that another
        scheduler started if SYNC_NIGHTLY_RETRY is set.
        """
        now = self._clock()
        sync = self._settings.sync
        if not (sync.nightly or sync.nightly_retry):
            return
        async with self._database.connection() as connection:
            state = await connection.fetchrow(sql.nightly_state, sync.feed, last_due(now, self._times))
        if state is None or state["begun"]:
            return
        tries = state["tries"]
        if not (sync.nightly or tries):
            return  # another scheduler starts the run
        if not (
            nightly.may_try_again(now, tries, state["last_try"], self._times)
            if tries
            else nightly.in_time(now, self._times)
        ):
            return
        try:
            run, _ = await self._scheduler.schedule(RunRequest(started_by=incidents.NIGHTLY))
        except RunConflict:
            log.info("nightly_run_waits", feed=sync.feed, reason="another run is open")
        except NothingToRead:
            log.info("nightly_run_waits", feed=sync.feed, reason="there is no new file")
        else:
            log.info("nightly_run_started", feed=sync.feed, run_id=str(run.id))

    async def watch_nightly(self) -> None:
        """Alert the operator if the last nightly run did not start.

        A feed that was never read is not watched. Without a new file no run of a file feed starts: `watch_silence`.
        """
        now = self._clock()
        if nightly.in_time(now, self._times) or self._settings.by_feed[self._settings.sync.feed].kind == "csv":
            return
        due = last_due(now, self._times)
        async with self._database.transaction() as connection:
            state = await connection.fetchrow(sql.nightly_state, self._settings.sync.feed, due)
            if state is not None and state["known"] and not (state["started"] or state["under_way"]):
                await self._report(connection, incidents.nightly_missed(self._settings.sync.feed, due))

    async def watch_silence(self) -> None:
        """Alert the operator if the supplier of a feed of files delivers nothing new for longer than the feed allows.

        Such a supplier starts no run that could fail. A feed whose newest run did not complete has a separate alert, and so
        has a counted feed whose nightly run is missing.
        """
        now, feed = self._clock(), self._settings.by_feed[self._settings.sync.feed]
        if feed.kind != "csv":
            return
        max_age = timedelta(hours=feed.max_age_hours)
        async with self._database.transaction() as connection:
            newest = await repository.newest(connection, self._settings.sync.feed)
            if newest is not None and newest.status == "completed" and now - newest.window_to > max_age:
                await self._report(connection, incidents.feed_silent(newest.feed, newest, max_age, now))

    async def watch_dead_letters(self) -> None:
        """Alert the operator that a queue has dead letters, once for as long as the oldest of them stays there.

        A message about a known run is not a separate incident: the end of the run has an alert with the same cause.
        """
        # One queue after the other: each takes a connection, and a namespace may have few (10 in Microsoft's emulator).
        for queue in self._settings.service_bus.queues:
            peeked = await self._dead_letters.peek(queue, _COUNTED_DEAD_LETTERS)
            letters = await self._without_runs(peeked)
            if not letters:
                await self._resolve_dead_letters(queue, None)
                continue
            oldest = letters[0]
            incident = incidents.dead_letters(
                self._settings.sync.feed,
                queue,
                count=f"{len(letters)}{' or more' if len(peeked) == _COUNTED_DEAD_LETTERS else ''}",
                number=oldest.sequence_number,
                since=oldest.sent_at,
                reason=f"{oldest.reason}: {oldest.description}" if oldest.description else oldest.reason,
            )
            async with self._database.transaction() as connection:
                await self._report(connection, incident)
            await self._resolve_dead_letters(queue, incident.key)

    async def _resolve_dead_letters(self, queue: str, present: str | None) -> None:
        """Resolve the incidents of a queue, except the one of its present oldest dead letter."""
        async with self._database.connection() as connection:
            await connection.execute(incident_sql.resolve_dead_letters, incidents.dead_letters_key(queue, ""), present)

    async def _without_runs(self, letters: Sequence[DeadLetter]) -> Sequence[DeadLetter]:
        """Select the dead letters that name no known run."""
        named = {letter.sequence_number: run_named_by(letter.body) for letter in letters}
        async with self._database.connection() as connection:
            known = {row["id"] for row in await connection.fetch(sql.known_runs, list({*named.values()} - {None}))}
        return [letter for letter in letters if named[letter.sequence_number] not in known]

    async def prune(self) -> dict[str, int]:
        """Remove records that are older than the retention and not needed; return the number of each kind."""
        days = self._settings.sync.retention_days

        def old(name: str) -> Callable[[Connection], Awaitable[int]]:
            async def some(connection: Connection) -> int:
                return len(await connection.fetch(getattr(sql, name), days, _PRUNED_AT_ONCE))

            return some

        async def old_events(connection: Connection) -> int:
            return await events.prune(connection, self._settings.events.retention_days, _PRUNED_AT_ONCE)

        names = ("prune_runs", "prune_payloads", "prune_alerts", "prune_run_log", "prune_job_effects")
        pruned = {name: await self._prune(old(name)) for name in names}
        pruned["prune_events"] = await self._prune(old_events)
        if any(pruned.values()):
            log.info("pruned", **pruned)
        return pruned

    async def _prune(self, some: Callable[[Connection], Awaitable[int]]) -> int:
        total = 0
        while True:
            async with self._database.connection() as connection:
                gone = await some(connection)
            total += gone
            if gone < _PRUNED_AT_ONCE:
                return total

    async def number_events(self) -> None:
        """Number new events, for an installation without a running API process."""
        async with self._database.connection() as connection:
            await events.number(connection)

    @staticmethod
    async def _report(connection: Connection, incident: Incident) -> None:
        if await report(connection, incident):
            log.warning("incident", kind=incident.kind, reason=incident.content.reason)
