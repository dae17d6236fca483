"""Subscriptions: everyone gets what they asked for, once, in order, live and after having been away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from random import Random
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import msgspec
import pytest
import pytest_asyncio
from websockets.exceptions import ConnectionClosed

from app.access.issuing import Issuing
from app.access.scopes import Scope
from app.core.database import Database
from app.core.settings import Settings
from app.events import cursors, log
from app.events.cursors import Cursor
from app.events.models import EventKind
from app.graphql.relay import global_id
from app.graphql.serving import audience
from tests.integration.api.diamonds import Insert, MakeKey, Serve, build
from tests.integration.api.runs import build_partition, build_run, run_id
from tests.integration.api.wire import CHANGED, HOLDS, happen, stone, wire

BEGINNING = cursors.encode(Cursor(0, 0))
PROGRESS = """
subscription ($runId: ID!) {
  syncRunProgress(runId: $runId) { databaseId status progress { fetched } partitions { ordinal status } }
}
"""


@pytest_asyncio.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    async with Database.open(settings) as opened:
        yield opened


@pytest_asyncio.fixture
async def key(make_key: MakeKey) -> str:
    return await make_key(Scope.DIAMONDS_READ)


async def key_of(database: Database, client: str, *scopes: Scope) -> str:
    return (await Issuing(database).create(client, client, scopes)).key.text


def numbers(event: Any) -> list[str]:
    return [one["supplierStoneId"] for one in event["diamonds"]]


# Who gets what


async def test_a_subscriber_hears_of_its_own_stones_only(
    address: str, key: str, database: Database, insert: Insert
) -> None:
    await insert([build(number) for number in range(4)])
    async with wire(address, key) as socket:
        await socket.subscribe(CHANGED, ids=[str(stone(1)), global_id("Diamond", stone(3))], after=BEGINNING)
        await happen(database, 0, 2)
        await happen(database, 0, 1, 2, 3)
        await happen(database, 3, kind=EventKind.DIAMONDS_REPRICED)
        first, second = await socket.event(), await socket.event()
    assert numbers(first) == ["stone-1", "stone-3"]
    assert first["diamondIds"] == [global_id("Diamond", stone(number)) for number in (1, 3)]
    assert (second["kind"], numbers(second)) == ("DIAMONDS_REPRICED", ["stone-3"])


async def test_without_ids_a_subscriber_hears_of_everything(
    address: str, key: str, database: Database, insert: Insert
) -> None:
    await insert([build(number) for number in range(3)])
    async with wire(address, key) as socket:
        await socket.subscribe(CHANGED, after=BEGINNING)
        await happen(database, 2, 0, 1)
        assert numbers(await socket.event()) == ["stone-2", "stone-0", "stone-1"]


async def test_without_a_cursor_it_begins_now(address: str, key: str, database: Database) -> None:
    await happen(database, 1)
    async with wire(address, key) as socket:
        await socket.subscribe(CHANGED)
        hearing = asyncio.create_task(socket.event())
        while not hearing.done():  # until the subscription has begun
            await happen(database, 2)
            await asyncio.sleep(0.05)
        assert hearing.result()["diamondIds"] == [global_id("Diamond", stone(2))]


async def test_a_stone_that_is_gone_is_told_and_shown_as_null(
    address: str, key: str, database: Database, insert: Insert
) -> None:
    await insert([build(1, status="quarantined"), build(2)])
    async with wire(address, key) as socket:
        await socket.subscribe(CHANGED, after=BEGINNING)
        await happen(database, 1, 2, kind=EventKind.DIAMONDS_REMOVED)
        assert (await socket.event())["diamonds"] == [None, {"supplierStoneId": "stone-2"}]


async def test_whose_hold_it_is_only_its_owner_and_administrators_learn(address: str, database: Database) -> None:
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
    await happen(database, 1, kind=EventKind.HOLD_ACTIVATED, **facts)
    for who, key in keys.items():
        async with wire(address, key) as socket:
            await socket.subscribe(HOLDS, after=BEGINNING)
            seen[who] = (await socket.event())["hold"]
    assert seen == {
        "owner": everything,
        "other": {"mine": False, "clientId": None, "until": until, "reason": None, "id": None},
        "admin": {**everything, "mine": False},
    }


async def test_two_clients_with_the_same_rights_and_document_are_each_told_what_is_theirs(
    address: str, database: Database
) -> None:
    acme, globex = [await key_of(database, client, Scope.DIAMONDS_READ) for client in ("acme", "globex")]
    async with wire(address, acme) as one, wire(address, globex) as two:
        for socket in (one, two):
            await socket.subscribe(HOLDS, after=BEGINNING)
        for client, told in (
            ("nobody", [(False, None), (False, None)]),
            ("acme", [(True, "acme"), (False, None)]),  # when both follow live
        ):
            await happen(database, 1, kind=EventKind.HOLD_ACTIVATED, client_id=client, hold_id=uuid4())
            holds = [(await socket.event())["hold"] for socket in (one, two)]
            assert [(hold["mine"], hold["clientId"]) for hold in holds] == told


async def test_holds_are_told_by_stone_and_by_client(address: str, database: Database) -> None:
    admin = await key_of(database, "office", Scope.DIAMONDS_READ, Scope.PURCHASES_ADMIN)
    for number, client, kind in (
        (1, "acme", EventKind.HOLD_ACTIVATED),
        (2, "acme", EventKind.HOLD_ACTIVATED),
        (1, "globex", EventKind.HOLD_DENIED),
        (1, "acme", EventKind.PURCHASE_PENDING),
        (1, "acme", EventKind.HOLD_RELEASED),
    ):
        await happen(database, number, kind=kind, client_id=client, hold_id=uuid4())
    async with wire(address, admin) as socket:
        await socket.subscribe(HOLDS, after=BEGINNING, diamondId=str(stone(1)), clientId="acme")
        assert [(await socket.event())["kind"] for _ in range(2)] == ["HOLD_ACTIVATED", "HOLD_RELEASED"]


async def test_somebody_elses_holds_are_for_administrators(address: str, database: Database) -> None:
    async with wire(address, await key_of(database, "acme", Scope.DIAMONDS_READ)) as socket:
        await socket.subscribe(HOLDS, clientId="globex")
        assert (await socket.error())["extensions"]["code"] == "FORBIDDEN"
        await socket.subscribe(HOLDS, clientId="acme", after=BEGINNING)
        await happen(database, 1, kind=EventKind.HOLD_EXPIRED, client_id="acme")
        assert (await socket.event())["kind"] == "HOLD_EXPIRED"


async def test_a_purchase_is_told_without_its_buyer(address: str, key: str, database: Database) -> None:
    async with wire(address, key) as socket:
        await socket.subscribe(
            "subscription ($after: String) { diamondChanged(after: $after) { hold { id } purchase { id mine clientId } } }",
            after=BEGINNING,
        )
        await happen(database, 1, kind=EventKind.PURCHASE_CONFIRMED, client_id="acme", purchase_id=uuid4())
        assert await socket.event() == {"hold": None, "purchase": {"id": None, "mine": False, "clientId": None}}


async def test_every_subscription_needs_its_scope(address: str, make_key: MakeKey) -> None:
    async with wire(address, await make_key(Scope.HOLDS_WRITE)) as socket:
        for name, document in enumerate((CHANGED, HOLDS, PROGRESS)):
            await socket.subscribe(document, str(name), runId=str(uuid4()))
            assert (await socket.error())["extensions"]["code"] == "FORBIDDEN"


async def test_the_same_document_shows_each_caller_what_it_may_see(
    address: str, make_key: MakeKey, database: Database, insert: Insert
) -> None:
    await insert([build(1)])
    document = (
        "subscription ($after: String) { diamondChanged(after: $after) { diamonds { supplierPrice { cents } } } }"
    )
    async with (
        wire(address, await make_key(Scope.DIAMONDS_READ)) as reader,
        wire(address, await make_key(Scope.DIAMONDS_READ, Scope.PRICES_SUPPLIER)) as trusted,
    ):
        for socket in (reader, trusted):
            await socket.subscribe(document, after=BEGINNING)
        await happen(database, 1)
        hidden, shown = await reader.hear(), await trusted.hear()
    assert hidden["payload"]["data"] == {"diamondChanged": {"diamonds": [{"supplierPrice": None}]}}
    assert [error["extensions"]["code"] for error in hidden["payload"]["errors"]] == ["FORBIDDEN"]
    assert shown["payload"]["data"]["diamondChanged"]["diamonds"][0]["supplierPrice"]["cents"] > 0


async def test_an_event_is_read_and_shown_once_however_many_follow(
    address: str, key: str, database: Database, insert: Insert, statements: list[str]
) -> None:
    await insert([build(number) for number in range(3)])
    async with wire(address, key) as one, wire(address, key) as two:
        for name in range(10):
            await one.subscribe(CHANGED, str(name), ids=[str(stone(1)), str(stone(name + 3))], after=BEGINNING)
            await two.subscribe(CHANGED, str(name), ids=[str(stone(1)), str(stone(name + 3))], after=BEGINNING)
        # All of them have begun when each has heard of something.
        await happen(database, 1)
        for _ in range(10):
            await one.event()
            await two.event()
        statements.clear()
        await happen(database, 1)
        for _ in range(10):
            assert numbers(await one.event()) == numbers(await two.event()) == ["stone-1"]
        assert len([text for text in statements if "FROM diamonds" in text]) == 1
        assert "supplier_stone_id" in next(text for text in statements if "FROM diamonds" in text)
        assert "measurements" not in next(text for text in statements if "FROM diamonds" in text)


# Coming back


async def test_who_comes_back_gets_what_was_missed_once_in_order_and_goes_on_live(
    address: str, key: str, database: Database
) -> None:
    async with wire(address, key) as socket:
        await socket.subscribe(CHANGED, after=BEGINNING)
        await happen(database, 0)
        cursor = (await socket.event())["cursor"]
    for number in range(1, 260):
        await happen(database, number)
    async with wire(address, key) as socket:
        await socket.subscribe(CHANGED, after=cursor)
        missed = [await socket.event() for _ in range(259)]
        await happen(database, 260)
        live = await socket.event()
    assert [event["diamondIds"] for event in [*missed, live]] == [
        [global_id("Diamond", stone(number))] for number in range(1, 261)
    ]


async def test_who_comes_back_to_a_process_that_has_just_started_misses_nothing(
    settings: Settings, serve: Serve, key: str, database: Database, database_url: str
) -> None:
    """It does not know yet where the log ends, and must not take what was missed for what was told."""
    for number in range(3):
        await happen(database, number)
    connection = await asyncpg.connect(database_url, server_settings={"search_path": "inventory"})
    await connection.execute("BEGIN")
    await connection.execute("SELECT FROM event_counter FOR UPDATE")  # so no reader gets past its beginning
    async with serve(settings) as address, wire(address, key) as socket:
        await socket.subscribe(CHANGED, after=BEGINNING)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.event(), 1)
        await connection.close()
        async with asyncio.timeout(20):
            heard = [await socket.event() for _ in range(3)]
    assert [event["diamondIds"] for event in heard] == [[global_id("Diamond", stone(number))] for number in range(3)]


async def test_nothing_is_lost_or_doubled_however_often_a_client_is_cut_off_and_wherever_it_comes_back(
    settings: Settings, serve: Serve, key: str, database: Database
) -> None:
    total, dice = 400, Random(7)
    seen: list[str] = []

    async def write() -> None:
        for number in range(total):
            await happen(database, number)
            await asyncio.sleep(0.002)

    async def follow(addresses: list[str]) -> None:
        cursor = BEGINNING
        while len(seen) < total:
            # Without a bound: the library stops reading at one, and then waits ten seconds for the farewell behind it.
            async with wire(dice.choice(addresses), key, max_queue=None) as socket:
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


async def test_the_event_cursor_is_where_to_begin(
    address: str, key: str, api: httpx.AsyncClient, database: Database
) -> None:
    async def ask() -> str:
        body = (await api.post("/graphql", json={"query": "{ eventCursor }"})).json()
        cursor: str = body["data"]["eventCursor"]
        return cursor

    assert await ask() == BEGINNING
    await happen(database, 1)
    async with wire(address, key) as socket:
        await socket.subscribe(CHANGED, after=BEGINNING)
        first = await socket.event()
        assert await ask() == first["cursor"]
    await happen(database, 2)
    async with wire(address, key) as socket:
        await socket.subscribe(CHANGED, after=first["cursor"])
        assert (await socket.event())["diamondIds"] == [global_id("Diamond", stone(2))]


async def test_a_cursor_that_is_none_is_named(address: str, key: str) -> None:
    async with wire(address, key) as socket:
        for name, after in enumerate(("", "x", "A" * 23)):
            if name == 2:
                continue  # this one is the beginning
            await socket.subscribe(CHANGED, str(name), after=after)
            extensions = (await socket.error())["extensions"]
            assert (extensions["code"], list(extensions["fields"])) == ("VALIDATION_ERROR", ["after"])


async def test_a_cursor_that_is_too_old_or_of_another_history_is_refused_with_a_code_of_its_own(
    address: str, key: str, database: Database
) -> None:
    for number in range(3):
        await happen(database, number)
    async with wire(address, key) as socket:
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
            message = await socket.hear()
            if message["type"] == "error":
                codes[message["id"]] = message["payload"][0]["extensions"]["code"]
    assert codes == {"a": "CURSOR_EXPIRED", "b": "CURSOR_UNKNOWN", "c": "CURSOR_UNKNOWN"}


@pytest.mark.parametrize("ids", [[], ["nonsense"], [global_id("SyncRun", stone(1))], [str(stone(1))] * 1001])
async def test_ids_that_are_none_are_named(address: str, key: str, ids: list[str]) -> None:
    async with wire(address, key) as socket:
        await socket.subscribe(CHANGED, ids=ids)
        extensions = (await socket.error())["extensions"]
        assert (extensions["code"], list(extensions["fields"])) == ("VALIDATION_ERROR", ["ids"])


# Slow clients


async def test_a_client_that_takes_too_little_is_told_where_to_go_on_and_misses_nothing(
    settings: Settings, serve: Serve, key: str, database: Database, insert: Insert
) -> None:
    await insert([build(number, supplier_name="x" * 20_000) for number in range(100)])
    document = """
    subscription ($after: String) {
      diamondChanged(after: $after) { cursor diamonds { supplierName } }
    }"""
    slow = settings.model_copy(update={"subscriptions_queue": 3})
    seen = 0
    async with serve(slow) as address, wire(address, key, max_queue=1, max_size=None) as socket:
        await socket.subscribe(document, after=BEGINNING)
        await happen(database, 0)
        cursor = (await socket.event())["cursor"]
        for _ in range(30):
            await happen(database, *range(100))
        await asyncio.sleep(2)
        while (message := await socket.hear())["type"] == "next":
            seen += 1
            cursor = message["payload"]["data"]["diamondChanged"]["cursor"]
        extensions = message["payload"][0]["extensions"]
        assert extensions == {"code": "SLOW_CONSUMER", "details": {"cursor": cursor}}
        assert seen < 30
        # The socket is still good, and so is the cursor.
        await socket.subscribe(document, after=cursor)
        for _ in range(30 - seen):
            await socket.event()
        await happen(database, 0)
        assert len((await socket.event())["diamonds"]) == 1


async def test_a_client_that_takes_nothing_is_given_up_and_leaves_its_place(
    settings: Settings, serve: Serve, key: str, database: Database, insert: Insert
) -> None:
    await insert([build(number, supplier_name="x" * 20_000) for number in range(100)])
    document = "subscription ($after: String) { diamondChanged(after: $after) { diamonds { supplierName } } }"
    for _ in range(10):
        await happen(database, *range(100))
    impatient = settings.model_copy(update={"sockets_send_seconds": 0.5, "sockets_per_key": 1})
    async with serve(impatient) as address, wire(address, key, max_queue=1, max_size=None) as stuck:
        await stuck.subscribe(document, after=BEGINNING)
        acknowledged = False
        async with asyncio.timeout(30):
            while not acknowledged:
                async with wire(address) as next_one:
                    await next_one.say(type="connection_init", payload={"apiKey": key})
                    with suppress(ConnectionClosed):
                        acknowledged = (await next_one.hear())["type"] == "connection_ack"


async def test_a_sync_that_changes_what_many_follow_slows_the_reading_down_and_ends_nobody(
    address: str, key: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audience, "_MUCH_DUE", 5)
    monkeypatch.setattr(audience, "_MOST_DUE", 60)
    many, events = 50, 8
    async with wire(address, key) as socket:
        for number in range(many):
            await socket.subscribe(CHANGED, str(number), ids=[str(stone(number))], after=BEGINNING)
        await happen(database, *range(many))
        for _ in range(many):
            await socket.event()
        for _ in range(events):
            await happen(database, *range(many))
        heard = [await socket.event() for _ in range(many * events)]
    assert {tuple(event["diamondIds"]) for event in heard} == {(global_id("Diamond", stone(n)),) for n in range(many)}


# Waking up


@pytest.mark.parametrize("changes", [{"database_pooler": "transaction"}, {}], ids=["polled", "told"])
async def test_events_arrive_with_and_without_notifications(
    settings: Settings, serve: Serve, key: str, database: Database, changes: dict[str, Any]
) -> None:
    async with serve(settings.model_copy(update=changes)) as address, wire(address, key) as socket:
        await socket.subscribe(CHANGED, after=BEGINNING)
        for number in range(3):
            await happen(database, number)
            assert (await socket.event())["diamondIds"] == [global_id("Diamond", stone(number))]


async def test_a_listener_that_is_cut_off_delays_and_loses_nothing(
    address: str, key: str, database: Database, database_url: str
) -> None:
    async with wire(address, key) as socket:
        await socket.subscribe(CHANGED, after=BEGINNING)
        connection = await asyncpg.connect(database_url)
        for number in range(3):
            cut = await connection.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' "
                "AND datname = current_database()"
            )
            assert cut or number
            await happen(database, number)
            assert (await socket.event())["diamondIds"] == [global_id("Diamond", stone(number))]
        await connection.close()


# Runs


async def test_a_run_is_followed_until_it_is_over(
    address: str, make_key: MakeKey, insert: Insert, database_url: str
) -> None:
    await insert([build_run(1, status="running", completed_at=None)], "run_metadata")
    await insert([build_partition(1, 0, status="running", completed_at=None)], "worker_runs")
    connection = await asyncpg.connect(database_url, server_settings={"search_path": "inventory"})
    async with wire(address, await make_key(Scope.SYNC_READ)) as socket:
        for name, given in (("plain", str(run_id(1))), ("global", global_id("SyncRun", run_id(1)))):
            await socket.subscribe(PROGRESS, name, runId=given)
            assert (await socket.event())["status"] == "RUNNING"
        await connection.execute("UPDATE worker_runs SET status = 'succeeded', completed_at = now()")
        for _ in range(2):
            event = await socket.event()
            assert event["partitions"] == [{"ordinal": 0, "status": "SUCCEEDED"}]
        await connection.execute("UPDATE run_metadata SET status = 'completed', completed_at = now()")
        last = [await socket.hear() for _ in range(4)]
        assert sorted(message["type"] for message in last) == ["complete", "complete", "next", "next"]
        await socket.subscribe(PROGRESS, "late", runId=str(run_id(1)))
        assert (await socket.event())["status"] == "COMPLETED"
        assert await socket.hear() == {"id": "late", "type": "complete"}
    await connection.close()


async def test_a_run_is_looked_at_once_a_second_however_many_follow_it(
    address: str, make_key: MakeKey, insert: Insert, statements: list[str]
) -> None:
    await insert([build_run(1, status="running", completed_at=None)], "run_metadata")
    async with wire(address, await make_key(Scope.SYNC_READ)) as socket:
        for name in range(20):
            await socket.subscribe(PROGRESS, str(name), runId=str(run_id(1)))
            await socket.event()
        statements.clear()
        await asyncio.sleep(3)
    looks = [text for text in statements if "FROM run_metadata" in text]
    assert 1 <= len(looks) <= 4


@pytest.mark.parametrize("given", [str(run_id(1)), "nonsense", global_id("Diamond", run_id(1))])
async def test_a_run_that_there_is_not_can_t_be_followed(address: str, make_key: MakeKey, given: str) -> None:
    async with wire(address, await make_key(Scope.SYNC_READ)) as socket:
        await socket.subscribe(PROGRESS, runId=given)
        assert (await socket.error())["extensions"]["code"] == "NOT_FOUND"


async def test_what_is_sent_is_json_that_others_can_read(address: str, key: str, database: Database) -> None:
    async with wire(address, key) as socket:
        await socket.subscribe(CHANGED, 'a "quoted" näme', after=BEGINNING)
        await happen(database, 1)
        message = msgspec.json.decode(await socket.connection.recv())
    assert (message["id"], message["type"], set(message)) == ('a "quoted" näme', "next", {"id", "type", "payload"})
