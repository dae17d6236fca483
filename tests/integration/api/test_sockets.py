"""The protocol `graphql-transport-ws` on the wire: its messages, its close codes, and who is let in for how long."""

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
from tests.integration.api.wire import CHANGED, Wire, happen, wire

TYPENAME = "{ __typename }"


def payload(document: str, **variables: Any) -> dict[str, Any]:
    return {"query": document, "variables": variables}


# The handshake


async def test_a_socket_of_another_protocol_is_closed(address: str) -> None:
    async with connect(address.replace("http", "ws") + "/graphql", subprotocols=[Subprotocol("graphql-ws")]) as socket:
        assert await Wire(socket).end() == (4406, "Subprotocol not acceptable")


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
async def test_pages_of_other_origins_are_refused(
    settings: Settings, serve: Serve, key: str, origin: str, welcome: bool
) -> None:
    async with serve(settings.with_values(cors_origins="https://shop.example")) as address:
        given = Origin(address if origin == "HERE" else origin)
        if welcome:
            async with wire(address, key, origin=given) as socket:
                await socket.ping()
        else:
            with pytest.raises(InvalidStatus) as refused:
                async with wire(address, key, origin=given):
                    pass
            assert refused.value.response.status_code == 403


async def test_a_silent_socket_is_closed(settings: Settings, serve: Serve) -> None:
    async with (
        serve(settings.with_values(sockets_introduction_seconds=0.2)) as address,
        wire(address) as socket,
    ):
        await socket.ping()  # which is allowed, and no introduction
        assert await socket.end() == (4408, "Connection initialisation timeout")


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
async def test_the_first_message_may_bring_the_key_in_any_usual_way(
    address: str, key: str, introduction: dict[str, Any]
) -> None:
    brought = msgspec.json.decode(msgspec.json.encode(introduction).replace(b"KEY", key.encode()))
    async with wire(address) as socket:
        await socket.say(type="connection_init", payload=brought)
        assert await socket.hear() == {"type": "connection_ack"}


@pytest.mark.parametrize("header", ["X-API-Key", "Authorization"])
async def test_the_handshake_may_bring_the_key(address: str, key: str, header: str) -> None:
    value = f"Bearer {key}" if header == "Authorization" else key
    async with wire(address, additional_headers={header: value}) as socket:
        await socket.introduce(None)
        await socket.say(type="subscribe", id="1", payload=payload("{ eventCursor }"))
        assert "errors" not in (await socket.hear())["payload"]


async def test_a_key_in_the_first_message_counts_before_one_in_the_handshake(address: str, key: str) -> None:
    async with wire(address, additional_headers={"X-API-Key": key}) as socket:
        await socket.say(type="connection_init", payload={"Authorization": "Bearer nonsense"})
        assert await socket.end() == (4403, "The API key is not valid.")


@pytest.mark.parametrize("introduction", [{}, {"payload": {}}, {"payload": {"apiKey": "x"}}, {"payload": "x"}])
async def test_who_has_no_valid_key_is_not_let_in(address: str, introduction: dict[str, Any]) -> None:
    async with wire(address) as socket:
        await socket.say(type="connection_init", **introduction)
        assert (await socket.end())[0] == 4403


# Messages


async def test_nothing_is_executed_before_the_introduction(address: str) -> None:
    async with wire(address) as socket:
        await socket.say(type="subscribe", id="1", payload=payload(TYPENAME))
        assert await socket.end() == (4401, "Unauthorized")


async def test_one_introduction_is_enough(address: str, key: str) -> None:
    async with wire(address, key) as socket:
        await socket.say(type="connection_init", payload={"apiKey": key})
        assert await socket.end() == (4429, "Too many initialisation requests")


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
async def test_a_message_that_the_protocol_does_not_know_closes_the_socket(
    address: str, key: str, message: str | bytes
) -> None:
    async with wire(address, key) as socket:
        await socket.connection.send(message)
        assert (await socket.end())[0] == 4400


async def test_a_message_that_is_too_large_closes_the_socket(address: str, key: str, settings: Settings) -> None:
    async with wire(address, key) as socket:
        await socket.connection.send("x" * (settings.api.max_body_bytes + 1))
        assert (await socket.end())[0] == 1009


async def test_a_ping_is_answered_with_what_it_brought(address: str, key: str) -> None:
    async with wire(address, key) as socket:
        await socket.say(type="ping", payload={"at": 1})
        assert await socket.hear() == {"type": "pong", "payload": {"at": 1}}
        await socket.say(type="pong")
        await socket.ping()


async def test_an_id_is_used_once_at_a_time(address: str, key: str, database: Database) -> None:
    async with wire(address, key) as socket:
        await socket.subscribe(CHANGED)
        await socket.say(type="complete", id="1")
        await socket.say(type="complete", id="unheard of")
        await socket.subscribe(CHANGED)
        await socket.subscribe(CHANGED)
        assert await socket.end() == (4409, "Subscriber for 1 already exists")


async def test_a_completed_subscription_hears_nothing_more(address: str, key: str, database: Database) -> None:
    async with wire(address, key) as socket:
        for name in ("1", "2"):
            await socket.subscribe(CHANGED, name)
        await asyncio.sleep(0.3)
        await socket.say(type="complete", id="1")
        await socket.ping()
        await happen(database, 1)
        assert (await socket.hear())["id"] == "2"
        await socket.ping()


