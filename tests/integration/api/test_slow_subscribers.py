"""Slow subscribers, and delays of the event log reader."""

import asyncio
import socket
from contextlib import suppress
from typing import Any

import asyncpg
import pytest
from websockets.exceptions import ConnectionClosed

from app.graphql.relay import global_id
from app.graphql.subscriptions import fanout
from inventory.core.database import Database
from inventory.core.settings import Settings
from tests.integration.api.diamonds import Insert, Serve, build
from tests.integration.api.websocket import BEGINNING, CHANGED, append_event, open_socket, stone


def narrow(address: str) -> socket.socket:
    """A connection with small buffers. The kernel's default is several megabytes."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", int(address.rpartition(":")[2])))
    return connection


async def test_slow_client_gets_cursor_and_misses_nothing(
    settings: Settings, serve: Serve, key: str, database: Database, insert: Insert
) -> None:
    await insert([build(number, supplier_name="x" * 20_000) for number in range(100)])
    document = """
    subscription ($after: String) {
      diamondChanged(after: $after) { cursor diamonds { supplierName } }
    }"""
    slow = settings.with_values(subscriptions_queue=3)
    seen = 0
    async with serve(slow) as address, open_socket(address, key, max_queue=1, max_size=None) as socket:
        await socket.subscribe(document, after=BEGINNING)
        await append_event(database, 0)
        cursor = (await socket.event())["cursor"]
        for _ in range(30):
            await append_event(database, *range(100))
        await asyncio.sleep(2)
        while (message := await socket.receive_message())["type"] == "next":
            seen += 1
            cursor = message["payload"]["data"]["diamondChanged"]["cursor"]
        extensions = message["payload"][0]["extensions"]
        assert extensions == {"code": "SLOW_CONSUMER", "details": {"cursor": cursor}}
        assert seen < 30
        # The socket is still usable, and so is the cursor.
        await socket.subscribe(document, after=cursor)
        for _ in range(30 - seen):
            await socket.event()
        await append_event(database, 0)
        assert len((await socket.event())["diamonds"]) == 1


async def test_client_that_reads_nothing_is_disconnected(
    settings: Settings, serve: Serve, key: str, database: Database, insert: Insert
) -> None:
    await insert([build(number, supplier_name="x" * 20_000) for number in range(100)])
    document = "subscription ($after: String) { diamondChanged(after: $after) { diamonds { supplierName } } }"
    for _ in range(30):  # of two megabytes each; the buffers of both sides hold ten
        await append_event(database, *range(100))
    impatient = settings.with_values(sockets_send_seconds=0.5, sockets_per_key=1)
    async with (
        serve(impatient) as address,
        open_socket(address, key, sock=narrow(address), max_queue=1, max_size=None) as stuck,
    ):
        await stuck.subscribe(document, after=BEGINNING)
        acknowledged = False
        async with asyncio.timeout(30):
            while not acknowledged:
                async with open_socket(address) as next_one:
                    await next_one.send_message(type="connection_init", payload={"apiKey": key})
                    with suppress(ConnectionClosed):
                        acknowledged = (await next_one.receive_message())["type"] == "connection_ack"


async def test_large_sync_slows_reading_and_disconnects_no_subscriber(
    address: str, key: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fanout, "_MUCH_DUE", 5)
    monkeypatch.setattr(fanout, "_MAX_DUE", 60)
    many, events = 50, 8
    async with open_socket(address, key) as socket:
        for number in range(many):
            await socket.subscribe(CHANGED, str(number), ids=[str(stone(number))], after=BEGINNING)
        await append_event(database, *range(many))
        for _ in range(many):
            await socket.event()
        for _ in range(events):
            await append_event(database, *range(many))
        heard = [await socket.event() for _ in range(many * events)]
    assert {tuple(event["diamondIds"]) for event in heard} == {(global_id("Diamond", stone(n)),) for n in range(many)}


# Wake-up of the reader


@pytest.mark.parametrize("changes", [{"database_pooler": "transaction"}, {}], ids=["polled", "told"])
async def test_events_arrive_with_and_without_notifications(
    settings: Settings, serve: Serve, key: str, database: Database, changes: dict[str, Any]
) -> None:
    async with serve(settings.with_values(**changes)) as address, open_socket(address, key) as socket:
        await socket.subscribe(CHANGED, after=BEGINNING)
        for number in range(3):
            await append_event(database, number)
            assert (await socket.event())["diamondIds"] == [global_id("Diamond", stone(number))]


async def test_reconnected_listener_delays_and_loses_nothing(
    address: str, key: str, database: Database, database_url: str
) -> None:
    async with open_socket(address, key) as socket:
        await socket.subscribe(CHANGED, after=BEGINNING)
        connection = await asyncpg.connect(database_url)
        for number in range(3):
            cut = await connection.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' "
                "AND datname = current_database()"
            )
            assert cut or number
            await append_event(database, number)
            assert (await socket.event())["diamondIds"] == [global_id("Diamond", stone(number))]
        await connection.close()
