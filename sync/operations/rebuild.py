"""Rebuild of the inventory from the stored payloads: map and price them again, compare, and replace the differences.

A rebuild applies a corrected mapping to stones that the supplier does not send again, and repairs a damaged inventory.
The payload is the last state of a stone at the supplier, so a rebuild sends no requests to the supplier.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import asyncpg
import msgspec

from inventory.catalog.stone import Stone
from inventory.core.clock import Clock
from inventory.core.database import Connection, Database
from inventory.core.logging import get_logger
from inventory.core.settings.sync import SyncSettings
from inventory.pricing.rules import Priced, PricingRule, price
from inventory.runs import repository, rules
from inventory.suppliers.ports import ObservedItem, Remap
from sync.consolidator.change_events import ChangeEvents
from sync.consolidator.safety_checks import check_quarantine_share
from sync.runs.statements import sql
from sync.worker.staging import columns

log = get_logger()


Outcome = Literal["added", "changed", "quarantined", "deleted", "unidentified", "waiting"]

_SHOWN = 50
_INTERNAL = frozenset({"mapping", "source_hash"})
_JSON = frozenset({"measurements", "attributes"})


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A stone whose inventory row differs from its payload. `fields`: the present and the expected value by field."""

    supplier_stone_id: str
    outcome: Outcome
    fields: Mapping[str, tuple[Any, Any]]

    @property
    def visible(self) -> bool:
        """Whether readers of the inventory see the difference."""
        return self.outcome != "changed" or bool(self.fields.keys() - _INTERNAL)

    @property
    def spoiled(self) -> bool:
        """Whether an active stone can no longer be mapped."""
        return self.outcome == "quarantined" and self.fields.get("status", ("",))[0] == "active"


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Comparison of the inventory with its payloads. `differences`: the first of the differences that `outcomes` counts.

    `spoiled`: active stones that the present mapping rejects. `without_payload`: stones of the inventory without a
    payload. A rebuild does not change these, nor the waiting ones: no run with their payloads was consolidated, so they
    have not passed the safety checks.
    """

    stones: int
    equal: int
    spoiled: int
    outcomes: Mapping[str, int]
    differences: Sequence[Difference]
    without_payload: int
    applied: bool


class _Rebuilt(msgspec.Struct, frozen=True):
    """The present mapping and pricing of a payload."""

    observed: ObservedItem
    priced: Priced | None
    difference: Difference


class Rebuild:
    """Rebuilds one feed's stones in batches by stone id."""

    def __init__(self, settings: SyncSettings, database: Database, remap: Remap, clock: Clock) -> None:
        self._settings = settings
        self._database = database
        self._remap = remap
        self._clock = clock

    async def compare(self) -> Comparison:
        """Compare the inventory with its payloads without changing it."""
        return await self._process(apply=False)

    async def apply(self, found: Comparison) -> Comparison:
        """Replace the differing stones and return the changes. After an interruption the rebuild can be repeated.

        `found`: a recent comparison.

        Raises:
            QuarantineExceeded: too many active stones would be quarantined; perhaps the mapping is wrong.
            Conflict: a run is open; it is consolidating the same payloads.
        """
        check_quarantine_share(
            found.spoiled,
            found.stones,
            self._settings,
            "Correct the mapping, then run the command again",
        )
        async with self._database.connection() as connection:
            run = await repository.open_run(connection, self._settings.feed)
        rules.check_start(run)
        return await self._process(apply=True)

    async def _process(self, *, apply: bool) -> Comparison:
        async with self._database.connection() as connection:
            rules = [msgspec.convert(dict(row), PricingRule) for row in await connection.fetch(sql.pricing_rules)]
            changes = await ChangeEvents.of(connection, self._settings.feed, None)
        stones, spoiled, through = 0, 0, ""
        outcomes: Counter[str] = Counter()
        shown: list[Difference] = []
        while True:
            async with self._database.transaction() as connection:
                batch = (self._settings.feed, through, self._settings.consolidation_batch)
                if apply:
                    await connection.execute(sql.hold_prices, self._settings.feed)
                    await connection.execute(sql.lock_payloads, *batch)
                rows = await connection.fetch(sql.payloads, *batch)
                if not rows:
                    break
                rebuilt = await self._compare(connection, rows, rules)
                if apply:
                    await self._write(connection, rebuilt, changes)
            through = rows[-1]["supplier_stone_id"]
            stones += len(rows)
            spoiled += sum(stone.difference.spoiled for stone in rebuilt)
            outcomes.update(stone.difference.outcome for stone in rebuilt)
            shown += [stone.difference for stone in rebuilt[: _SHOWN - len(shown)]]
            log.info("batch_compared", stones=len(rows), different=len(rebuilt), applied=apply)
        async with self._database.connection() as connection:
            without_payload = await connection.fetchval(sql.diamonds_without_payload, self._settings.feed)
        return Comparison(
            stones=stones,
            equal=stones - outcomes.total(),
            spoiled=spoiled,
            outcomes=dict(outcomes),
            differences=shown,
            without_payload=without_payload,
            applied=apply,
        )

    async def _compare(
        self, connection: Connection, rows: Sequence[asyncpg.Record], rules: Sequence[PricingRule]
    ) -> list[_Rebuilt]:
        """Select the differing stones of a batch."""
        ids = [row["supplier_stone_id"] for row in rows]
        feed = self._settings.feed
        held = {row["supplier_stone_id"]: row for row in await connection.fetch(sql.diamonds_of_stones, feed, ids)}
        different: list[_Rebuilt] = []
        for row in rows:
            observed = self._remap(row["payload"].encode(), lab_grown=row["queried_lab_grown"])
            priced = _price(observed.stone, rules, feed) if observed.stone else None
            difference = _difference(row, held.get(row["supplier_stone_id"]), observed, priced)
            if difference is not None:
                different.append(_Rebuilt(observed, priced, difference))
        return different

    async def _write(self, connection: Connection, rebuilt: Sequence[_Rebuilt], changes: ChangeEvents) -> None:
        now, feed = self._clock(), self._settings.feed
        mapped = [one for one in rebuilt if one.difference.outcome not in ("deleted", "unidentified")]
        good = [one for one in mapped if one.priced is not None and one.difference.outcome != "waiting"]
        if mapped:
            await connection.execute(sql.remap_payloads, feed, *columns([one.observed for one in mapped], feed))
        if good:
            rows = await connection.fetch(
                sql.upsert_diamonds,
                feed,
                [one.observed.supplier_stone_id for one in good],
                [one.priced.retail_cents for one in good if one.priced],
                [one.priced.ratio for one in good if one.priced],
                [one.priced.rating for one in good if one.priced],
                now,
            )
            visible = {one.observed.supplier_stone_id for one in good if one.difference.visible}
            await changes.changed(connection, [row["id"] for row in rows if row["supplier_stone_id"] in visible])
        for outcome, statement in (("quarantined", sql.quarantine_diamonds), ("deleted", sql.delete_diamonds)):
            ids = [one.difference.supplier_stone_id for one in rebuilt if one.difference.outcome == outcome]
            if ids:
                await changes.removed(connection, await connection.fetch(statement, feed, ids, now))


