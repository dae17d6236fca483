"""Stones of the sandbox as supplier payloads, as rows of the raw table, and as an inventory for searches."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from uuid import UUID, uuid4

import msgspec

from benchmarks.statements import sql
from inventory.catalog.stone import Stone
from inventory.core.clock import utc_now
from inventory.core.database import Connection, Database
from inventory.pricing.rules import PricingRule, price
from inventory.suppliers.nivoda.mapping import observe
from inventory.suppliers.ports import ObservedItem
from sandbox.supplier.inventory import Inventory
from sandbox.supplier.search import Criteria
from sandbox.supplier.spread import Spread
from sync.runs.statements import OBSERVED
from sync.runs.statements import sql as pipeline
from sync.worker.staging import columns

RAW_COLUMNS = ("feed", "observed_at", "run_id", *OBSERVED)

_CHUNK = 5_000
SUPPLIER = "nivoda"
# The rules give diamonds different ratings, which searches sort by.
_RULES = [
    PricingRule(priority=1, markup_ratio=Decimal("1.25"), rating=9, carat_min_milli=2000),
    PricingRule(priority=2, markup_ratio=Decimal("1.2"), rating=7, carat_min_milli=1000),
    PricingRule(priority=3, markup_ratio=Decimal("1.15"), rating=4, carat_min_milli=500),
]
_encode = msgspec.json.Encoder().encode


def payloads(count: int, *, seed: int, spread: Spread = "real", raised_cents: int = 0) -> Iterator[bytes]:
    """Items (JSON) of stones without bad values, ordered by price. `raised_cents` is added to each price."""
    inventory = Inventory(count=count, seed=seed, spread_of=spread, bad_data_share=0)
    for ordinal in inventory.search(Criteria()).page(0, count):
        item = inventory.clean_item(ordinal)
        yield _encode({**item, "price": item["price"] + raised_cents})


def raw_rows(items: Iterable[ObservedItem], feed: str, run_id: UUID, now: datetime) -> list[tuple[object, ...]]:
    """Convert items to rows of the raw table with the columns `RAW_COLUMNS`."""
    return [(feed, now, run_id, *row) for row in zip(*columns(list(items), feed), strict=True)]


async def load_inventory(database: Database, count: int, *, seed: int) -> None:
    """Upsert stones with the statement of the consolidator, then run VACUUM ANALYZE.

    The stones have the distribution of a live inventory; the stones of the data file are all round and natural.
    """
    now, run_id = utc_now(), uuid4()
    remaining = payloads(count, seed=seed, spread="density")
    async with database.connection() as connection:
        for number in range(0, count, _CHUNK):
            observed = [observe(payload) for payload in islice(remaining, _CHUNK)]
            rows = raw_rows(observed, SUPPLIER, run_id, now)
            await connection.copy_records_to_table("raw_diamonds_nivoda", records=rows, columns=RAW_COLUMNS)
            await _upsert(connection, [one.stone for one in observed if one.stone], now + timedelta(seconds=number))
        await connection.execute(sql.insert_completed_run, run_id, now)
        await connection.execute(sql.vacuum_raw)
        await connection.execute(sql.vacuum_diamonds)


async def _upsert(connection: Connection, stones: Sequence[Stone], now: datetime) -> None:
    priced = [
        price(_RULES, stone.supplier_price_cents, stone.carat_milli, stone.shape, stone.lab_grown, SUPPLIER)
        for stone in stones
    ]
    await connection.execute(
        pipeline.upsert_diamonds,
        SUPPLIER,
        [stone.supplier_stone_id for stone in stones],
        [one.retail_cents for one in priced],
        [one.ratio for one in priced],
        [one.rating for one in priced],
        now,
    )
