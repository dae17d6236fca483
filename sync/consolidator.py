"""The consolidator: prices a run's stones, brings them into the inventory, then moves the watermark.

It works in batches by stone id, each one transaction that also books how far it came; whoever takes over after a death
goes on from there. Memory is bounded by a batch. Nothing is written before the gates have opened: a feed that is full
of dirt, or that would empty the inventory, stops here.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import asyncpg
import msgspec
import structlog

from app.core.clock import Clock
from app.core.database import Connection, Database
from app.core.errors import (
    InventoryError,
    LeaseLost,
    MassDeleteStopped,
    QuarantineExceeded,
    StorageUnavailable,
    WatermarkConflict,
)
from app.core.logging import get_logger
from app.core.settings import Settings
from app.core.sql import Statements
from app.pricing.rules import PricingRule, price
from app.runs import repository
from app.runs.models import Run
from app.suppliers.ports import Feed, StoneQuery
from sync.domain.window import Watermark
from sync.lease import kept
from sync.lifecycle import Lifecycle
from sync.ports import WatermarkStore
from sync.staging import SUPPLIER, stage

log = get_logger()
sql = Statements("sync")

_FEWEST_BAD_STONES = 20  # below this a share says nothing: one bad stone of three is not a broken feed
_WATERMARK_TRIES = 5


class Consolidator:
    """Consolidates one run at a time."""

    def __init__(
        self, settings: Settings, database: Database, feed: Feed, watermarks: WatermarkStore, clock: Clock
    ) -> None:
        self._settings = settings
        self._database = database
        self._feed = feed
        self._watermarks = watermarks
        self._clock = clock
        self._lifecycle = Lifecycle(database, settings.sync_lease_seconds)

    async def consolidate(self, run_id: UUID) -> Run | None:
        """Bring a run to its end; answers it, or None where there is nothing (more) to do for it.

        Waits while another consolidator is alive on the run, in case that one dies.

        Raises:
            InventoryError: it could not be finished now; where that is final, the run has failed with the reason.
        """
        while (claimed := await self._claim(run_id)) is None:
            busy_for = await self._busy_for(run_id)
            if busy_for is None:
                return None
            await asyncio.sleep(min(max(busy_for, 0.1), 1.0))
        run, token = claimed
        with structlog.contextvars.bound_contextvars(run_id=str(run.id), trace_id=run.trace_id):
            return await self._work(run, token)

    async def _claim(self, run_id: UUID) -> tuple[Run, UUID] | None:
        token = uuid4()
        async with self._database.connection() as connection:
            row = await connection.fetchrow(sql.claim_consolidation, run_id, token, self._lifecycle.lease_seconds)
        return (repository.run_of(row), token) if row else None

    async def _busy_for(self, run_id: UUID) -> float | None:
        async with self._database.connection() as connection:
            seconds: float | None = await connection.fetchval(sql.consolidation_busy_for, run_id)
            return seconds

    async def _work(self, run: Run, token: UUID) -> Run:
        log.info("consolidation begins", resumed_after=run.consolidated_through)
        async with kept(lambda: self._lifecycle.keep(run.id, token), self._lifecycle.lease_seconds):
            try:
                if run.consolidated_at is None:
                    gone = await self._gates(run, token)
                    await self._batches(run, token)
                    await self._delete(run, token, gone)
                    await self._book(run, token)
                moved = await self._move_watermark(run) if run.moves_watermark else False
            except InventoryError as error:
                await self._give_up(run, token, error)
                raise
        async with self._database.connection() as connection:
            row = await connection.fetchrow(sql.complete_run, run.id, token, moved)
        if row is None:
            raise LeaseLost
        done = repository.run_of(row)
        log.info(
            "run completed",
            fetched=done.fetched,
            repeated=done.repeated,
            upserted=done.upserted,
            unchanged=done.unchanged,
            quarantined=done.quarantined,
            deleted=done.deleted,
            watermark_moved=moved,
        )
        return done

    async def _give_up(self, run: Run, token: UUID, error: InventoryError) -> None:
        """Let someone else try at once, or end the run where trying again can't help."""
        if isinstance(error, LeaseLost):
            return
        if error.retryable:
            async with self._database.connection() as connection:
                await connection.execute(sql.release_consolidation, run.id, token)
        else:
            await self._lifecycle.fail(run.id, error)

    @asynccontextmanager
    async def _ours(self, run_id: UUID, token: UUID) -> AsyncIterator[Connection]:
        """A transaction in which the run is ours until the commit.

        Raises:
            LeaseLost: it is someone else's.
        """
        async with self._database.transaction() as connection:
            if await connection.fetchval(sql.hold_lease, run_id, token) is None:
                raise LeaseLost
            yield connection

    # The gates

    async def _gates(self, run: Run, token: UUID) -> list[str]:
        """Stop a run that would do harm; answers the stones that are gone, as the supplier confirmed.

        Raises:
            QuarantineExceeded: too many stones can't be understood.
            MassDeleteStopped: too many stones would be deleted.
        """
        async with self._database.connection() as connection:
            census = await connection.fetchrow(sql.census, run.feed, run.id)
        distinct, bad = (census["distinct_stones"], census["quarantined"]) if census else (0, 0)
        if bad >= _FEWEST_BAD_STONES and bad > distinct * self._settings.sync_max_quarantine_share:
            raise QuarantineExceeded(
                f"{bad} of {distinct} stones can't be understood, more than the allowed share of "
                f"{self._settings.sync_max_quarantine_share:.0%} (SYNC_MAX_QUARANTINE_SHARE)"
            )
        return await self._gone(run, token) if run.run_type == "full" and run.forced_by is None else []

    async def _gone(self, run: Run, token: UUID) -> list[str]:
        """Which stones the supplier no longer has, by asking for exactly those that the run did not see.

        Those that it does have are staged, so that nobody misses them any more.
        """
        async with self._database.connection() as connection:
            active = await connection.fetchval(sql.active_stones, SUPPLIER)
            rows = await connection.fetch(sql.missing_stones, run.feed, SUPPLIER, run.id, run.window_to)
        allowed = int(active * self._settings.sync_max_delete_share)
        gone: list[str] = []
        active_gone = 0
        for start in range(0, len(rows), self._feed.page_size):
            missing = {row["supplier_stone_id"]: row["active"] for row in rows[start : start + self._feed.page_size]}
            found = await self._ask_again(run, token, list(missing))
            gone += [stone_id for stone_id in missing if stone_id not in found]
            active_gone += sum(was_active for stone_id, was_active in missing.items() if stone_id not in found)
            if active_gone > allowed and run.mass_delete_allowed_by is None:
                raise MassDeleteStopped(
                    f"At least {active_gone} of {active} active stones are gone from the feed, more than the allowed "
                    f"{allowed} (SYNC_MAX_DELETE_SHARE). Nothing was changed. If this is right, confirm with "
                    f"`python -m sync consolidate --allow-mass-delete {run.id}`"
                )
        return gone

    async def _ask_again(self, run: Run, token: UUID, stone_ids: Sequence[str]) -> set[str]:
        known = [stone_id for stone_id in stone_ids if not stone_id.startswith("unidentified:")]
        if not known:
            return set()
        page = await self._feed.page(StoneQuery(stone_ids=known), 0, len(known))
        if page.items:
            async with self._database.transaction() as connection:
                await stage(
                    connection,
                    page,
                    feed=run.feed,
                    run_id=run.id,
                    partition_id=None,
                    checkpoint=None,
                    lease_token=token,
                    lease_seconds=self._lifecycle.lease_seconds,
                )
                await connection.execute(sql.book_asked, run.id, len(page.items))
        return {item.supplier_stone_id for item in page.items}

    # The work

    async def _batches(self, run: Run, token: UUID) -> None:
        async with self._database.connection() as connection:
            rules = [msgspec.convert(dict(row), PricingRule) for row in await connection.fetch(sql.pricing_rules)]
        # As it is now: stones that were asked for once more may have sent it back to the beginning.
        through = (await self._lifecycle.get(run.id)).consolidated_through or ""
        while True:
            async with self._ours(run.id, token) as connection:
                rows = await connection.fetch(
                    sql.batch, run.feed, run.id, through, self._settings.sync_consolidation_batch, SUPPLIER
                )
                if not rows:
                    return
                through = rows[-1]["supplier_stone_id"]
                await self._write(connection, run, rows, rules)
            log.info("batch consolidated", stones=len(rows), through=through)

    async def _write(
        self, connection: Connection, run: Run, rows: Sequence[asyncpg.Record], rules: Sequence[PricingRule]
    ) -> None:
        batch = Batch(rows, rules)
        now = self._clock()
        if batch.bad:
            await connection.execute(sql.quarantine_diamonds, SUPPLIER, batch.bad, now)
        if batch.ids:
            await connection.execute(
                sql.upsert_diamonds, SUPPLIER, batch.ids, batch.retail, batch.ratios, batch.ratings, now
            )
        await connection.execute(
            sql.book_batch,
            run.id,
            rows[-1]["supplier_stone_id"],
            len(batch.ids),
            len(rows) - len(batch.ids) - len(batch.bad),
            len(batch.bad),
            batch.revived,
            self._lifecycle.lease_seconds,
        )

    async def _delete(self, run: Run, token: UUID, gone: Sequence[str]) -> None:
        size = self._settings.sync_consolidation_batch
        for start in range(0, len(gone), size):
            some = gone[start : start + size]
            async with self._ours(run.id, token) as connection:
                now = self._clock()
                await connection.execute(sql.delete_raw, some, now)
                deleted = await connection.fetch(sql.delete_diamonds, SUPPLIER, some, now)
                await connection.execute(sql.book_deletes, run.id, len(deleted), self._lifecycle.lease_seconds)
            log.info("stones deleted", stones=len(deleted))

    async def _book(self, run: Run, token: UUID) -> None:
        async with self._ours(run.id, token) as connection:
            census = await connection.fetchrow(sql.census, run.feed, run.id)
            await connection.execute(sql.book_run, run.id, census["distinct_stones"] if census else 0)

    async def _move_watermark(self, run: Run) -> bool:
        """Move the watermark to where the run's window closed; False if it stands there or later already."""
        target = Watermark(last_updated_at=run.window_to, last_run_id=str(run.id), last_run_completed_at=self._clock())
        for _ in range(_WATERMARK_TRIES):
            present = await self._watermarks.read()
            if present is not None and present[0].last_updated_at >= run.window_to:
                return bool(present[0].last_run_id == str(run.id))
            try:
                await self._watermarks.write(target, present[1] if present else None)
            except WatermarkConflict:
                continue
            return True
        raise StorageUnavailable("The watermark keeps changing under our hands")


class Batch:
    """A batch of stones, sorted into what is written, what is left alone and what is bad."""

    def __init__(self, rows: Sequence[asyncpg.Record], rules: Sequence[PricingRule]) -> None:
        self.bad: list[str] = []
        self.ids: list[str] = []
        self.retail: list[int] = []
        self.ratios: list[object] = []
        self.ratings: list[int | None] = []
        self.revived = 0
        for row in rows:
            if row["problem"] is not None:
                self.bad.append(row["supplier_stone_id"])
                continue
            priced = price(
                rules, row["supplier_price_cents"], row["carat_milli"], row["shape"], row["lab_grown"], SUPPLIER
            )
            if (
                row["status"] == "active"
                and row["source_hash"] == row["canonical_hash"]
                and row["markup_ratio"] == priced.ratio
                and row["rating"] == priced.rating
            ):
                continue
            self.ids.append(row["supplier_stone_id"])
            self.retail.append(priced.retail_cents)
            self.ratios.append(priced.ratio)
            self.ratings.append(priced.rating)
            self.revived += row["status"] == "deleted"
