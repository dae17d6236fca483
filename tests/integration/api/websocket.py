"""Client of `graphql-transport-ws` that exposes every message, and functions that append events."""

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

# The cursor before the first event.
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
    """The id of the diamond that `build(number)` creates."""
    return diamond_id("nivoda", f"stone-{number}")


async def key_of(database: Database, client: str, *scopes: Scope) -> str:
    """A key of this client."""
    return (await ApiKeyService(database).create(client, client, scopes)).key.text


def numbers(event: Any) -> list[str]:
    """The supplier ids of the diamonds in an event."""
    return [one["supplierStoneId"] for one in event["diamonds"]]


class RawSocket:
    """A WebSocket under the test's control."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send_message(self, **message: Any) -> None:
        await self.connection.send(msgspec.json.encode(message).decode())

    async def receive_message(self) -> dict[str, Any]:
        """The next message."""
        message: dict[str, Any] = msgspec.json.decode(await self.connection.recv())
        return message

    async def connection_init(self, key: str | None) -> None:
        """Send `connection_init` and receive the acknowledgement."""
        await self.send_message(type="connection_init", **({} if key is None else {"payload": {"apiKey": key}}))
        assert await self.receive_message() == {"type": "connection_ack"}

    async def subscribe(self, document: str, name: str = "1", **variables: Any) -> None:
        await self.send_message(type="subscribe", id=name, payload={"query": document, "variables": variables})

    async def event(self) -> Mapping[str, Any]:
        """The next event of any subscription."""
        message = await self.receive_message()
        assert message["type"] == "next", message
        (event,) = message["payload"]["data"].values()
        assert isinstance(event, dict)
        return event

    async def error(self) -> Mapping[str, Any]:
        """The error in the next message."""
        message = await self.receive_message()
        assert message["type"] == "error", message
        (error,) = message["payload"]
        assert isinstance(error, dict)
        return error

    async def ping(self) -> None:
        """Wait until the server has processed all earlier messages."""
        await self.send_message(type="ping")
        assert (await self.receive_message())["type"] == "pong"

    async def close_reason(self) -> tuple[int, str]:
        """The code and the reason with which the server closes the socket. Earlier messages are dropped."""
        with suppress(ConnectionClosed):
            while True:
                await self.connection.recv()
        received = self.connection.protocol.close_rcvd
        assert received is not None, "cut off without a farewell"
        return received.code, received.reason


@asynccontextmanager
async def open_socket(address: str, key: str | None = None, **options: Any) -> AsyncIterator[RawSocket]:
    """Open a socket to the API. With a key, it is authenticated."""
    url = address.replace("http://", "ws://") + "/graphql"
    # Closing with unread messages would wait for the server's close frame behind them.
    given = {"close_timeout": 0.5, **options}
    async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")], **given) as connection:
        talking = RawSocket(connection)
        if key is not None:
            await talking.connection_init(key)
        yield talking


async def append_unknown_event(database: Database, *numbers: int) -> None:
    """Append an event of a later version, which this version does not know."""
    async with database.transaction() as connection:
        await connection.execute("ALTER TABLE event_log DROP CONSTRAINT IF EXISTS event_log_kind_check")
        await connection.execute(
            "INSERT INTO event_log (kind, diamond_ids, data) SELECT 'hold_renamed', ARRAY[stone], '{}' "
            "FROM unnest($1::uuid[]) AS stone",
            [stone(number) for number in numbers],
        )


async def append_event(
    database: Database, *numbers: int, kind: EventKind = EventKind.DIAMONDS_CHANGED, **facts: Any
) -> None:
    """Append an event of stones in a separate transaction."""
    async with database.transaction() as connection:
        await log.append(connection, NewEvent(kind, [stone(number) for number in numbers], **facts))
