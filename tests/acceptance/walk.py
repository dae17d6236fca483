"""Pages through a complete inventory by cursor, in every sort and direction, during supplier changes and syncs.

`python -m tests.acceptance.walk --stones 53940` does it once and prints the result.
"""

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import count, product
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import asyncpg
import msgspec
import typer

from app.graphql.diamonds.sort import DiamondSortField
from inventory.core.database import Connection
from sandbox.up import Address
from tests.acceptance.commands import control, started

DIRECTIONS = ("ASC", "DESC")
_PAGE = 100
_CHANGED = 200
_ADDED = _REMOVED = 20
_OVER = frozenset({"completed", "partial", "failed", "cancelled"})
# Sort values of a stone: its position in each sort.
_PLACES = """
SELECT id::text, retail_price_cents, carat_milli, color_rank, clarity_rank, cut_rank, ratio_milli, delivery_max_days, rating,
    created_at, supplier_price_cents
FROM inventory.diamonds WHERE status = 'active'
"""
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "PRICE": ("retail_price_cents",),
    "CARAT": ("carat_milli",),
    "PRICE_PER_CARAT": ("retail_price_cents", "carat_milli"),
    "COLOR": ("color_rank",),
    "CLARITY": ("clarity_rank",),
    "CUT": ("cut_rank",),
    "RATIO": ("ratio_milli",),
    "DELIVERY": ("delivery_max_days",),
    "CREATED_AT": ("created_at",),
    "RATING": ("rating",),
    "SUPPLIER_PRICE": ("supplier_price_cents",),
}
_WALK = """
query Walk($by: DiamondSortField!, $direction: SortDirection!, $first: Int, $after: String, $last: Int, $before: String) {
  diamonds(
    filter: {availability: [AVAILABLE, ON_HOLD, SOLD, UNAVAILABLE]}, sort: {by: $by, direction: $direction}
    first: $first, after: $after, last: $last, before: $before
  ) {
    nodes { databaseId }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
_START = (
    "mutation ($key: String!, $full: Boolean!) { syncStart(input: {idempotencyKey: $key, full: $full}) { job { id } } }"
)

Places = Mapping[str, asyncpg.Record]


class WalkResult(msgspec.Struct, kw_only=True):
    """Result of the walks. `stayed`: stones with the same position before and after a walk, summed."""

    walks: int = 0
    pages: int = 0
    stayed: int = 0
    moved: int = 0
    missed: int = 0
    repeated: int = 0
    disagreed: int = 0
    syncs: int = 0
    seconds: float = 0.0

    @property
    def clean(self) -> bool:
        return not (self.missed or self.repeated or self.disagreed)


@asynccontextmanager
async def open_stack(stones: int) -> AsyncIterator[Address]:
    """A separate stack with one completed sync."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "up.json"
        async with started("up", "--stones", str(stones), "--port", "0", "--json", str(path)) as command:
            await command.said("Ready: ")
            yield msgspec.json.decode(path.read_bytes(), type=Address)


async def walk_everything(address: Address, *, syncs: int = 2) -> WalkResult:
    """Every sort, in both directions, from both ends, during syncs; again until `syncs` of them have ended."""
    walked = WalkResult()
    began = time.monotonic()
    connection = await asyncpg.connect(address.postgres, timeout=10)
    async with aiohttp.ClientSession(headers={"X-API-Key": address.admin_key}, raise_for_status=True) as session:
        syncing = asyncio.create_task(_sync(address, session, walked))
        try:
            while walked.syncs < syncs:
                for member, direction in product(DiamondSortField, DIRECTIONS):
                    await _walk_both_ways(address, session, connection, str(member.value), direction, walked)
                    if syncing.done():
                        syncing.result()
        finally:
            syncing.cancel()
            await asyncio.wait([syncing])
            await connection.close()
    walked.seconds = round(time.monotonic() - began, 1)
    return walked


