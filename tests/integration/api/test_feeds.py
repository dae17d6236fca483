"""Feeds of the installation, and runs of a feed of files."""

import httpx

from app.auth.scopes import Scope
from inventory.core.settings import Settings
from tests.integration.api.diamonds import Insert, MakeKey, Serve
from tests.integration.api.runs import build_partition, build_run, run_id

FEEDS = "{ syncFeeds { name kind schedule } }"
PARTITIONS = "query ($id: ID!) { syncRun(id: $id) { feed partitions { ordinal kind priceFrom { cents } planned } } }"


async def test_feeds_and_rows_of_files_are_shown(
    settings: Settings, serve: Serve, make_key: MakeKey, insert: Insert
) -> None:
    await insert([build_run(1, feed="acme")], "run_metadata")
    rows = {"kind": "rows", "price_from": None, "price_to": None, "feed": "acme", "planned_stones": 7}
    await insert([build_partition(1, 0, **rows)], "worker_runs")
    two = settings.with_values(
        feeds="nivoda,acme",
        feed_acme_kind="csv",
        feed_acme_source="/data/acme",
        feed_acme_map="/data/acme.toml",
        feed_acme_schedule="15:00,03:30",
    )
    headers = {"X-API-Key": await make_key(Scope.SYNC_READ, Scope.PRICES_SUPPLIER)}
    async with serve(two) as address, httpx.AsyncClient(base_url=address, headers=headers) as client:
        feeds = (await client.post("/graphql", json={"query": FEEDS})).json()["data"]["syncFeeds"]
        body = {"query": PARTITIONS, "variables": {"id": str(run_id(1))}}
        run = (await client.post("/graphql", json=body)).json()["data"]["syncRun"]
    assert feeds == [
        {"name": "nivoda", "kind": "nivoda", "schedule": ["02:00"]},
        {"name": "acme", "kind": "csv", "schedule": ["03:30", "15:00"]},
    ]
    assert run == {
        "feed": "acme",
        "partitions": [{"ordinal": 0, "kind": "ROWS", "priceFrom": None, "planned": 7}],
    }
