"""Resumption with a cursor: missed events first, each event once, then live events."""

import asyncio
from random import Random

import asyncpg
import httpx
import pytest

from app.graphql.relay import global_id
from inventory.core.database import Database
from inventory.core.settings import Settings
from inventory.events import cursors, dispatcher, log
from inventory.events.cursors import Cursor
from inventory.events.models import EventKind, NewEvent
from tests.integration.api.diamonds import Serve
from tests.integration.api.websocket import BEGINNING, CHANGED, append_event, append_unknown_event, open_socket, stone


async def test_resumed_subscription_gets_missed_events_once_then_live_events(
    address: str, key: str, database: Database
) -> None:
    async with open_socket(address, key) as socket:
        await socket.subscribe(CHANGED, after=BEGINNING)
        await append_event(database, 0)
        cursor = (await socket.event())["cursor"]
    for number in range(1, 260):
        await append_event(database, number)
    async with open_socket(address, key) as socket:
        await socket.subscribe(CHANGED, after=cursor)
        missed = [await socket.event() for _ in range(259)]
        await append_event(database, 260)
        live = await socket.event()
    assert [event["diamondIds"] for event in [*missed, live]] == [
        [global_id("Diamond", stone(number))] for number in range(1, 261)
    ]


async def test_resumption_at_new_process_misses_nothing(
    settings: Settings, serve: Serve, key: str, database: Database, database_url: str
) -> None:
    """The process does not know the end of the log yet, and must not treat missed events as delivered."""
    for number in range(3):
        await append_event(database, number)
    connection = await asyncpg.connect(database_url, server_settings={"search_path": "inventory"})
    await connection.execute("BEGIN")
    await connection.execute("SELECT FROM event_counter FOR UPDATE")  # so no reader gets past its beginning
    async with serve(settings) as address, open_socket(address, key) as socket:
        await socket.subscribe(CHANGED, after=BEGINNING)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.event(), 1)
        await connection.close()
        async with asyncio.timeout(20):
            heard = [await socket.event() for _ in range(3)]
    assert [event["diamondIds"] for event in heard] == [[global_id("Diamond", stone(number))] for number in range(3)]


async def test_events_of_newer_version_are_skipped_and_later_ones_delivered(
    settings: Settings, serve: Serve, key: str, database: Database
) -> None:
    """As during a deployment: more such events than one read returns, live and after a resumption."""
    live = [global_id("Diamond", stone(number)) for number in (1, 3)]
    async with serve(settings) as address, open_socket(address, key) as socket:
        await socket.subscribe(CHANGED, after=BEGINNING)
        await append_event(database, 1)
        assert (await socket.event())["diamondIds"] == live[:1]
        await append_unknown_event(database, *range(300))
        await append_event(database, 3)
        async with asyncio.timeout(20):
            assert (await socket.event())["diamondIds"] == live[1:]
        await append_unknown_event(database, 4)
        async with open_socket(address, key) as again:
            await again.subscribe(CHANGED, after=BEGINNING)
            assert [(await again.event())["diamondIds"] for _ in range(2)] == [[one] for one in live]
        async with asyncio.timeout(20), httpx.AsyncClient(base_url=address, headers={"X-API-Key": key}) as client:
            position = 0
            while position < 303:  # so that they are not read again
                answer = await client.post("/graphql", json={"query": "{ eventCursor }"})
                position = cursors.decode(answer.json()["data"]["eventCursor"]).position


