"""Subscribers under load: whether each gets everything once and in order, and how long that takes from the commit on.

Stones are watched by ten subscribers each (and ten watch everything), over several processes of the API. Four writers
commit holds; some of the sockets are cut off without a word at random moments and come back to any of the processes with
their last cursor. Anything that was lost, came twice or out of order is wrong. The limit of the times is how late the
measuring process itself wakes up.
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

from benchmarks.figures import Figure, Pace, Report, shares
from benchmarks.servers import CLIENT, Servers
from benchmarks.statements import sql
from inventory.catalog.stone import diamond_id
from inventory.core.database import Database
from inventory.events import cursors, log
from inventory.events.models import EventKind, NewEvent

WATCHED = 10
WATCHING_ALL = 10
WRITERS = 4
PATIENCE_SECONDS = 30.0
STARTED_AT_ONCE = 50

DOCUMENT = """
subscription ($ids: [ID!], $after: String) {
  diamondChanged(ids: $ids, after: $after) {
    cursor kind occurredAt diamondIds diamonds { id carat price { cents formatted } availability } hold { reason until }
  }
}
"""


class Options(msgspec.Struct, frozen=True):
    """How much is measured."""

    subscribers: Annotated[int, msgspec.Meta(ge=1, description="Subscribers, each with a socket.")] = 1000
    processes: Annotated[int, msgspec.Meta(ge=1, description="Processes of the API.")] = 2
    stones: Annotated[int, msgspec.Meta(ge=WATCHED, description="Stones that are watched.")] = 2000
    rate: Annotated[float, msgspec.Meta(gt=0, description="Events a second.")] = 100.0
    seconds: Annotated[float, msgspec.Meta(gt=0, description="How long events are written.")] = 30.0
    cut: Annotated[float, msgspec.Meta(ge=0, le=1, description="Share of the sockets that are cut off.")] = 0.1
    seed: Annotated[int, msgspec.Meta(description="The same seed cuts the same sockets.")] = 1


QUICK = Options(subscribers=100, processes=1, stones=200, rate=50.0, seconds=2.0)


class Ledger:
    """What was written: each event by its number, which stone it was about, and when its commit was known."""

    def __init__(self, stones: Sequence[UUID]) -> None:
        self.stones = stones
        self.committed: dict[int, float] = {}
        self.by_stone: defaultdict[UUID, set[int]] = defaultdict(set)

    def expected(self, ids: Sequence[UUID] | None) -> set[int]:
        if ids is None:
            return set(self.committed)
        return set().union(*(self.by_stone[stone] for stone in ids))


class Subscriber:
    """One subscriber with a socket of its own, which it loses now and then."""

    def __init__(self, urls: Sequence[str], key: str, ids: Sequence[UUID] | None, cursor: str) -> None:
        self.ids = ids
        self.seen: list[int] = []
        self.positions: list[int] = []
        self.seconds: list[float] = []
        self.cuts = 0
        self.refused: list[str] = []
        self.ready = asyncio.Event()
        self._arrived = asyncio.Event()
        self._urls = urls
        self._key = key
        self._cursor = cursor
        self._connection: ClientConnection | None = None
        self._live_since: float | None = None

    def cut(self) -> None:
        """Lose the socket, as when a train enters a tunnel."""
        if self._connection is not None:
            self.cuts += 1
            self._connection.transport.abort()

    async def complete(self, expected: set[int], seconds: float) -> None:
        """Wait until everything has come, up to a limit."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not expected.issubset(self.seen):
                    self._arrived.clear()
                    await self._arrived.wait()

    async def run(self, ledger: Ledger) -> None:
        while True:
            with suppress(ConnectionClosed, OSError, EOFError, TimeoutError):
                await self._follow(ledger)
            await asyncio.sleep(random.uniform(0.05, 0.5))

    async def _follow(self, ledger: Ledger) -> None:
        url = random.choice(self._urls)
        async with connect(
            url,
            subprotocols=[Subprotocol("graphql-transport-ws")],
            compression=None,
            ping_interval=None,
            open_timeout=30,
            close_timeout=1,
        ) as connection:
            await self._say(connection, {"type": "connection_init", "payload": {"apiKey": self._key}})
            await connection.recv()
            variables = {"ids": None if self.ids is None else [str(one) for one in self.ids], "after": self._cursor}
            payload = {"query": DOCUMENT, "variables": variables}
            message = {"id": "1", "type": "subscribe", "payload": payload}
            await self._say(connection, message)
            # Answered when what was asked for before has begun, or nearly so.
            await self._say(connection, {"id": "2", "type": "subscribe", "payload": {"query": "{ eventCursor }"}})
            self._connection = connection
            self._live_since = None
            async for text in connection:
                self._take(msgspec.json.decode(text), ledger)

    @staticmethod
    async def _say(connection: ClientConnection, message: object) -> None:
        await connection.send(msgspec.json.encode(message).decode())

    def _take(self, message: dict[str, object], ledger: Ledger) -> None:
        now = time.time()
        if message["id"] == "2":
            self._live_since = now
            self.ready.set()
            return
        if message["type"] != "next":
            self.refused.append(str(message["payload"]))
            return
        event = msgspec.convert(message, type=dict)["payload"]["data"]["diamondChanged"]
        self._cursor = event["cursor"]
        number = int(event["hold"]["reason"])
        self.seen.append(number)
        self.positions.append(cursors.decode(event["cursor"]).position)
        # An event may arrive before its writer has been told of the commit; what was missed is as late as one was away.
        committed = ledger.committed.get(number, now)
        if self._live_since and committed > self._live_since:
            self.seconds.append(max(0.0, now - committed))
        self._arrived.set()


