"""Subscriptions: filtered, complete, ordered events, live and after a resumption."""

import asyncio
from uuid import uuid4

import msgspec
import pytest

from app.auth.scopes import Scope
from app.graphql.relay import global_id
from inventory.core.database import Database
from inventory.events.models import EventKind
from tests.integration.api.diamonds import Insert, MakeKey, build
from tests.integration.api.websocket import (
    BEGINNING,
    CHANGED,
    HOLDS,
    PROGRESS,
    append_event,
    key_of,
    numbers,
    open_socket,
    stone,
)


async def test_subscriber_gets_events_of_its_stones_only(
    address: str, key: str, database: Database, insert: Insert
) -> None:
    await insert([build(number) for number in range(4)])
    async with open_socket(address, key) as socket:
        await socket.subscribe(CHANGED, ids=[str(stone(1)), global_id("Diamond", stone(3))], after=BEGINNING)
        await append_event(database, 0, 2)
        await append_event(database, 0, 1, 2, 3)
        await append_event(database, 3, kind=EventKind.DIAMONDS_REPRICED)
        first, second = await socket.event(), await socket.event()
    assert numbers(first) == ["stone-1", "stone-3"]
    assert first["diamondIds"] == [global_id("Diamond", stone(number)) for number in (1, 3)]
    assert (second["kind"], numbers(second)) == ("DIAMONDS_REPRICED", ["stone-3"])


async def test_subscriber_without_ids_gets_all_events(
    address: str, key: str, database: Database, insert: Insert
) -> None:
    await insert([build(number) for number in range(3)])
    async with open_socket(address, key) as socket:
        await socket.subscribe(CHANGED, after=BEGINNING)
        await append_event(database, 2, 0, 1)
        assert numbers(await socket.event()) == ["stone-2", "stone-0", "stone-1"]


async def test_subscription_without_cursor_starts_now(address: str, key: str, database: Database) -> None:
    await append_event(database, 1)
    async with open_socket(address, key) as socket:
        await socket.subscribe(CHANGED)
        hearing = asyncio.create_task(socket.event())
        while not hearing.done():  # until the subscription has started
            await append_event(database, 2)
            await asyncio.sleep(0.05)
        assert hearing.result()["diamondIds"] == [global_id("Diamond", stone(2))]


async def test_removed_stone_is_reported_as_null(address: str, key: str, database: Database, insert: Insert) -> None:
    await insert([build(1, status="quarantined"), build(2)])
    async with open_socket(address, key) as socket:
        await socket.subscribe(CHANGED, after=BEGINNING)
        await append_event(database, 1, 2, kind=EventKind.DIAMONDS_REMOVED)
        assert (await socket.event())["diamonds"] == [None, {"supplierStoneId": "stone-2"}]


async def test_holder_is_visible_to_owner_and_administrators_only(address: str, database: Database) -> None:
    hold = uuid4()
    until = "2030-01-01T12:00:00Z"
    facts = {"client_id": "acme", "hold_id": hold, "data": {"until": until, "reason": "secret"}}
    everything = {
        "mine": True,
        "clientId": "acme",
        "until": until,
        "reason": "secret",
        "id": global_id("Hold", hold),
    }
    seen = {}
    keys = {
        "owner": await key_of(database, "acme", Scope.DIAMONDS_READ),
        "other": await key_of(database, "globex", Scope.DIAMONDS_READ),
        "admin": await key_of(database, "office", Scope.DIAMONDS_READ, Scope.PURCHASES_ADMIN),
    }
    await append_event(database, 1, kind=EventKind.HOLD_ACTIVATED, **facts)
    for who, key in keys.items():
        async with open_socket(address, key) as socket:
            await socket.subscribe(HOLDS, after=BEGINNING)
            seen[who] = (await socket.event())["hold"]
    assert seen == {
        "owner": everything,
        "other": {"mine": False, "clientId": None, "until": until, "reason": None, "id": None},
        "admin": {**everything, "mine": False},
    }


async def test_clients_with_same_document_get_their_own_events(address: str, database: Database) -> None:
    acme, globex = [await key_of(database, client, Scope.DIAMONDS_READ) for client in ("acme", "globex")]
    async with open_socket(address, acme) as one, open_socket(address, globex) as two:
        for socket in (one, two):
            await socket.subscribe(HOLDS, after=BEGINNING)
        for client, told in (
            ("nobody", [(False, None), (False, None)]),
            ("acme", [(True, "acme"), (False, None)]),  # when both follow live
        ):
            await append_event(database, 1, kind=EventKind.HOLD_ACTIVATED, client_id=client, hold_id=uuid4())
            holds = [(await socket.event())["hold"] for socket in (one, two)]
            assert [(hold["mine"], hold["clientId"]) for hold in holds] == told