async def test_queries_and_mutations_are_answered_once(address: str, make_key: MakeKey, insert: Insert) -> None:
    await insert([build(1)])
    async with wire(address, await make_key(Scope.DIAMONDS_READ, Scope.PRICING_WRITE)) as socket:
        await socket.say(type="subscribe", id="q", payload=payload("{ diamonds { nodes { supplierStoneId } } }"))
        answer = await socket.hear()
        assert answer["payload"]["data"] == {"diamonds": {"nodes": [{"supplierStoneId": "stone-1"}]}}
        assert answer["payload"]["extensions"]["cost"]["actual"] > 0
        assert await socket.hear() == {"id": "q", "type": "complete"}
        document = 'mutation { pricingRuleDelete(input: {pricingRuleId: "x"}) { userErrors { code } } }'
        await socket.say(type="subscribe", id="m", payload=payload(document))
        assert (await socket.hear())["type"] == "next"
        assert await socket.hear() == {"id": "m", "type": "complete"}


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
async def test_what_the_endpoint_refuses_is_refused_here(address: str, key: str, document: str, code: str) -> None:
    async with wire(address, key) as socket:
        await socket.subscribe(document)
        assert (await socket.error())["extensions"]["code"] == code
        await socket.ping()


async def test_where_only_registered_documents_are_executed_others_are_not_followed(
    settings: Settings, serve: Serve, key: str
) -> None:
    async with (
        serve(settings.with_values(graphql_registered_only=True)) as address,
        wire(address, key) as socket,
    ):
        await socket.subscribe(CHANGED)
        assert (await socket.error())["extensions"]["code"] == "FORBIDDEN"


async def test_a_subscription_is_paid_for(settings: Settings, serve: Serve, key: str) -> None:
    async with (
        serve(settings.with_values(graphql_budget=10, graphql_restore_rate=1)) as address,
        wire(address, key) as socket,
    ):
        await socket.subscribe(CHANGED)
        assert (await socket.error())["extensions"]["code"] == "RATE_LIMITED"


# How many, and how long


async def test_a_socket_has_so_many_operations_and_no_more(settings: Settings, serve: Serve, key: str) -> None:
    async with (
        serve(settings.with_values(subscriptions_per_socket=2)) as address,
        wire(address, key) as socket,
    ):
        for name in ("1", "2", "3"):
            await socket.subscribe(CHANGED, name)
        message = await socket.hear()
        assert (message["id"], message["payload"][0]["extensions"]["code"]) == ("3", "TOO_MANY_SUBSCRIPTIONS")
        await socket.say(type="complete", id="1")
        await socket.subscribe(CHANGED, "3")
        await socket.say(type="complete", id="3")
        await socket.ping()


async def test_a_key_has_so_many_subscriptions_and_sockets_and_no_more(
    settings: Settings, serve: Serve, key: str, make_key: MakeKey
) -> None:
    few = settings.with_values(subscriptions_per_key=2, sockets_per_key=2)
    async with serve(few) as address, wire(address, await make_key(Scope.DIAMONDS_READ)) as other:
        async with wire(address, key) as one, wire(address, key) as two:
            await one.subscribe(CHANGED)
            await two.subscribe(CHANGED)
            await asyncio.sleep(0.3)
            await two.subscribe(CHANGED, "2")
            assert (await two.error())["extensions"]["code"] == "TOO_MANY_SUBSCRIPTIONS"
            async with wire(address) as third:
                await third.say(type="connection_init", payload={"apiKey": key})
                assert (await third.end())[0] == 1013
        await other.ping()
        acknowledged = False
        async with asyncio.timeout(10):
            while not acknowledged:  # until the server has noticed that they have left
                async with wire(address) as again:
                    await again.say(type="connection_init", payload={"apiKey": key})
                    with suppress(ConnectionClosed):
                        acknowledged = (await again.hear())["type"] == "connection_ack"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("UPDATE api_keys SET revoked_at = now() WHERE id = $1", 4401),
        ("UPDATE api_keys SET expires_at = now() WHERE id = $1", 4401),
        ("UPDATE api_keys SET scopes = '{}' WHERE id = $1", 4403),
    ],
    ids=["revoked", "expired", "other rights"],
)
async def test_a_key_that_may_not_stay_is_thrown_off(
    address: str, database: Database, make_key: MakeKey, change: str, code: int
) -> None:
    issued = await ApiKeyService(database).create("leaver", "acme", [Scope.DIAMONDS_READ])
    async with wire(address, issued.key.text) as leaver, wire(address, await make_key(Scope.DIAMONDS_READ)) as stayer:
        await leaver.subscribe(CHANGED)
        await leaver.ping()
        async with database.connection() as connection:
            await connection.execute(change, issued.key.id)
        async with asyncio.timeout(10):
            assert (await leaver.end())[0] == code
        await stayer.ping()


async def test_a_socket_without_operations_is_closed_in_the_end(settings: Settings, serve: Serve, key: str) -> None:
    async with (
        serve(settings.with_values(sockets_idle_seconds=0.1)) as address,
        wire(address, key) as busy,
        wire(address, key) as idle,
    ):
        await busy.subscribe(CHANGED)
        assert (await idle.end())[0] == 1000
        await busy.ping()


async def test_no_socket_lives_for_ever(settings: Settings, serve: Serve, key: str) -> None:
    async with (
        serve(settings.with_values(sockets_lifetime_seconds=0.1)) as address,
        wire(address, key) as socket,
    ):
        await socket.subscribe(CHANGED)
        assert (await socket.end())[0] == 1001


async def test_a_server_that_stops_says_so_and_does_not_wait(settings: Settings, serve: Serve, key: str) -> None:
    async with AsyncExitStack() as server:
        address = await server.enter_async_context(serve(settings))
        async with wire(address, key) as socket:
            await socket.subscribe(CHANGED)
            await socket.ping()
            async with asyncio.timeout(10):
                stopping = asyncio.create_task(server.aclose())
                assert await socket.end() == (1012, "The server restarts; connect again and resume")
                await stopping