async def write(database: Database, ledger: Ledger, numbers: Sequence[int], rate: float) -> None:
    """Commit events at a steady rate; what is late is made up for."""
    begun = time.monotonic()
    for turn, number in enumerate(numbers):
        await asyncio.sleep(max(0.0, begun + turn / rate - time.monotonic()))
        stone = random.choice(ledger.stones)
        event = NewEvent(EventKind.HOLD_EXTENDED, [stone], client_id=CLIENT, data={"reason": str(number)})
        ledger.by_stone[stone].add(number)
        async with database.transaction() as connection:
            await log.append(connection, event)
        ledger.committed[number] = time.time()


async def own_delays(delays: list[float]) -> None:
    """How much later this process wakes than it wanted: what of the figures is the measuring itself."""
    while True:
        wanted = time.monotonic() + 0.02
        await asyncio.sleep(0.02)
        delays.append(time.monotonic() - wanted)


async def cut_off(subscribers: Sequence[Subscriber], seconds: float) -> None:
    """Cut each of them off at a random moment."""
    begun = time.monotonic()
    for moment, subscriber in sorted(
        ((random.uniform(0, seconds), one) for one in subscribers), key=lambda pair: pair[0]
    ):
        await asyncio.sleep(max(0.0, begun + moment - time.monotonic()))
        subscriber.cut()


async def measure(wanted: Options, servers: Servers) -> Report:
    """Let them subscribe, write, cut and come back; then look what each has seen."""
    stones = [diamond_id("nivoda", f"stone-{number}") for number in range(wanted.stones)]
    ledger = Ledger(stones)
    site = await servers.site()
    async with Database.open(site.settings.database) as database:
        async with database.connection() as connection:
            await connection.execute(sql.plain_stones, stones, [f"stone-{number}" for number in range(len(stones))])
        key = await site.key(database)
        async with site.serving(wanted.processes) as served:
            subscribers, delays = await _watch(wanted, database, ledger, [each.address for each in served], key)
    return report(wanted, subscribers, ledger, delays)


async def _watch(
    wanted: Options, database: Database, ledger: Ledger, addresses: Sequence[str], key: str
) -> tuple[list[Subscriber], list[float]]:
    urls = [address.replace("http", "ws") + "/graphql" for address in addresses]
    async with httpx.AsyncClient(base_url=addresses[0], headers={"X-API-Key": key}) as client:
        body = (await client.post("/graphql", json={"query": "{ eventCursor }"})).json()
    cursor = body["data"]["eventCursor"]
    subscribers = [
        Subscriber(urls, key, None if number < WATCHING_ALL else random.sample(ledger.stones, WATCHED), cursor)
        for number in range(wanted.subscribers)
    ]
    following = []
    for start in range(0, len(subscribers), STARTED_AT_ONCE):
        some = subscribers[start : start + STARTED_AT_ONCE]
        following += [asyncio.create_task(one.run(ledger)) for one in some]
        await asyncio.gather(*(one.ready.wait() for one in some))
    delays: list[float] = []
    delaying = asyncio.create_task(own_delays(delays))
    total = round(wanted.rate * wanted.seconds)
    chosen = random.sample(subscribers, round(wanted.cut * len(subscribers)))
    async with asyncio.TaskGroup() as group:
        for writer in range(WRITERS):
            numbers = range(writer, total, WRITERS)
            group.create_task(write(database, ledger, numbers, wanted.rate / WRITERS))
        group.create_task(cut_off(chosen, wanted.seconds))
    await asyncio.gather(*(one.complete(ledger.expected(one.ids), PATIENCE_SECONDS) for one in subscribers))
    delaying.cancel()
    await asyncio.sleep(1)  # for what would come twice
    for task in following:
        task.cancel()
    await asyncio.gather(*following, return_exceptions=True)
    return subscribers, delays


def report(wanted: Options, subscribers: Sequence[Subscriber], ledger: Ledger, delays: Sequence[float]) -> Report:
    """What each has seen beside what it should have."""
    expected = [ledger.expected(one.ids) for one in subscribers]
    pairs = list(zip(subscribers, expected, strict=True))
    counts = {
        "lost": sum(len(wants - set(one.seen)) for one, wants in pairs),
        "doubled": sum(len(one.seen) - len(set(one.seen)) for one in subscribers),
        "not_asked_for": sum(len(set(one.seen) - wants) for one, wants in pairs),
        "out_of_order": sum(later <= earlier for one in subscribers for earlier, later in pairwise(one.positions)),
    }
    refused = sorted({text for one in subscribers for text in one.refused})[:5]
    delivered = sum(len(one.seen) for one in subscribers)
    seconds = [each for one in subscribers for each in one.seconds]
    return Report(
        figures=[
            Figure(
                name="from commit to delivery",
                unit="events/s",
                ours=Pace(delivered / wanted.seconds, *shares(seconds, (0.5, 0.99))),
                beside="all that were due; own delay",
                other=Pace(sum(map(len, expected)) / wanted.seconds, *shares(delays, (0.5, 0.99))),
            )
        ],
        wrong=[f"{count} {name}" for name, count in counts.items() if count] + refused,
        details={
            **counts,
            "events": len(ledger.committed),
            "cut_off": sum(one.cuts for one in subscribers),
            "delivered": delivered,
            "milliseconds_from_commit_to_delivery_max": shares(seconds, (1.0,))[0],
        },
    )