async def test_hold_events_are_filtered_by_stone_and_client(address: str, database: Database) -> None:
    admin = await key_of(database, "office", Scope.DIAMONDS_READ, Scope.PURCHASES_ADMIN)
    for number, client, kind in (
        (1, "acme", EventKind.HOLD_ACTIVATED),
        (2, "acme", EventKind.HOLD_ACTIVATED),
        (1, "globex", EventKind.HOLD_DENIED),
        (1, "acme", EventKind.PURCHASE_PENDING),
        (1, "acme", EventKind.HOLD_RELEASED),
    ):
        await append_event(database, number, kind=kind, client_id=client, hold_id=uuid4())
    async with open_socket(address, admin) as socket:
        await socket.subscribe(HOLDS, after=BEGINNING, diamondId=str(stone(1)), clientId="acme")
        assert [(await socket.event())["kind"] for _ in range(2)] == ["HOLD_ACTIVATED", "HOLD_RELEASED"]
        await socket.subscribe(HOLDS, "2", after=BEGINNING, clientId="acme\x00")  # impossible in the database
        await append_event(database, 1, kind=EventKind.HOLD_ACTIVATED, client_id="acme", hold_id=uuid4())
        assert (await socket.event())["kind"] == "HOLD_ACTIVATED"
        await socket.ping()


async def test_holds_of_other_clients_require_administrator(address: str, database: Database) -> None:
    async with open_socket(address, await key_of(database, "acme", Scope.DIAMONDS_READ)) as socket:
        await socket.subscribe(HOLDS, clientId="globex")
        assert (await socket.error())["extensions"]["code"] == "FORBIDDEN"
        await socket.subscribe(HOLDS, clientId="acme", after=BEGINNING)
        await append_event(database, 1, kind=EventKind.HOLD_EXPIRED, client_id="acme")
        assert (await socket.event())["kind"] == "HOLD_EXPIRED"


async def test_purchase_event_omits_buyer(address: str, key: str, database: Database) -> None:
    async with open_socket(address, key) as socket:
        await socket.subscribe(
            "subscription ($after: String) { diamondChanged(after: $after) { hold { id } purchase { id mine clientId } } }",
            after=BEGINNING,
        )
        await append_event(database, 1, kind=EventKind.PURCHASE_CONFIRMED, client_id="acme", purchase_id=uuid4())
        assert await socket.event() == {"hold": None, "purchase": {"id": None, "mine": False, "clientId": None}}


async def test_every_subscription_requires_scope(address: str, make_key: MakeKey) -> None:
    async with open_socket(address, await make_key(Scope.HOLDS_WRITE)) as socket:
        for name, document in enumerate((CHANGED, HOLDS, PROGRESS)):
            await socket.subscribe(document, str(name), runId=str(uuid4()))
            assert (await socket.error())["extensions"]["code"] == "FORBIDDEN"


async def test_same_document_shows_each_caller_its_permitted_fields(
    address: str, make_key: MakeKey, database: Database, insert: Insert
) -> None:
    await insert([build(1)])
    document = (
        "subscription ($after: String) { diamondChanged(after: $after) { diamonds { supplierPrice { cents } } } }"
    )
    async with (
        open_socket(address, await make_key(Scope.DIAMONDS_READ)) as reader,
        open_socket(address, await make_key(Scope.DIAMONDS_READ, Scope.PRICES_SUPPLIER)) as cost_client,
    ):
        for socket in (reader, cost_client):
            await socket.subscribe(document, after=BEGINNING)
        await append_event(database, 1)
        hidden, shown = await reader.receive_message(), await cost_client.receive_message()
    assert hidden["payload"]["data"] == {"diamondChanged": {"diamonds": [{"supplierPrice": None}]}}
    assert [error["extensions"]["code"] for error in hidden["payload"]["errors"]] == ["FORBIDDEN"]
    assert shown["payload"]["data"]["diamondChanged"]["diamonds"][0]["supplierPrice"]["cents"] > 0


async def test_event_is_read_and_rendered_once_for_all_subscribers(
    address: str, key: str, database: Database, insert: Insert, statements: list[str]
) -> None:
    await insert([build(number) for number in range(3)])
    async with open_socket(address, key) as one, open_socket(address, key) as two:
        for name in range(10):
            await one.subscribe(CHANGED, str(name), ids=[str(stone(1)), str(stone(name + 3))], after=BEGINNING)
            await two.subscribe(CHANGED, str(name), ids=[str(stone(1)), str(stone(name + 3))], after=BEGINNING)
        # All subscriptions have started when each has received an event.
        await append_event(database, 1)
        for _ in range(10):
            await one.event()
            await two.event()
        statements.clear()
        await append_event(database, 1)
        for _ in range(10):
            assert numbers(await one.event()) == numbers(await two.event()) == ["stone-1"]
        assert len([text for text in statements if "FROM diamonds" in text]) == 1
        assert "supplier_stone_id" in next(text for text in statements if "FROM diamonds" in text)
        assert "measurements" not in next(text for text in statements if "FROM diamonds" in text)


@pytest.mark.parametrize("ids", [[], ["nonsense"], [global_id("SyncRun", stone(1))], [str(stone(1))] * 1001])
async def test_invalid_ids_are_named(address: str, key: str, ids: list[str]) -> None:
    async with open_socket(address, key) as socket:
        await socket.subscribe(CHANGED, ids=ids)
        extensions = (await socket.error())["extensions"]
        assert (extensions["code"], list(extensions["fields"])) == ("VALIDATION_ERROR", ["ids"])


async def test_messages_are_standard_json(address: str, key: str, database: Database) -> None:
    async with open_socket(address, key) as socket:
        await socket.subscribe(CHANGED, 'a "quoted" näme', after=BEGINNING)
        await append_event(database, 1)
        message = msgspec.json.decode(await socket.connection.recv())
    assert (message["id"], message["type"], set(message)) == ('a "quoted" näme', "next", {"id", "type", "payload"})
