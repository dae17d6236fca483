"""Subscription to the progress of a run."""

import asyncio

import asyncpg
import pytest

from app.auth.scopes import Scope
from app.graphql.relay import global_id
from tests.integration.api.diamonds import Insert, MakeKey
from tests.integration.api.runs import build_partition, build_run, run_id
from tests.integration.api.websocket import PROGRESS, open_socket


async def test_run_is_followed_to_its_end(address: str, make_key: MakeKey, insert: Insert, database_url: str) -> None:
    await insert([build_run(1, status="running", completed_at=None)], "run_metadata")
    await insert([build_partition(1, 0, status="running", completed_at=None)], "worker_runs")
    connection = await asyncpg.connect(database_url, server_settings={"search_path": "inventory"})
    async with open_socket(address, await make_key(Scope.SYNC_READ)) as socket:
        for name, given in (("plain", str(run_id(1))), ("global", global_id("SyncRun", run_id(1)))):
            await socket.subscribe(PROGRESS, name, runId=given)
            assert (await socket.event())["status"] == "RUNNING"
        await connection.execute("UPDATE worker_runs SET status = 'succeeded', completed_at = now()")
        for _ in range(2):
            event = await socket.event()
            assert event["partitions"] == [{"ordinal": 0, "status": "SUCCEEDED"}]
        await connection.execute("UPDATE run_metadata SET status = 'completed', completed_at = now()")
        last = [await socket.receive_message() for _ in range(4)]
        assert sorted(message["type"] for message in last) == ["complete", "complete", "next", "next"]
        await socket.subscribe(PROGRESS, "late", runId=str(run_id(1)))
        assert (await socket.event())["status"] == "COMPLETED"
        assert await socket.receive_message() == {"id": "late", "type": "complete"}
    await connection.close()


async def test_run_is_polled_once_per_second_for_all_subscribers(
    address: str, make_key: MakeKey, insert: Insert, statements: list[str]
) -> None:
    await insert([build_run(1, status="running", completed_at=None)], "run_metadata")
    async with open_socket(address, await make_key(Scope.SYNC_READ)) as socket:
        for name in range(20):
            await socket.subscribe(PROGRESS, str(name), runId=str(run_id(1)))
            await socket.event()
        statements.clear()
        await asyncio.sleep(3)
    looks = [text for text in statements if "FROM run_metadata" in text]
    assert 1 <= len(looks) <= 4


@pytest.mark.parametrize("given", [str(run_id(1)), "nonsense", global_id("Diamond", run_id(1))])
async def test_unknown_run_cannot_be_followed(address: str, make_key: MakeKey, given: str) -> None:
    async with open_socket(address, await make_key(Scope.SYNC_READ)) as socket:
        await socket.subscribe(PROGRESS, runId=given)
        assert (await socket.error())["extensions"]["code"] == "NOT_FOUND"
