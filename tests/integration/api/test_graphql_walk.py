"""Cursor paging during changes: every unchanged diamond is visited once, in every sort."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio

from tests.integration.api.diamonds import Insert, Row, build
from tests.integration.api.test_graphql import SORTS, WALK

STAYING, MOVING = 600, 200
PAGE = 97
# Values that a sync changes, in all sortable columns.
CHANGE = """
UPDATE inventory.diamonds SET retail_price_cents = $2, supplier_price_cents = $2, carat_milli = $3, color_rank = $4,
    clarity_rank = $5, rating = $6, created_at = to_timestamp($7), status = $8, updated_at = now(),
    deleted_at = CASE WHEN $8 = 'deleted' THEN now() END
WHERE supplier_stone_id = $1
"""


def stone(dice: random.Random, number: int) -> Row:
    return build(
        number,
        retail_price_cents=dice.randint(100, 130),
        supplier_price_cents=dice.randint(100, 130),
        carat_milli=dice.randint(300, 330),
        color=dice.choice(["D", "E", None, "unheard of"]),
        clarity=dice.choice(["FL", "VS1", None]),
        rating=dice.choice([None, 1, 5, 10]),
        created_at=build(dice.randint(0, 50))["created_at"],
    )


async def change(url: str, dice: random.Random, changed: list[int]) -> None:
    """Change the moving stones continuously."""
    connection = await asyncpg.connect(url)
    try:
        for turn in count():
            number = STAYING + dice.randrange(MOVING)
            await connection.execute(
                CHANGE,
                f"stone-{number}",
                dice.randint(100, 130),
                dice.randint(300, 330),
                dice.choice([None, 1, 2]),
                dice.choice([None, 1, 5]),
                dice.choice([None, 1, 5, 10]),
                1_767_225_600 + dice.randint(0, 50),
                dice.choice(["active", "active", "deleted"]),
            )
            changed[0] = turn + 1
    finally:
        await connection.close()


@pytest_asyncio.fixture
async def ongoing_changes(database_url: str, insert: Insert) -> AsyncIterator[list[int]]:
    """Continuous changes of the inventory. Counts them."""
    dice = random.Random(3)
    await insert([stone(dice, number) for number in range(STAYING + MOVING)])
    changed = [0]
    changing = asyncio.create_task(change(database_url, dice, changed))
    yield changed
    changing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await changing


async def walk(client: httpx.AsyncClient, by: str, direction: str, *, forwards: bool) -> list[str]:
    seen: list[str] = []
    cursor: str | None = None
    while True:
        window: dict[str, Any] = {"first": PAGE, "after": cursor} if forwards else {"last": PAGE, "before": cursor}
        variables = {"by": by, "direction": direction, **window}
        body = (await client.post("/graphql", json={"query": WALK, "variables": variables})).json()
        page = body["data"]["diamonds"]
        stones = [node["supplierStoneId"] for node in page["nodes"]]
        seen = seen + stones if forwards else stones + seen
        if not page["pageInfo"]["hasNextPage" if forwards else "hasPreviousPage"]:
            return seen
        cursor = page["pageInfo"]["endCursor" if forwards else "startCursor"]


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
async def test_unchanged_stones_are_visited_once_during_changes(
    cost_client: httpx.AsyncClient, ongoing_changes: list[int], direction: str
) -> None:
    staying = {f"stone-{number}" for number in range(STAYING)}
    for by in SORTS:
        orders = []
        for forwards in (True, False):
            before = ongoing_changes[0]
            seen = await walk(cost_client, by, direction, forwards=forwards)
            assert ongoing_changes[0] > before, "nothing changed meanwhile"
            met = Counter(one for one in seen if one in staying)
            assert met == dict.fromkeys(staying, 1), (by, forwards)
            orders.append([one for one in seen if one in staying])
        assert orders[0] == orders[1], by
