"""The protocol `graphql-transport-ws`: messages, close codes, authentication, session lifetime."""

import asyncio
from contextlib import AsyncExitStack, suppress
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from app.auth.api_key_service import ApiKeyService
from app.auth.scopes import Scope
from inventory.core.database import Database
from inventory.core.settings import Settings
from tests.integration.api.diamonds import Insert, MakeKey, Serve, build
from tests.integration.api.websocket import CHANGED, RawSocket, append_event, open_socket

TYPENAME = "{ __typename }"


def payload(document: str, **variables: Any) -> dict[str, Any]:
    return {"query": document, "variables": variables}


# Handshake


async def test_unsupported_subprotocol_is_closed(address: str) -> None:
    async with connect(address.replace("http", "ws") + "/graphql", subprotocols=[Subprotocol("graphql-ws")]) as socket:
        assert await RawSocket(socket).close_reason() == (4406, "Subprotocol not acceptable")


@pytest.mark.parametrize(
    ("origin", "welcome"),
    [
        ("https://shop.example", True),
        ("HERE", True),
        ("https://evil.example", False),
        ("https://shop.example.evil.example", False),
        ("null", False),
    ],
)
async def test_other_origins_are_rejected(
    settings: Settings, serve: Serve, key: str, origin: str, welcome: bool
) -> None:
    async with serve(settings.with_values(cors_origins="https://shop.example")) as address:
        given = Origin(address if origin == "HERE" else origin)
        if welcome:
            async with open_socket(address, key, origin=given) as socket:
                await socket.ping()
        else:
            with pytest.raises(InvalidStatus) as refused:
                async with open_socket(address, key, origin=given):
                    pass
            assert refused.value.response.status_code == 403


async def test_socket_without_connection_init_is_closed(settings: Settings, serve: Serve) -> None:
    async with (
        serve(settings.with_values(sockets_introduction_seconds=0.2)) as address,
        open_socket(address) as socket,
    ):
        await socket.ping()  # a valid message, but no connection_init
        assert await socket.close_reason() == (4408, "Connection initialisation timeout")


@pytest.mark.parametrize(
    "introduction",
    [
        {"apiKey": "KEY"},
        {"X-API-Key": "KEY"},
        {"x-api-key": "KEY"},
        {"Authorization": "Bearer KEY"},
        {"authorization": "bearer KEY"},
        {"headers": {"X-API-Key": "KEY"}},
    ],
)
async def test_connection_init_accepts_key_in_any_usual_form(
    address: str, key: str, introduction: dict[str, Any]
) -> None:
    brought = msgspec.json.decode(msgspec.json.encode(introduction).replace(b"KEY", key.encode()))
    async with open_socket(address) as socket:
        await socket.send_message(type="connection_init", payload=brought)
        assert await socket.receive_message() == {"type": "connection_ack"}


@pytest.mark.parametrize("header", ["X-API-Key", "Authorization"])
async def test_handshake_may_contain_key(address: str, key: str, header: str) -> None:
    value = f"Bearer {key}" if header == "Authorization" else key
    async with open_socket(address, additional_headers={header: value}) as socket:
        await socket.connection_init(None)
        await socket.send_message(type="subscribe", id="1", payload=payload("{ eventCursor }"))
        assert "errors" not in (await socket.receive_message())["payload"]


async def test_key_in_connection_init_takes_precedence(address: str, key: str) -> None:
    async with open_socket(address, additional_headers={"X-API-Key": key}) as socket:
        await socket.send_message(type="connection_init", payload={"Authorization": "Bearer nonsense"})
        assert await socket.close_reason() == (4403, "The API key is not valid.")


@pytest.mark.parametrize("introduction", [{}, {"payload": {}}, {"payload": {"apiKey": "x"}}, {"payload": "x"}])
async def test_invalid_key_closes_socket(address: str, introduction: dict[str, Any]) -> None:
    async with open_socket(address) as socket:
        await socket.send_message(type="connection_init", **introduction)
        assert (await socket.close_reason())[0] == 4403


# Messages


async def test_operations_require_connection_init(address: str) -> None:
    async with open_socket(address) as socket:
        await socket.send_message(type="subscribe", id="1", payload=payload(TYPENAME))
        assert await socket.close_reason() == (4401, "Unauthorized")


async def test_second_connection_init_closes_socket(address: str, key: str) -> None:
    async with open_socket(address, key) as socket:
        await socket.send_message(type="connection_init", payload={"apiKey": key})
        assert await socket.close_reason() == (4429, "Too many initialisation requests")


