"""Event log: no event is missed, positions are stable, expired cursors are reported."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from inventory.core.database import Database
from inventory.core.errors import CursorExpired, CursorUnknown
from inventory.events import cursors, log
from inventory.events.cursors import Cursor
from inventory.events.log import STONES_PER_EVENT, EventFilter
from inventory.events.models import EventKind
from tests.integration.events.conftest import EventLogDriver, make_event, stone


async def test_event_is_read_as_appended(event_log: EventLogDriver) -> None:
    await event_log.append(make_event(1, 2))
    await event_log.number()
    (event,) = await event_log.read()
    assert (event.position, event.kind, event.diamond_ids) == (1, EventKind.HOLD_ACTIVATED, (stone(1), stone(2)))
    assert (event.client_id, event.hold_id, event.data) == ("acme", None, {"reason": "a test"})


async def test_rolled_back_event_is_not_in_log(event_log: EventLogDriver) -> None:
    async def fail() -> None:
        async with event_log.database.transaction() as connection:
            await log.append(connection, make_event(1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    await event_log.number()
    assert await event_log.read() == []


async def test_late_commit_of_early_insert_is_not_skipped(event_log: EventLogDriver) -> None:
    async with event_log.database.transaction() as slow:
        await log.append(slow, make_event(1))
        await event_log.append(make_event(2), make_event(3))
        await event_log.number()
        before = await event_log.read()
        assert [event.diamond_ids for event in before] == [(stone(2),), (stone(3),)]
    await event_log.append(make_event(4))
    await event_log.number()
    after = await event_log.read(before[-1].position)
    # In the order of insertion among the events that became visible together.
    assert [event.diamond_ids for event in after] == [(stone(1),), (stone(4),)]
    assert await event_log.read() == [*before, *after]
    assert [event.position for event in await event_log.read()] == [1, 2, 3, 4]


async def test_concurrent_numbering_gives_gapless_positions_in_one_order(event_log: EventLogDriver) -> None:
    seen: list[int] = []
    done = asyncio.Event()

    async def write(first: int) -> None:
        for number in range(first, first + 50):
            async with event_log.database.transaction() as connection:
                await log.append(connection, make_event(number))
                await asyncio.sleep(0)

    async def count() -> None:
        while not done.is_set():
            await event_log.number()

    async def follow() -> None:
        while not done.is_set() or await event_log.read(len(seen)):
            seen.extend(event.position for event in await event_log.read(seen[-1] if seen else 0, limit=7))

    async with asyncio.TaskGroup() as group:
        for task in (count(), count(), count(), follow()):
            group.create_task(task)
        async with asyncio.TaskGroup() as writers:
            for first in (0, 100, 200, 300):
                writers.create_task(write(first))
        await event_log.number()
        done.set()
    assert seen == list(range(1, 201))
    per_writer = [[event.diamond_ids[0].int for event in await event_log.read() if event.diamond_ids[0].int // 100 == n]
                  for n in range(4)]  # fmt: skip
    assert per_writer == [list(range(n * 100, n * 100 + 50)) for n in range(4)]


async def test_readers_are_notified_on_commit_and_on_numbering(event_log: EventLogDriver, database_url: str) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    connection = await asyncpg.connect(database_url)
    await connection.add_listener("inventory_events", lambda *said: heard.put_nowait(str(said[-1])))
    async with event_log.database.transaction() as writing:
        await log.append(writing, make_event(1))
        await log.append(writing, make_event(2))
        await connection.execute("SELECT 1")
        assert heard.empty()
    assert await asyncio.wait_for(heard.get(), 10) == ""
    await event_log.number()
    assert await asyncio.wait_for(heard.get(), 10) == "2"
    await connection.close()


async def test_large_number_of_stones_is_split_into_events_in_order(event_log: EventLogDriver) -> None:
    numbers = range(2 * STONES_PER_EVENT + 1)
    await event_log.append(make_event(*numbers))
    await event_log.number()
    events = await event_log.read()
    assert [len(event.diamond_ids) for event in events] == [STONES_PER_EVENT, STONES_PER_EVENT, 1]
    assert [one for event in events for one in event.diamond_ids] == [stone(number) for number in numbers]


async def test_no_stones_append_no_event(event_log: EventLogDriver) -> None:
    await event_log.append(make_event())
    await event_log.number()
    assert await event_log.read() == []


async def test_reader_filters_by_stones_types_and_client(event_log: EventLogDriver) -> None:
    await event_log.append(
        make_event(1, 2),
        make_event(2, 3, kind=EventKind.DIAMONDS_CHANGED),
        make_event(4, client_id="globex"),
        make_event(1, kind=EventKind.HOLD_RELEASED),
    )
    await event_log.number()

    async def positions(wanted: EventFilter) -> list[int]:
        return [event.position for event in await event_log.read(wanted=wanted)]

    assert await positions(EventFilter(diamond_ids=frozenset({stone(2), stone(4)}))) == [1, 2, 3]
    assert await positions(EventFilter(kinds=frozenset({EventKind.HOLD_RELEASED, EventKind.DIAMONDS_CHANGED}))) == [
        2,
        4,
    ]
    assert await positions(EventFilter(client_id="globex")) == [3]
    assert await positions(EventFilter(diamond_ids=frozenset())) == []


async def test_pages_have_no_gap_and_no_repetition(event_log: EventLogDriver, database: Database) -> None:
    await event_log.append(*(make_event(number % 3) for number in range(20)))
    await event_log.number()
    after, pages = 0, []
    async with database.connection() as connection:
        while after < 20:
            page = await log.read(connection, after, 3, EventFilter(diamond_ids=frozenset({stone(0)})))
            pages.append([event.position for event in page.events])
            after = page.through
    assert [position for page in pages for position in page] == list(range(1, 21, 3))
    assert max(len(page) for page in pages) == 3


async def test_unknown_event_types_are_skipped(event_log: EventLogDriver, database: Database) -> None:
    await event_log.value("ALTER TABLE event_log DROP CONSTRAINT event_log_kind_check")
    for number, kind in enumerate(["hold_released", "hold_renamed", "hold_renamed", "hold_expired", "hold_renamed"]):
        await event_log.value(
            "INSERT INTO event_log (kind, diamond_ids, data) VALUES ($1, ARRAY[$2::uuid], '{}')", kind, stone(number)
        )
    await event_log.number()
    async with database.connection() as connection:
        pages = [await log.read(connection, after, 2, EventFilter()) for after in (0, 2, 4)]
        assert [[event.position for event in page.events] for page in pages] == [[1], [4], []]
        assert [(page.through, page.newest) for page in pages] == [(2, 5), (4, 5), (5, 5)]
        # A cursor like any other.
        assert [await log.resume(connection, page.last) for page in pages if page.last] == [2, 4, 5]
    assert [event.kind for event in await event_log.read()] == [EventKind.HOLD_RELEASED, EventKind.HOLD_EXPIRED]


# Retention


async def test_only_expired_beginning_is_pruned(event_log: EventLogDriver, database: Database) -> None:
    await event_log.append(*(make_event(number) for number in range(6)))
    await event_log.number()
    # The fourth is old, too, but follows one that is not.
    await event_log.value(
        "UPDATE event_log SET occurred_at = occurred_at - interval '9 days' WHERE position IN (1, 2, 4)"
    )
    async with database.connection() as connection:
        assert await log.prune(connection, 8, 1) == 1
        assert await log.prune(connection, 8, 10) == 1
        assert await log.prune(connection, 8, 10) == 0
        assert (await log.bounds(connection)).oldest == 3
    assert [event.position for event in await event_log.read(2)] == [3, 4, 5, 6]


async def test_cursor_before_retention_is_expired_and_first_kept_is_valid(
    event_log: EventLogDriver, database: Database
) -> None:
    await event_log.append(*(make_event(number) for number in range(4)))
    await event_log.number()
    first, second, *_ = await event_log.read()
    await event_log.value("UPDATE event_log SET occurred_at = occurred_at - interval '9 days' WHERE position <= 2")
    first, second, *_ = await event_log.read()
    async with database.connection() as connection:
        await log.prune(connection, 8, 10)
        with pytest.raises(CursorExpired):
            await log.resume(connection, Cursor.of(first))
        with pytest.raises(CursorExpired):
            await log.read(connection, 1, 10, EventFilter())
        assert await log.resume(connection, Cursor.of(second)) == 2


async def test_completely_pruned_log_continues_its_positions(event_log: EventLogDriver, database: Database) -> None:
    await event_log.append(make_event(1), make_event(2))
    await event_log.number()
    await event_log.value("UPDATE event_log SET occurred_at = occurred_at - interval '9 days'")
    async with database.connection() as connection:
        assert await log.prune(connection, 8, 10) == 2
        found = await log.bounds(connection)
        assert (found.oldest, found.newest) == (3, 2)
    await event_log.append(make_event(3))
    await event_log.number()
    assert [event.position for event in await event_log.read(2)] == [3]


async def test_cursor_of_another_history_is_rejected(event_log: EventLogDriver, database: Database) -> None:
    await event_log.append(make_event(1))
    await event_log.number()
    (event,) = await event_log.read()
    known = cursors.decode(cursors.encode(Cursor.of(event)))
    async with database.connection() as connection:
        assert await log.resume(connection, known) == 1
        with pytest.raises(CursorUnknown):  # restored from a backup that ends before the cursor
            await log.resume(connection, Cursor(known.position + 1, known.instant))
        with pytest.raises(CursorUnknown):  # restored, with another event at this position
            await log.resume(connection, Cursor(known.position, known.instant + 1))


# Version of the visible data


async def test_version_changes_with_commits_and_not_with_numbering(
    event_log: EventLogDriver, database: Database
) -> None:
    async def version() -> str:
        async with database.connection() as connection:
            return await log.data_version(connection)

    seen = [await version()]
    async with database.transaction() as slow:
        await log.append(slow, make_event(1))
        await event_log.append(make_event(2))
        seen.append(await version())
    seen.append(await version())
    await event_log.number()
    assert await version() == seen[-1]
    assert len(set(seen)) == 3


async def test_cursor_contains_position_and_instant(event_log: EventLogDriver) -> None:
    await event_log.append(make_event(1))
    await event_log.number()
    (event,) = await event_log.read()
    cursor = cursors.decode(cursors.encode(Cursor.of(event)))
    assert cursor.position == event.position
    assert timedelta(microseconds=cursor.instant) == event.occurred_at - cursors._EPOCH