def _price(stone: Stone, rules: Sequence[PricingRule], supplier: str) -> Priced:
    return price(rules, stone.supplier_price_cents, stone.carat_milli, stone.shape, stone.lab_grown, supplier)


def _difference(
    row: asyncpg.Record, held: asyncpg.Record | None, observed: ObservedItem, priced: Priced | None
) -> Difference | None:
    """Compare a payload with its inventory row; None if they agree."""
    stone_id: str = row["supplier_stone_id"]
    status = held["status"] if held else None
    if row["gone_at"] is not None:
        gone = status in (None, "deleted")
        return None if gone else _difference_of(stone_id, "deleted", status=(status, "deleted"))
    if observed.supplier_stone_id != stone_id:
        # The mapping finds another id than the payload was stored with. The next full run corrects that.
        return _difference_of(stone_id, "unidentified", supplier_stone_id=(stone_id, observed.supplier_stone_id))
    if row["waits"]:
        # Only the mapping is stored. The safety checks see it when a run with the payload is consolidated.
        return _difference_of(stone_id, "waiting")
    if observed.stone is None or priced is None:
        problem = {} if observed.problem == row["problem"] else {"problem": (row["problem"], observed.problem)}
        if status not in (None, "quarantined"):
            problem["status"] = (status, "quarantined")
        return _difference_of(stone_id, "quarantined", **problem) if problem else None
    if held is None:
        return _difference_of(stone_id, "added")
    fields = _changed(held, observed.stone, observed.canonical_hash, priced)
    # The inventory does not show this, but the next run would treat the payload as changed.
    if row["payload_hash"] != observed.payload_hash or row["canonical_hash"] != observed.canonical_hash:
        fields.setdefault("mapping", ("old", "new"))
    return _difference_of(stone_id, "changed", **fields) if fields else None


def _changed(
    held: asyncpg.Record, stone: Stone, canonical_hash: bytes | None, priced: Priced
) -> dict[str, tuple[Any, Any]]:
    expected: dict[str, Any] = {
        "status": "active",
        "source_hash": canonical_hash,
        "retail_price_cents": priced.retail_cents,
        "markup_ratio": priced.ratio,
        "rating": priced.rating,
        **msgspec.structs.asdict(stone),
    }
    changed: dict[str, tuple[Any, Any]] = {}
    for name, value in expected.items():
        present, expected_value = held[name], value
        if name in _JSON:
            present, expected_value = msgspec.json.decode(present), msgspec.json.decode(value)
        if present != expected_value:
            changed[name] = (present, expected_value)
    return changed


def _difference_of(stone_id: str, outcome: Outcome, **fields: tuple[Any, Any]) -> Difference:
    return Difference(supplier_stone_id=stone_id, outcome=outcome, fields=fields)