@pytest.mark.parametrize(
    "message",
    [
        "",
        "nonsense",
        "[]",
        "{}",
        '{"type": "unheard of"}',
        '{"type": "next", "id": "1", "payload": {}}',
        '{"type": "subscribe", "payload": {"query": "{ __typename }"}}',
        '{"type": "subscribe", "id": "", "payload": {"query": "{ __typename }"}}',
        '{"type": "subscribe", "id": 1, "payload": {"query": "{ __typename }"}}',
        '{"type": "subscribe", "id": "1"}',
        '{"type": "subscribe", "id": "1", "payload": {}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": 1}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }", "variables": []}}',
        b'{"type": "ping"}',
        "[" * 100_000,
        '{"type": "ping", "payload": {"a": ' + "[" * 63 + "]" * 63 + "}}",
    ],
)
async def test_unknown_message_closes_socket(address: str, key: str, message: str | bytes) -> None:
    async with open_socket(address, key) as socket:
        await socket.connection.send(message)
        assert (await socket.close_reason())[0] == 4400


async def test_too_large_message_closes_socket(address: str, key: str, settings: Settings) -> None:
    async with open_socket(address, key) as socket:
        await socket.connection.send("x" * (settings.api.max_body_bytes + 1))
        assert (await socket.close_reason())[0] == 1009


async def test_ping_is_answered_with_its_payload(address: str, key: str) -> None:
    async with open_socket(address, key) as socket:
        await socket.send_message(type="ping", payload={"at": 1})
        assert await socket.receive_message() == {"type": "pong", "payload": {"at": 1}}
        await socket.send_message(type="pong")
        await socket.ping()


async def test_duplicate_operation_id_closes_socket(address: str, key: str, database: Database) -> None:
    async with open_socket(address, key) as socket:
        await socket.subscribe(CHANGED)
        await socket.send_message(type="complete", id="1")
        await socket.send_message(type="complete", id="unheard of")
        await socket.subscribe(CHANGED)
        await socket.subscribe(CHANGED)
        assert await socket.close_reason() == (4409, "Subscriber for 1 already exists")


async def test_completed_subscription_gets_no_more_events(address: str, key: str, database: Database) -> None:
    async with open_socket(address, key) as socket:
        for name in ("1", "2"):
            await socket.subscribe(CHANGED, name)
        await asyncio.sleep(0.3)
        await socket.send_message(type="complete", id="1")
        await socket.ping()
        await append_event(database, 1)
        assert (await socket.receive_message())["id"] == "2"
        await socket.ping()


async def test_queries_and_mutations_are_answered_once(address: str, make_key: MakeKey, insert: Insert) -> None:
    await insert([build(1)])
    async with open_socket(address, await make_key(Scope.DIAMONDS_READ, Scope.PRICING_WRITE)) as socket:
        await socket.send_message(
            type="subscribe", id="q", payload=payload("{ diamonds { nodes { supplierStoneId } } }")
        )
        answer = await socket.receive_message()
        assert answer["payload"]["data"] == {"diamonds": {"nodes": [{"supplierStoneId": "stone-1"}]}}
        assert answer["payload"]["extensions"]["cost"]["actual"] > 0
        assert await socket.receive_message() == {"id": "q", "type": "complete"}
        document = 'mutation { pricingRuleDelete(input: {pricingRuleId: "x"}) { userErrors { code } } }'
        await socket.send_message(type="subscribe", id="m", payload=payload(document))
        assert (await socket.receive_message())["type"] == "next"
        assert await socket.receive_message() == {"id": "m", "type": "complete"}


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("{", "BAD_REQUEST"),
        ("{ unheardOf }", "VALIDATION_ERROR"),
        ("subscription { unheardOf }", "VALIDATION_ERROR"),
        ("subscription { a: diamondChanged { cursor } b: diamondChanged { cursor } }", "VALIDATION_ERROR"),
        ("subscription ($ids: [ID!]!) { diamondChanged(ids: $ids) { cursor } }", "VALIDATION_ERROR"),
        ("{ " + " ".join(f"a{number}: eventCursor" for number in range(16)) + " }", "VALIDATION_ERROR"),
        ("{ __schema { types { name } } }", "FORBIDDEN"),
    ],
)
async def test_invalid_operations_are_rejected_as_over_http(address: str, key: str, document: str, code: str) -> None:
    async with open_socket(address, key) as socket:
        await socket.subscribe(document)
        assert (await socket.error())["extensions"]["code"] == code
        await socket.ping()


async def test_unregistered_documents_are_rejected_when_registration_is_required(
    settings: Settings, serve: Serve, key: str
) -> None:
    async with (
        serve(settings.with_values(graphql_registered_only=True)) as address,
        open_socket(address, key) as socket,
    ):
        await socket.subscribe(CHANGED)
        assert (await socket.error())["extensions"]["code"] == "FORBIDDEN"


