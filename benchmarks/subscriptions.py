"""Subscriptions: exactly-once, in-order delivery of events to many subscribers, and the latency from commit to delivery.

Each subscriber watches ten stones, and ten subscribers watch all stones, over several processes of the API. Four writers
commit hold events. Some sockets are aborted at random times; their subscribers reconnect to a random process with their
last cursor. A lost, duplicate or out-of-order event is an error. The limit of the latency is the wake-up delay of the
measuring process.
"""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Annotated
from uuid import UUID

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from benchmarks.figures import Figure, Pace, Report, percentiles_ms
from benchmarks.servers import CLIENT, Servers
from benchmarks.statements import sql
from inventory.catalog.stone import diamond_id
from inventory.core.database import Database
from inventory.events import cursors, log
from inventory.events.models import EventKind, NewEvent

STONES_PER_SUBSCRIBER = 10
UNFILTERED_SUBSCRIBERS = 10
WRITERS = 4
DELIVERY_TIMEOUT_SECONDS = 30.0
CONCURRENT_STARTS = 50

DOCUMENT = """
subscription ($ids: [ID!], $after: String) {
  diamondChanged(ids: $ids, after: $after) {
    cursor kind occurredAt diamondIds diamonds { id carat price { cents formatted } availability } hold { reason until }
  }
}
"""


class Options(msgspec.Struct, frozen=True):
    """Options of the benchmark."""

    subscribers: Annotated[int, msgspec.Meta(ge=1, description="Subscribers, each with a socket.")] = 1000
    processes: Annotated[int, msgspec.Meta(ge=1, description="Processes of the API.")] = 2
    stones: Annotated[int, msgspec.Meta(ge=STONES_PER_SUBSCRIBER, description="Stones with events.")] = 2000
    rate: Annotated[float, msgspec.Meta(gt=0, description="Events per second.")] = 100.0
    seconds: Annotated[float, msgspec.Meta(gt=0, description="Seconds in which events are written.")] = 30.0
    cut: Annotated[float, msgspec.Meta(ge=0, le=1, description="Share of the sockets that are disconnected.")] = 0.1
    seed: Annotated[int, msgspec.Meta(description="Random seed of the disconnected sockets.")] = 1


QUICK = Options(subscribers=100, processes=1, stones=200, rate=50.0, seconds=2.0)


class EventRecord:
    """Written events by number: `committed`: time (Unix seconds) at which the writer knew of the commit."""

    def __init__(self, stones: Sequence[UUID]) -> None:
        self.stones = stones
        self.committed: dict[int, float] = {}
        self.by_stone: defaultdict[UUID, set[int]] = defaultdict(set)

    def expected(self, ids: Sequence[UUID] | None) -> set[int]:
        if ids is None:
            return set(self.committed)
        return set().union(*(self.by_stone[stone] for stone in ids))