async def _walk_both_ways(
    address: Address,
    session: aiohttp.ClientSession,
    connection: Connection,
    by: str,
    direction: str,
    walked: WalkResult,
) -> None:
    orders: list[list[str]] = []
    places: list[dict[str, list[object]]] = []
    for forwards in (True, False):
        before = await _places(connection)
        seen = await _walk(address, session, by, direction, walked, forwards=forwards)
        after = await _places(connection)
        stayed = {
            key: place
            for key in before.keys() & after.keys()
            if (place := _place(before[key], by)) == _place(after[key], by)
        }
        met = Counter(seen)
        walked.walks += 1
        walked.stayed += len(stayed)
        walked.moved += len(before.keys() | after.keys()) - len(stayed)
        walked.missed += sum(key not in met for key in stayed)
        walked.repeated += sum(met[key] > 1 for key in stayed)
        orders.append(seen)
        places.append(stayed)
    # Stones also move between the two walks.
    both = {key for key, place in places[0].items() if places[1].get(key) == place}
    one, other = ([key for key in order if key in both] for order in orders)
    walked.disagreed += one != other


async def _walk(
    address: Address, session: aiohttp.ClientSession, by: str, direction: str, walked: WalkResult, *, forwards: bool
) -> list[str]:
    pages: list[list[str]] = []
    cursor: str | None = None
    size, beyond, more, end = (
        ("first", "after", "hasNextPage", "endCursor") if forwards else ("last", "before", "hasPreviousPage", "startCursor")
    )  # fmt: skip
    while True:
        variables = {"by": by, "direction": direction, size: _PAGE, beyond: cursor}
        page = (await _ask(address, session, _WALK, variables))["diamonds"]
        pages.append([node["databaseId"] for node in page["nodes"]])
        walked.pages += 1
        if not page["pageInfo"][more]:
            return [key for one in (pages if forwards else reversed(pages)) for key in one]
        cursor = page["pageInfo"][end]


async def _sync(address: Address, session: aiohttp.ClientSession, walked: WalkResult) -> None:
    """Change the supplier's feed and sync, repeatedly. Every third run is a full run."""
    assert address.supplier_control is not None
    for turn in count(1):
        fields = ["price", "availability", "carats", "color", "clarity"]
        await control(address.supplier_control, "change", {"count": _CHANGED, "seed": turn, "fields": fields})
        await control(address.supplier_control, "add", {"count": _ADDED, "seed": turn})
        await control(address.supplier_control, "remove", {"count": _REMOVED, "seed": turn})
        await _ask(address, session, _START, {"key": f"walk-{turn}-{time.time_ns()}", "full": turn % 3 == 0})
        while (run := (await _newest(address, session)))["status"].lower() not in _OVER:  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(0.2)
        assert run["status"] == "COMPLETED", run
        walked.syncs += 1


async def _newest(address: Address, session: aiohttp.ClientSession) -> dict[str, Any]:
    found = await _ask(address, session, "{ syncRuns(first: 1) { nodes { status error { code message } } } }", {})
    run: dict[str, Any] = found["syncRuns"]["nodes"][0]
    return run


async def _ask(address: Address, session: aiohttp.ClientSession, query: str, variables: object) -> dict[str, Any]:
    async with session.post(address.graphql, json={"query": query, "variables": variables}) as answer:
        body = await answer.json()
    assert "errors" not in body, body["errors"]
    data: dict[str, Any] = body["data"]
    return data


async def _places(connection: Connection) -> Places:
    return {row["id"]: row for row in await connection.fetch(_PLACES)}


def _place(row: asyncpg.Record, by: str) -> list[object]:
    return [row[column] for column in _COLUMNS[by]]


def main(
    stones: Annotated[int, typer.Option(min=500, max=1_000_000, help="The size of the feed.")] = 53_940,
    json: Annotated[Path | None, typer.Option(help="Where the figures go.")] = None,
) -> None:
    """Page through the inventory during changes. Exit code 1 if an unchanged stone was missed or repeated."""
    walked = asyncio.run(_run(stones))
    typer.echo(msgspec.json.encode(walked).decode())
    if json is not None:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(walked)) + b"\n")
    if not walked.clean:
        raise typer.Exit(1)


async def _run(stones: int) -> WalkResult:
    async with open_stack(stones) as address:
        return await walk_everything(address)


if __name__ == "__main__":
    typer.run(main)