async def test_subscription_costs_budget(settings: Settings, serve: Serve, key: str) -> None:
    async with (
        serve(settings.with_values(graphql_budget=10, graphql_restore_rate=1)) as address,
        open_socket(address, key) as socket,
    ):
        await socket.subscribe(CHANGED)
        assert (await socket.error())["extensions"]["code"] == "RATE_LIMITED"


# Limits and lifetime


async def test_number_of_operations_per_socket_is_limited(settings: Settings, serve: Serve, key: str) -> None:
    async with (
        serve(settings.with_values(subscriptions_per_socket=2)) as address,
        open_socket(address, key) as socket,
    ):
        for name in ("1", "2", "3"):
            await socket.subscribe(CHANGED, name)
        message = await socket.receive_message()
        assert (message["id"], message["payload"][0]["extensions"]["code"]) == ("3", "TOO_MANY_SUBSCRIPTIONS")
        await socket.send_message(type="complete", id="1")
        await socket.subscribe(CHANGED, "3")
        await socket.send_message(type="complete", id="3")
        await socket.ping()


async def test_number_of_subscriptions_and_sockets_per_key_is_limited(
    settings: Settings, serve: Serve, key: str, make_key: MakeKey
) -> None:
    few = settings.with_values(subscriptions_per_key=2, sockets_per_key=2)
    async with serve(few) as address, open_socket(address, await make_key(Scope.DIAMONDS_READ)) as other:
        async with open_socket(address, key) as one, open_socket(address, key) as two:
            await one.subscribe(CHANGED)
            await two.subscribe(CHANGED)
            await asyncio.sleep(0.3)
            await two.subscribe(CHANGED, "2")
            assert (await two.error())["extensions"]["code"] == "TOO_MANY_SUBSCRIPTIONS"
            async with open_socket(address) as third:
                await third.send_message(type="connection_init", payload={"apiKey": key})
                assert (await third.close_reason())[0] == 1013
        await other.ping()
        acknowledged = False
        async with asyncio.timeout(10):
            while not acknowledged:  # until the server has noticed that they are closed
                async with open_socket(address) as again:
                    await again.send_message(type="connection_init", payload={"apiKey": key})
                    with suppress(ConnectionClosed):
                        acknowledged = (await again.receive_message())["type"] == "connection_ack"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("UPDATE api_keys SET revoked_at = now() WHERE id = $1", 4401),
        ("UPDATE api_keys SET expires_at = now() WHERE id = $1", 4401),
        ("UPDATE api_keys SET scopes = '{}' WHERE id = $1", 4403),
    ],
    ids=["revoked", "expired", "other rights"],
)
async def test_revoked_key_closes_socket(
    address: str, database: Database, make_key: MakeKey, change: str, code: int
) -> None:
    issued = await ApiKeyService(database).create("leaver", "acme", [Scope.DIAMONDS_READ])
    async with (
        open_socket(address, issued.key.text) as leaver,
        open_socket(address, await make_key(Scope.DIAMONDS_READ)) as stayer,
    ):
        await leaver.subscribe(CHANGED)
        await leaver.ping()
        async with database.connection() as connection:
            await connection.execute(change, issued.key.id)
        async with asyncio.timeout(10):
            assert (await leaver.close_reason())[0] == code
        await stayer.ping()


async def test_idle_socket_is_closed(settings: Settings, serve: Serve, key: str) -> None:
    async with (
        serve(settings.with_values(sockets_idle_seconds=0.1)) as address,
        open_socket(address, key) as busy,
        open_socket(address, key) as idle,
    ):
        await busy.subscribe(CHANGED)
        assert (await idle.close_reason())[0] == 1000
        await busy.ping()


async def test_socket_lifetime_is_limited(settings: Settings, serve: Serve, key: str) -> None:
    async with (
        serve(settings.with_values(sockets_lifetime_seconds=0.1)) as address,
        open_socket(address, key) as socket,
    ):
        await socket.subscribe(CHANGED)
        assert (await socket.close_reason())[0] == 1001


async def test_stopping_server_closes_sockets_without_waiting(settings: Settings, serve: Serve, key: str) -> None:
    async with AsyncExitStack() as server:
        address = await server.enter_async_context(serve(settings))
        async with open_socket(address, key) as socket:
            await socket.subscribe(CHANGED)
            await socket.ping()
            async with asyncio.timeout(10):
                stopping = asyncio.create_task(server.aclose())
                assert await socket.close_reason() == (1012, "The server restarts; connect again and resume")
                await stopping
