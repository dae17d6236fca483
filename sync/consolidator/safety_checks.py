"""Safety checks before consolidation: stop a run with too many bad stones or too many deletes before the first write."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from inventory.core.counts import count_text
from inventory.core.database import Database
from inventory.core.errors import MassDeleteStopped, QuarantineExceeded
from inventory.core.settings.sync import SyncSettings
from inventory.runs.models import Run
from inventory.suppliers.lookup import WITNESS_LIMIT
from inventory.suppliers.ports import FeedPage
from sync.consolidator.stone_lookup import StoneLookup
from sync.runs.statements import sql

_MIN_BAD_STONES = 20  # below this number a share is not meaningful: one bad stone of three is not a broken feed

# Stones that are looked up to report the exact number of deletes of a stopped run.
_MAX_COUNTED = 10_000

# Stages a page of missing stones that the supplier still has.
Returned = Callable[[FeedPage], Awaitable[None]]


def check_quarantine_share(bad: int, stones: int, settings: SyncSettings, advice: str) -> None:
    """Check that at most the allowed share of the stones is in quarantine. `advice`: the next step of the operator.

    Raises:
        QuarantineExceeded: the share is larger.
    """
    share = settings.max_quarantine_share
    if bad >= _MIN_BAD_STONES and bad > stones * share:
        raise QuarantineExceeded(
            f"{bad:,} of {count_text(stones, 'stone')} cannot be mapped, more than the allowed share of {share:.0%} "
            f"({settings.limit_variable('max_quarantine_share')}). Nothing was changed. {advice}",
            details={"quarantined": bad, "stones": stones, "share": share},
        )


def _advice(run: Run) -> str:
    return f"List them with `diamonds-sync quarantine list --run {run.id}`"


def _allowed_deletes(active: int, settings: SyncSettings) -> int:
    """The most active stones that one run may delete without an operator's confirmation."""
    return int(active * settings.max_delete_share)


def _mass_delete(
    run: Run, gone: int, active: int, settings: SyncSettings, *, not_looked_up: int = 0
) -> MassDeleteStopped:
    """Build the error of a run that would delete too many stones, with the exact figures."""
    allowed = _allowed_deletes(active, settings)
    more = f" ({not_looked_up} more that the run did not see were not looked up)" if not_looked_up else ""
    return MassDeleteStopped(
        f"{'At least ' if not_looked_up else ''}{gone:,} of {count_text(active, 'active stone')} {'is' if gone == 1 else 'are'} "
        f"gone from the feed{more}, more than the allowed {allowed:,} ({settings.limit_variable('max_delete_share')}). Nothing was changed. If these stones are really gone, confirm with "
        f"`diamonds-sync consolidate --allow-mass-delete {run.id}`",
        details={"gone": gone, "active": active, "allowed": allowed, "not_looked_up": not_looked_up},
    )


class SafetyChecks:
    """Checks the staged stones of a run, and looks up the missing ones at the supplier."""

    def __init__(self, settings: SyncSettings, database: Database, lookup: StoneLookup) -> None:
        self._settings = settings
        self._database = database
        self._lookup = lookup

    async def quarantine(self, run: Run) -> None:
        """Check the share of quarantined stones after a run.

        The share of a full run refers to its stones, which are the whole feed. An incremental run reads only changes: its
        share refers to the inventory after the run. A run that adds nothing to the quarantine passes, and so does a run
        whose share an operator has allowed.

        Raises:
            QuarantineExceeded: the share is too large.
        """
        if run.quarantine_allowed_by is not None:
            return
        async with self._database.connection() as connection:
            if run.run_type == "full":
                census = await connection.fetchrow(sql.census, run.feed, run.id)
                assert census is not None, "an aggregate has a row"  # noqa: S101
                check_quarantine_share(census["quarantined"], census["distinct_stones"], self._settings, _advice(run))
                return
            after = await connection.fetchrow(sql.inventory_census, run.feed, run.id)
            assert after is not None, "an aggregate has a row"  # noqa: S101
        if after["newly_quarantined"]:
            check_quarantine_share(after["quarantined"], after["stones"], self._settings, _advice(run))

    async def gone(self, run: Run, returned: Returned) -> list[str]:
        """Find the stones that the supplier no longer has. Only a full run that read everything may delete.

        The stones that the run did not see are looked up at the supplier. Those that it has go to `returned`.

        Raises:
            MassDeleteStopped: more than the allowed share of the inventory would be deleted.
            SupplierError: a lookup failed, or its answers are not trustworthy.
        """
        if run.run_type != "full" or run.forced_by is not None:
            return []
        gone: list[str] = []
        witnesses: list[str] = []
        active = allowed = active_gone = looked_up = 0
        async for missing in self._missing(run):
            if not looked_up:
                # A run that has seen every stone does not need these figures.
                active, witnesses = await self._active_and_witnesses(run)
                allowed = _allowed_deletes(active, self._settings)
            left = [stone_id for stone_id in missing if stone_id.startswith("unidentified:")]
            if named := missing.keys() - set(left):
                found = await self._lookup.find(run, sorted(named), witnesses)
                if found.found:
                    await returned(FeedPage(received=found.received, items=found.found))
                left += found.absent
            gone += left
            active_gone += sum(missing[stone_id] for stone_id in left)
            looked_up += len(missing)
            stopped = active_gone > allowed and run.mass_delete_allowed_by is None
            if stopped and looked_up >= _MAX_COUNTED:
                not_looked_up = await self._missing_after(run, list(missing)[-1])
                raise _mass_delete(run, active_gone, active, self._settings, not_looked_up=not_looked_up)
        if active_gone > allowed and run.mass_delete_allowed_by is None:
            raise _mass_delete(run, active_gone, active, self._settings)
        return gone

    async def _active_and_witnesses(self, run: Run) -> tuple[int, list[str]]:
        async with self._database.connection() as connection:
            active: int = await connection.fetchval(sql.active_stones, run.feed)
            seen = await connection.fetch(sql.some_seen, run.feed, run.id, WITNESS_LIMIT)
        return active, [row["supplier_stone_id"] for row in seen]

    async def _missing_after(self, run: Run, stone_id: str) -> int:
        async with self._database.connection() as connection:
            count: int = await connection.fetchval(sql.count_missing, run.feed, run.id, run.window_to, stone_id)
            return count

    async def _missing(self, run: Run) -> AsyncIterator[Mapping[str, bool]]:
        """Yield the stones that the run did not see, and whether they are active, in batches of the size of a lookup."""
        after = ""
        size = self._lookup.size
        while True:
            async with self._database.connection() as connection:
                rows = await connection.fetch(sql.missing_stones, run.feed, run.id, run.window_to, after, size)
            if not rows:
                return
            after = rows[-1]["supplier_stone_id"]
            yield {row["supplier_stone_id"]: row["active"] for row in rows}
