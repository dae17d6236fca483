"""A client of `graphql-transport-ws` that shows every message, and events to be told of."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from app.auth.api_key_service import ApiKeyService
from app.auth.scopes import Scope
from inventory.catalog.stone import diamond_id
from inventory.core.database import Database
from inventory.events import cursors, log
from inventory.events.cursors import Cursor
from inventory.events.models import EventKind, NewEvent

# The cursor before the first event that there ever was.
BEGINNING = cursors.encode(Cursor(0, 0))
CHANGED = """
subscription ($ids: [ID!], $after: String) {
  diamondChanged(ids: $ids, after: $after) { cursor kind diamondIds diamonds { supplierStoneId } }
}
"""
HOLDS = """
subscription ($diamondId: ID, $clientId: String, $after: String) {
  holdEvents(diamondId: $diamondId, clientId: $clientId, after: $after) {
    cursor kind diamondId diamond { supplierStoneId } hold { mine clientId until reason id }
  }
}
"""
PROGRESS = """
subscription ($runId: ID!) {
  syncRunProgress(runId: $runId) { databaseId status progress { fetched } partitions { ordinal status } }
}
"""


def stone(number: int) -> UUID:
    """The id of the diamond that `build(number)` makes."""
    return diamond_id("nivoda", f"stone-{number}")


async def key_of(database: Database, client: str, *scopes: Scope) -> str:
    """A key for a client of that name."""
    return (await ApiKeyService(database).create(client, client, scopes)).key.text


def numbers(event: Any) -> list[str]:
    """The diamonds that an event shows, by the supplier's ids."""
    return [one["supplierStoneId"] for one in event["diamonds"]]


class Wire:
    """A socket in the hands of a test."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def say(self, **message: Any) -> None:
        await self.connection.send(msgspec.json.encode(message).decode())

    async def hear(self) -> dict[str, Any]:
        """The next message."""
        message: dict[str, Any] = msgspec.json.decode(await self.connection.recv())
        return message

    async def introduce(self, key: str | None) -> None:
        """Say who is there, and have it acknowledged."""
        await self.say(type="connection_init", **({} if key is None else {"payload": {"apiKey": key}}))
        assert await self.hear() == {"type": "connection_ack"}

    async def subscribe(self, document: str, name: str = "1", **variables: Any) -> None:
        await self.say(type="subscribe", id=name, payload={"query": document, "variables": variables})

    async def event(self) -> Mapping[str, Any]:
        """The next event of any subscription."""
        message = await self.hear()
        assert message["type"] == "next", message
        (event,) = message["payload"]["data"].values()
        assert isinstance(event, dict)
        return event

    async def error(self) -> Mapping[str, Any]:
        """The error that the next message holds."""
        message = await self.hear()
        assert message["type"] == "error", message
        (error,) = message["payload"]
        assert isinstance(error, dict)
        return error

    async def ping(self) -> None:
        """Have everything that was said before taken in."""
        await self.say(type="ping")
        assert (await self.hear())["type"] == "pong"

    async def end(self) -> tuple[int, str]:
        """The code and the reason with which the server closes the socket; messages before it are dropped."""
        with suppress(ConnectionClosed):
            while True:
                await self.connection.recv()
        received = self.connection.protocol.close_rcvd
        assert received is not None, "cut off without a farewell"
        return received.code, received.reason


@asynccontextmanager
async def wire(address: str, key: str | None = None, **options: Any) -> AsyncIterator[Wire]:
    """A socket to the API at an address; with a key it has introduced itself."""
    url = address.replace("http://", "ws://") + "/graphql"
    # A client that leaves with its hands full would wait for the server's farewell behind what it never takes.
    given = {"close_timeout": 0.5, **options}
    async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")], **given) as connection:
        talking = Wire(connection)
        if key is not None:
            await talking.introduce(key)
        yield talking


async def happen_as_never_before(database: Database, *numbers: int) -> None:
    """Something happens that a process of a later version writes, and this one knows nothing of."""
    async with database.transaction() as connection:
        await connection.execute("ALTER TABLE event_log DROP CONSTRAINT IF EXISTS event_log_kind_check")
        await connection.execute(
            "INSERT INTO event_log (kind, diamond_ids, data) SELECT 'hold_renamed', ARRAY[stone], '{}' "
            "FROM unnest($1::uuid[]) AS stone",
            [stone(number) for number in numbers],
        )


async def happen(database: Database, *numbers: int, kind: EventKind = EventKind.DIAMONDS_CHANGED, **facts: Any) -> None:
    """Something happens to stones, in a transaction of its own."""
    async with database.transaction() as connection:
        await log.append(connection, NewEvent(kind, [stone(number) for number in numbers], **facts))