async def test_connected_subscribers_are_told_about_restored_database(
    address: str, key: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new log is longer than their position, so its length reveals nothing."""
    away = asyncio.Event()
    monkeypatch.setattr(dispatcher.logger, "warning", lambda *_, **__: away.set())
    async with open_socket(address, key) as socket:
        await socket.subscribe(CHANGED, after=BEGINNING)
        await append_event(database, 0)
        await socket.event()
        async with database.connection() as connection:
            await connection.execute("ALTER TABLE event_log RENAME TO being_restored")
            await asyncio.wait_for(away.wait(), 20)
            await connection.execute("UPDATE being_restored SET occurred_at = occurred_at - interval '1 minute'")
            async with connection.transaction():
                await connection.execute("ALTER TABLE being_restored RENAME TO event_log")
                await log.append(connection, NewEvent(EventKind.DIAMONDS_CHANGED, [stone(1)]))
        async with asyncio.timeout(20):
            assert (await socket.error())["extensions"]["code"] == "CURSOR_UNKNOWN"


async def test_repeated_disconnections_lose_and_duplicate_nothing(
    settings: Settings, serve: Serve, key: str, database: Database
) -> None:
    total, dice = 400, Random(7)
    seen: list[str] = []

    async def write() -> None:
        for number in range(total):
            await append_event(database, number)
            await asyncio.sleep(0.002)

    async def follow(addresses: list[str]) -> None:
        cursor = BEGINNING
        while len(seen) < total:
            # Unbounded: the client library stops reading at a bound, and then waits ten seconds for the close frame
            # behind it.
            async with open_socket(dice.choice(addresses), key, max_queue=None) as socket:
                await socket.subscribe(CHANGED, after=cursor)
                for _ in range(min(dice.randrange(1, 40), total - len(seen))):
                    event = await socket.event()
                    seen.extend(event["diamondIds"])
                    cursor = event["cursor"]
                socket.connection.transport.abort()

    async with serve(settings) as one, serve(settings) as two, asyncio.timeout(100), asyncio.TaskGroup() as group:
        group.create_task(write())
        group.create_task(follow([one, two]))
    assert seen == [global_id("Diamond", stone(number)) for number in range(total)]


async def test_event_cursor_is_starting_point(
    address: str, key: str, api: httpx.AsyncClient, database: Database
) -> None:
    async def ask() -> str:
        body = (await api.post("/graphql", json={"query": "{ eventCursor }"})).json()
        cursor: str = body["data"]["eventCursor"]
        return cursor

    assert await ask() == BEGINNING
    await append_event(database, 1)
    async with open_socket(address, key) as socket:
        await socket.subscribe(CHANGED, after=BEGINNING)
        first = await socket.event()
        assert await ask() == first["cursor"]
    await append_event(database, 2)
    async with open_socket(address, key) as socket:
        await socket.subscribe(CHANGED, after=first["cursor"])
        assert (await socket.event())["diamondIds"] == [global_id("Diamond", stone(2))]


async def test_invalid_cursor_is_named(address: str, key: str) -> None:
    async with open_socket(address, key) as socket:
        for name, after in enumerate(("", "x", "A" * 23)):
            if name == 2:
                continue  # this is the beginning
            await socket.subscribe(CHANGED, str(name), after=after)
            extensions = (await socket.error())["extensions"]
            assert (extensions["code"], list(extensions["fields"])) == ("VALIDATION_ERROR", ["after"])


async def test_expired_or_foreign_cursor_is_rejected_with_code(address: str, key: str, database: Database) -> None:
    for number in range(3):
        await append_event(database, number)
    async with open_socket(address, key) as socket:
        await socket.subscribe(CHANGED, after=BEGINNING)
        first = cursors.decode((await socket.event())["cursor"])
        async with database.connection() as connection:
            await connection.execute(
                "UPDATE event_log SET occurred_at = occurred_at - interval '1 year' WHERE position < 3"
            )
            assert await log.prune(connection, 90, 10) == 2
        for name, after in (("a", first), ("b", Cursor(3, 1)), ("c", Cursor(9, 1))):
            await socket.subscribe(CHANGED, name, after=cursors.encode(after))
        codes: dict[str, str] = {}
        while len(codes) < 3:
            message = await socket.receive_message()
            if message["type"] == "error":
                codes[message["id"]] = message["payload"][0]["extensions"]["code"]
    assert codes == {"a": "CURSOR_EXPIRED", "b": "CURSOR_UNKNOWN", "c": "CURSOR_UNKNOWN"}