class Subscriber:
    """A subscriber with one socket. It reconnects after a disconnect. `seconds`: latencies of its events."""

    def __init__(self, urls: Sequence[str], key: str, ids: Sequence[UUID] | None, cursor: str) -> None:
        self.ids = ids
        self.seen: list[int] = []
        self.positions: list[int] = []
        self.seconds: list[float] = []
        self.disconnects = 0
        self.errors: list[str] = []
        self.ready = asyncio.Event()
        self._event_received = asyncio.Event()
        self._urls = urls
        self._key = key
        self._cursor = cursor
        self._connection: ClientConnection | None = None
        self._subscribed_at: float | None = None

    def disconnect(self) -> None:
        """Abort the connection without a close frame."""
        if self._connection is not None:
            self.disconnects += 1
            self._connection.transport.abort()

    async def wait_for_events(self, expected: set[int], seconds: float) -> None:
        """Wait until all expected events are received, at most `seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not expected.issubset(self.seen):
                    self._event_received.clear()
                    await self._event_received.wait()

    async def run(self, record: EventRecord) -> None:
        while True:
            with suppress(ConnectionClosed, OSError, EOFError, TimeoutError):
                await self._subscribe(record)
            await asyncio.sleep(random.uniform(0.05, 0.5))

    async def _subscribe(self, record: EventRecord) -> None:
        url = random.choice(self._urls)
        async with connect(
            url,
            subprotocols=[Subprotocol("graphql-transport-ws")],
            compression=None,
            ping_interval=None,
            open_timeout=30,
            close_timeout=1,
        ) as connection:
            await self._send(connection, {"type": "connection_init", "payload": {"apiKey": self._key}})
            await connection.recv()
            variables = {
                "ids": None if self.ids is None else [str(stone) for stone in self.ids],
                "after": self._cursor,
            }
            payload = {"query": DOCUMENT, "variables": variables}
            message = {"id": "1", "type": "subscribe", "payload": payload}
            await self._send(connection, message)
            # The reply indicates that the subscription has started, or is about to start.
            await self._send(connection, {"id": "2", "type": "subscribe", "payload": {"query": "{ eventCursor }"}})
            self._connection = connection
            self._subscribed_at = None
            async for text in connection:
                self._handle_message(msgspec.json.decode(text), record)

    @staticmethod
    async def _send(connection: ClientConnection, message: object) -> None:
        await connection.send(msgspec.json.encode(message).decode())

    def _handle_message(self, message: dict[str, object], record: EventRecord) -> None:
        now = time.time()
        if message["id"] == "2":
            self._subscribed_at = now
            self.ready.set()
            return
        if message["type"] != "next":
            self.errors.append(str(message["payload"]))
            return
        event = msgspec.convert(message, type=dict)["payload"]["data"]["diamondChanged"]
        self._cursor = event["cursor"]
        number = int(event["hold"]["reason"])
        self.seen.append(number)
        self.positions.append(cursors.decode(event["cursor"]).position)
        # An event may arrive before its writer knows of the commit. The latency excludes events of a disconnected time.
        committed = record.committed.get(number, now)
        if self._subscribed_at and committed > self._subscribed_at:
            self.seconds.append(max(0.0, now - committed))
        self._event_received.set()


async def write_events(database: Database, record: EventRecord, numbers: Sequence[int], rate: float) -> None:
    """Commit events at a constant rate per second. A delay is made up for."""
    start_time = time.monotonic()
    for turn, number in enumerate(numbers):
        await asyncio.sleep(max(0.0, start_time + turn / rate - time.monotonic()))
        stone = random.choice(record.stones)
        event = NewEvent(EventKind.HOLD_EXTENDED, [stone], client_id=CLIENT, data={"reason": str(number)})
        record.by_stone[stone].add(number)
        async with database.transaction() as connection:
            await log.append(connection, event)
        record.committed[number] = time.time()


async def measure_wakeup_delays(delays: list[float]) -> None:
    """Record wake-up delays of this process (s), which are the measurement error of the latencies."""
    while True:
        due = time.monotonic() + 0.02
        await asyncio.sleep(0.02)
        delays.append(time.monotonic() - due)


async def disconnect_randomly(subscribers: Sequence[Subscriber], seconds: float) -> None:
    """Disconnect each subscriber at a random time within `seconds`."""
    start_time = time.monotonic()
    for moment, subscriber in sorted(
        ((random.uniform(0, seconds), subscriber) for subscriber in subscribers), key=lambda pair: pair[0]
    ):
        await asyncio.sleep(max(0.0, start_time + moment - time.monotonic()))
        subscriber.disconnect()


async def measure(options: Options, servers: Servers) -> Report:
    """Start subscribers, write events, disconnect some subscribers, and compare the received events with the written."""
    stones = [diamond_id("nivoda", f"stone-{number}") for number in range(options.stones)]
    record = EventRecord(stones)
    site = await servers.site()
    async with Database.open(site.settings.database) as database:
        async with database.connection() as connection:
            await connection.execute(
                sql.insert_plain_stones, stones, [f"stone-{number}" for number in range(len(stones))]
            )
        key = await site.key(database)
        async with site.serving(options.processes) as served:
            subscribers, delays = await _run_load(options, database, record, [each.address for each in served], key)
    return report(options, subscribers, record, delays)


async def _run_load(
    options: Options, database: Database, record: EventRecord, addresses: Sequence[str], key: str
) -> tuple[list[Subscriber], list[float]]:
    urls = [address.replace("http", "ws") + "/graphql" for address in addresses]
    async with httpx.AsyncClient(base_url=addresses[0], headers={"X-API-Key": key}) as client:
        body = (await client.post("/graphql", json={"query": "{ eventCursor }"})).json()
    cursor = body["data"]["eventCursor"]
    subscribers = [
        Subscriber(
            urls,
            key,
            None if number < UNFILTERED_SUBSCRIBERS else random.sample(record.stones, STONES_PER_SUBSCRIBER),
            cursor,
        )
        for number in range(options.subscribers)
    ]
    tasks = []
    for start in range(0, len(subscribers), CONCURRENT_STARTS):
        batch = subscribers[start : start + CONCURRENT_STARTS]
        tasks += [asyncio.create_task(subscriber.run(record)) for subscriber in batch]
        await asyncio.gather(*(subscriber.ready.wait() for subscriber in batch))
    delays: list[float] = []
    delay_task = asyncio.create_task(measure_wakeup_delays(delays))
    total = round(options.rate * options.seconds)
    disconnected = random.sample(subscribers, round(options.cut * len(subscribers)))
    async with asyncio.TaskGroup() as group:
        for writer in range(WRITERS):
            numbers = range(writer, total, WRITERS)
            group.create_task(write_events(database, record, numbers, options.rate / WRITERS))
        group.create_task(disconnect_randomly(disconnected, options.seconds))
    await asyncio.gather(
        *(
            subscriber.wait_for_events(record.expected(subscriber.ids), DELIVERY_TIMEOUT_SECONDS)
            for subscriber in subscribers
        )
    )
    delay_task.cancel()
    await asyncio.sleep(1)  # for duplicates that arrive late
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return subscribers, delays


def report(options: Options, subscribers: Sequence[Subscriber], record: EventRecord, delays: Sequence[float]) -> Report:
    """Compare the events that each subscriber received with those that it should have received."""
    expected = [record.expected(subscriber.ids) for subscriber in subscribers]
    pairs = list(zip(subscribers, expected, strict=True))
    counts = {
        "lost": sum(len(due - set(subscriber.seen)) for subscriber, due in pairs),
        "doubled": sum(len(subscriber.seen) - len(set(subscriber.seen)) for subscriber in subscribers),
        "not_asked_for": sum(len(set(subscriber.seen) - due) for subscriber, due in pairs),
        "out_of_order": sum(
            later <= earlier for subscriber in subscribers for earlier, later in pairwise(subscriber.positions)
        ),
    }
    errors = sorted({text for subscriber in subscribers for text in subscriber.errors})[:5]
    delivered = sum(len(subscriber.seen) for subscriber in subscribers)
    seconds = [each for subscriber in subscribers for each in subscriber.seconds]
    return Report(
        figures=[
            Figure(
                name="from commit to delivery",
                unit="events/s",
                ours=Pace(delivered / options.seconds, *percentiles_ms(seconds, (0.5, 0.99))),
                beside="all that were due; own delay",
                other=Pace(sum(map(len, expected)) / options.seconds, *percentiles_ms(delays, (0.5, 0.99))),
            )
        ],
        wrong=[f"{count} {name}" for name, count in counts.items() if count] + errors,
        details={
            **counts,
            "events": len(record.committed),
            "cut_off": sum(subscriber.disconnects for subscriber in subscribers),
            "delivered": delivered,
            "milliseconds_from_commit_to_delivery_max": percentiles_ms(seconds, (1.0,))[0],
        },
    )
