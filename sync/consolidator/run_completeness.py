"""Completeness check of a run before its consolidation: compare its stones with the supplier's counts."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from inventory.core.database import Database
from inventory.core.errors import FeedIncomplete
from inventory.core.logging import get_logger
from inventory.core.settings.sync import SyncSettings
from inventory.runs import repository
from inventory.runs.models import Run
from inventory.suppliers.ports import Feed, FeedPage
from sync.planning.listing import CountRequest, PageView
from sync.planning.run_proof import Distinct, DistinctRequest, RunCompleteness, RunProof, RunRequest, Steps
from sync.runs.query import count_of_part, query_of_part
from sync.runs.statements import sql
from sync.worker.staging import listing_of

log = get_logger()

_MIN_UNIDENTIFIED = 20  # below this number a share is not meaningful

# Writes a page that was read for the whole run.
StagePage = Callable[[FeedPage], Awaitable[None]]


class RunCheck:
    """Proves runs with the database's figures and the supplier's counts."""

    def __init__(self, settings: SyncSettings, database: Database, feed: Feed) -> None:
        self._settings = settings
        self._database = database
        self._feed = feed

    async def prove(self, run: Run, stage: StagePage) -> None:
        """Prove that a run has read the whole feed. A forced run is not checked.

        Raises:
            FeedIncomplete: the run lacks listings, or its completeness cannot be proven.
            SupplierError: a request to the supplier failed.
        """
        if run.forced_by is not None:
            return
        plan, offered = run.heatmap, await self._feed.capabilities()
        async with self._database.connection() as connection:
            parts = await repository.partitions(connection, run.id)
        edges = [part.price_to for part in parts if part.kind == "band" and part.price_to is not None]
        steps = RunCompleteness(
            opened=plan.total if plan else None, edges=edges, limit=self._feed.page_size, by_origin=offered.origin
        ).requests()
        proof = await self._drive(run, steps, stage)
        self._refuse_unidentified(proof)
        log.info(
            "run_proven",
            opened=proof.opened,
            closed=proof.closed,
            listings=proof.listings,
            unidentified=proof.unidentified,
            changed=proof.changed,
            tolerated=proof.tolerated,
        )

    async def _drive(self, run: Run, steps: Steps[RunProof], stage: StagePage) -> RunProof:
        request = next(steps)
        while True:
            answer = await self._answer(run, request, stage)
            try:
                request = steps.send(answer)
            except StopIteration as end:
                proof: RunProof = end.value
                return proof

    async def _answer(self, run: Run, request: RunRequest, stage: StagePage) -> int | PageView | Distinct:
        if isinstance(request, DistinctRequest):
            async with self._database.connection() as connection:
                row = await connection.fetchrow(sql.distinct_listings, run.id)
            return Distinct(*row.values()) if row else Distinct(0, 0, 0)
        overlap = timedelta(seconds=self._settings.overlap_seconds)
        if isinstance(request, CountRequest):
            return await count_of_part(self._feed, run, request.part, overlap)
        page = await self._feed.page(query_of_part(run, request.part, overlap), request.offset, request.limit)
        await stage(page)
        return PageView([listing_of(item) for item in page.items], page.unidentified)

    def _refuse_unidentified(self, proof: RunProof) -> None:
        """Check that not too many items are unidentified.

        Raises:
            FeedIncomplete: the share of unidentified items is too large.
        """
        allowed = max(_MIN_UNIDENTIFIED, int(proof.closed * self._settings.max_quarantine_share))
        if proof.unidentified > allowed:
            raise FeedIncomplete(
                f"{proof.unidentified} of {proof.closed} items could not be identified, more than the allowed {allowed} "
                f"({self._settings.limit_variable('max_quarantine_share')})",
                details={"counted": proof.closed, "read": proof.listings, "unidentified": proof.unidentified},
            )
