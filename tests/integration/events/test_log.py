"""The event log: nothing is missed, nothing changes its place, and what is no longer kept is said to be so."""

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
from tests.integration.events.conftest import Book, happening, stone


async def test_an_event_is_read_as_it_was_appended(book: Book) -> None:
    await book.append(happening(1, 2))
    await book.number()
    (event,) = await book.read()
    assert (event.position, event.kind, event.diamond_ids) == (1, EventKind.HOLD_ACTIVATED, (stone(1), stone(2)))
    assert (event.client_id, event.hold_id, event.data) == ("acme", None, {"reason": "a test"})


async def test_what_is_rolled_back_has_not_happened(book: Book) -> None:
    async def fail() -> None:
        async with book.database.transaction() as connection:
            await log.append(connection, happening(1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    await book.number()
    assert await book.read() == []


async def test_an_event_that_was_inserted_early_and_committed_late_is_not_passed_over(book: Book) -> None:
    async with book.database.transaction() as slow:
        await log.append(slow, happening(1))
        await book.append(happening(2), happening(3))
        await book.number()
        before = await book.read()
        assert [event.diamond_ids for event in before] == [(stone(2),), (stone(3),)]
    await book.append(happening(4))
    await book.number()
    after = await book.read(before[-1].position)
    # In the order of insertion among those that became known together.
    assert [event.diamond_ids for event in after] == [(stone(1),), (stone(4),)]
    assert await book.read() == [*before, *after]
    assert [event.position for event in await book.read()] == [1, 2, 3, 4]


async def test_however_many_number_at_once_positions_have_no_gap_and_readers_see_one_order(book: Book) -> None:
    seen: list[int] = []
    done = asyncio.Event()

    async def write(first: int) -> None:
        for number in range(first, first + 50):
            async with book.database.transaction() as connection:
                await log.append(connection, happening(number))
                await asyncio.sleep(0)

    async def count() -> None:
        while not done.is_set():
            await book.number()

    async def follow() -> None:
        while not done.is_set() or await book.read(len(seen)):
            seen.extend(event.position for event in await book.read(seen[-1] if seen else 0, limit=7))

    async with asyncio.TaskGroup() as group:
        for task in (count(), count(), count(), follow()):
            group.create_task(task)
        async with asyncio.TaskGroup() as writers:
            for first in (0, 100, 200, 300):
                writers.create_task(write(first))
        await book.number()
        done.set()
    assert seen == list(range(1, 201))
    per_writer = [[event.diamond_ids[0].int for event in await book.read() if event.diamond_ids[0].int // 100 == n]
                  for n in range(4)]  # fmt: skip
    assert per_writer == [list(range(n * 100, n * 100 + 50)) for n in range(4)]


async def test_readers_are_woken_when_an_event_commits_and_when_it_has_its_position(
    book: Book, database_url: str
) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    connection = await asyncpg.connect(database_url)
    await connection.add_listener("inventory_events", lambda *said: heard.put_nowait(str(said[-1])))
    async with book.database.transaction() as writing:
        await log.append(writing, happening(1))
        await log.append(writing, happening(2))
        await connection.execute("SELECT 1")
        assert heard.empty()
    assert await asyncio.wait_for(heard.get(), 10) == ""
    await book.number()
    assert await asyncio.wait_for(heard.get(), 10) == "2"
    await connection.close()


async def test_many_stones_become_events_of_bounded_size_in_their_order(book: Book) -> None:
    numbers = range(2 * STONES_PER_EVENT + 1)
    await book.append(happening(*numbers))
    await book.number()
    events = await book.read()
    assert [len(event.diamond_ids) for event in events] == [STONES_PER_EVENT, STONES_PER_EVENT, 1]
    assert [one for event in events for one in event.diamond_ids] == [stone(number) for number in numbers]


async def test_no_stones_are_no_event(book: Book) -> None:
    await book.append(happening())
    await book.number()
    assert await book.read() == []


async def test_a_reader_may_ask_for_some_stones_some_kinds_and_one_client(book: Book) -> None:
    await book.append(
        happening(1, 2),
        happening(2, 3, kind=EventKind.DIAMONDS_CHANGED),
        happening(4, client_id="globex"),
        happening(1, kind=EventKind.HOLD_RELEASED),
    )
    await book.number()

    async def positions(wanted: EventFilter) -> list[int]:
        return [event.position for event in await book.read(wanted=wanted)]

    assert await positions(EventFilter(diamond_ids=frozenset({stone(2), stone(4)}))) == [1, 2, 3]
    assert await positions(EventFilter(kinds=frozenset({EventKind.HOLD_RELEASED, EventKind.DIAMONDS_CHANGED}))) == [
        2,
        4,
    ]
    assert await positions(EventFilter(client_id="globex")) == [3]
    assert await positions(EventFilter(diamond_ids=frozenset())) == []


async def test_pages_meet_without_gap_or_repetition(book: Book, database: Database) -> None:
    await book.append(*(happening(number % 3) for number in range(20)))
    await book.number()
    after, pages = 0, []
    async with database.connection() as connection:
        while after < 20:
            page = await log.read(connection, after, 3, EventFilter(diamond_ids=frozenset({stone(0)})))
            pages.append([event.position for event in page.events])
            after = page.through
    assert [position for page in pages for position in page] == list(range(1, 21, 3))
    assert max(len(page) for page in pages) == 3


async def test_events_of_a_kind_that_is_not_known_are_passed_over_and_stop_nobody(
    book: Book, database: Database
) -> None:
    await book.value("ALTER TABLE event_log DROP CONSTRAINT event_log_kind_check")
    for number, kind in enumerate(["hold_released", "hold_renamed", "hold_renamed", "hold_expired", "hold_renamed"]):
        await book.value(
            "INSERT INTO event_log (kind, diamond_ids, data) VALUES ($1, ARRAY[$2::uuid], '{}')", kind, stone(number)
        )
    await book.number()
    async with database.connection() as connection:
        pages = [await log.read(connection, after, 2, EventFilter()) for after in (0, 2, 4)]
        assert [[event.position for event in page.events] for page in pages] == [[1], [4], []]
        assert [(page.through, page.newest) for page in pages] == [(2, 5), (4, 5), (5, 5)]
        # A cursor like any other.
        assert [await log.resume(connection, page.last) for page in pages if page.last] == [2, 4, 5]
    assert [event.kind for event in await book.read()] == [EventKind.HOLD_RELEASED, EventKind.HOLD_EXPIRED]


# What is kept


async def test_only_the_old_beginning_is_pruned(book: Book, database: Database) -> None:
    await book.append(*(happening(number) for number in range(6)))
    await book.number()
    # The fourth is old, too, but stands behind one that is not.
    await book.value("UPDATE event_log SET occurred_at = occurred_at - interval '9 days' WHERE position IN (1, 2, 4)")
    async with database.connection() as connection:
        assert await log.prune(connection, 8, 1) == 1
        assert await log.prune(connection, 8, 10) == 1
        assert await log.prune(connection, 8, 10) == 0
        assert (await log.bounds(connection)).oldest == 3
    assert [event.position for event in await book.read(2)] == [3, 4, 5, 6]


async def test_a_cursor_older_than_what_is_kept_has_expired_and_the_edge_has_not(
    book: Book, database: Database
) -> None:
    await book.append(*(happening(number) for number in range(4)))
    await book.number()
    first, second, *_ = await book.read()
    await book.value("UPDATE event_log SET occurred_at = occurred_at - interval '9 days' WHERE position <= 2")
    first, second, *_ = await book.read()
    async with database.connection() as connection:
        await log.prune(connection, 8, 10)
        with pytest.raises(CursorExpired):
            await log.resume(connection, Cursor.of(first))
        with pytest.raises(CursorExpired):
            await log.read(connection, 1, 10, EventFilter())
        assert await log.resume(connection, Cursor.of(second)) == 2


async def test_a_log_that_was_pruned_empty_goes_on_where_it_was(book: Book, database: Database) -> None:
    await book.append(happening(1), happening(2))
    await book.number()
    await book.value("UPDATE event_log SET occurred_at = occurred_at - interval '9 days'")
    async with database.connection() as connection:
        assert await log.prune(connection, 8, 10) == 2
        found = await log.bounds(connection)
        assert (found.oldest, found.newest) == (3, 2)
    await book.append(happening(3))
    await book.number()
    assert [event.position for event in await book.read(2)] == [3]


async def test_a_cursor_from_another_history_is_refused(book: Book, database: Database) -> None:
    await book.append(happening(1))
    await book.number()
    (event,) = await book.read()
    known = cursors.decode(cursors.encode(Cursor.of(event)))
    async with database.connection() as connection:
        assert await log.resume(connection, known) == 1
        with pytest.raises(CursorUnknown):  # restored from a backup, and not as far yet
            await log.resume(connection, Cursor(known.position + 1, known.instant))
        with pytest.raises(CursorUnknown):  # restored, and something else happened since
            await log.resume(connection, Cursor(known.position, known.instant + 1))


# The version of what is seen


async def test_the_version_moves_with_each_commit_and_not_with_the_numbers(book: Book, database: Database) -> None:
    async def version() -> str:
        async with database.connection() as connection:
            return await log.data_version(connection)

    seen = [await version()]
    async with database.transaction() as slow:
        await log.append(slow, happening(1))
        await book.append(happening(2))
        seen.append(await version())
    seen.append(await version())
    await book.number()
    assert await version() == seen[-1]
    assert len(set(seen)) == 3


async def test_a_cursor_says_exactly_where_and_when(book: Book) -> None:
    await book.append(happening(1))
    await book.number()
    (event,) = await book.read()
    cursor = cursors.decode(cursors.encode(Cursor.of(event)))
    assert cursor.position == event.position
    assert timedelta(microseconds=cursor.instant) == event.occurred_at - cursors._EPOCH
