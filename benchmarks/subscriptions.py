"""Subscribers under load: whether each gets everything once and in order, and how long that takes from the commit on.

    python benchmarks/subscriptions.py --subscribers 1000 --seconds 60 --json subscriptions.json

Starts a Postgres, a Valkey and some processes of the API of its own, with stones that are watched by ten each (and ten
subscribers that watch everything). Four writers commit holds; some of the sockets are cut off without a word at random
moments and come back to any of the processes with their last cursor. The exit code is 1 where anything was lost, came
twice or out of order.
"""

import argparse
import asyncio
import contextlib
import random
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import httpx
import msgspec
import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from app.access.issuing import Issuing
from app.access.scopes import Scope
from app.catalog.stone import diamond_id
from app.core.database import Database
from app.core.migrate import upgrade
from app.core.settings import Settings
from app.events import cursors, log
from app.events.models import EventKind, NewEvent
from sandbox.stack.ports import free_ports
from sandbox.stack.postgres import Postgres
from sandbox.stack.process import Process
from sandbox.stack.scratch import scratch_directory
from sandbox.stack.valkey import Valkey

CLIENT = "bench"
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
STONES = """
INSERT INTO diamonds (
    id, supplier, supplier_stone_id, shape, carat_milli, lab_grown, supplier_price_cents, price_per_carat_cents,
    availability, measurements, attributes, retail_price_cents, markup_ratio, status, source_hash, source_updated_at,
    created_at, updated_at
)
SELECT id, 'nivoda', supplier_stone_id, 'ROUND', 1010, false, 100000, 99010, 'available', '{}', '{}', 115000, 1.15, 'active',
    '', now(), now(), now()
FROM unnest($1::uuid[], $2::text[]) AS stone (id, supplier_stone_id)
"""


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
        """Wait until everything has come, but not for ever."""
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


@asynccontextmanager
async def installation(processes: int, stones: Sequence[UUID]) -> AsyncIterator[tuple[Settings, list[str], str]]:
    """The settings, the addresses of the API's processes, and a key."""
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(scratch_directory())
        postgres, valkey = Postgres(directory, durable=True), Valkey(directory)
        for server in (postgres, valkey):
            await server.start()
            stack.push_async_callback(server.stop)
        url = await postgres.create_database("bench")
        await upgrade(url)
        environment = {"DATABASE_URL": url, "REDIS_URL": valkey.url(), "HOST": "127.0.0.1", "LOG_LEVEL": "WARNING"}
        settings = Settings.read(database_url=url, redis_url=valkey.url())
        async with Database.open(settings) as database, database.connection() as connection:
            await connection.execute(STONES, stones, [f"stone-{number}" for number in range(len(stones))])
            key = (await Issuing(database).create(CLIENT, CLIENT, [Scope.DIAMONDS_READ])).key.text
        addresses = []
        for number, port in enumerate(free_ports(processes)):
            command = (sys.executable, "-m", "app", "serve", "--port", str(port))
            source = Path(__file__).parents[1]
            api = Process(
                f"api-{number}", command, log=directory / f"api-{number}.log", environment=environment, directory=source
            )
            api.start()
            stack.push_async_callback(api.stop)
            addresses.append(f"http://127.0.0.1:{port}")
            await api.ready(partial(answers, addresses[-1]), timeout_seconds=30)
        yield settings, addresses, key


async def answers(address: str) -> bool:
    async with httpx.AsyncClient(base_url=address) as client:
        with suppress(httpx.HTTPError):
            return (await client.get("/ready")).status_code == 200
    return False


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


async def measure(wanted: argparse.Namespace) -> dict[str, object]:
    stones = [diamond_id("nivoda", f"stone-{number}") for number in range(wanted.stones)]
    ledger = Ledger(stones)
    async with (
        installation(wanted.processes, stones) as (settings, addresses, key),
        Database.open(settings) as database,
    ):
        urls = [address.replace("http", "ws") + "/graphql" for address in addresses]
        async with httpx.AsyncClient(base_url=addresses[0], headers={"X-API-Key": key}) as client:
            body = (await client.post("/graphql", json={"query": "{ eventCursor }"})).json()
        cursor = body["data"]["eventCursor"]
        subscribers = [
            Subscriber(urls, key, None if number < WATCHING_ALL else random.sample(stones, WATCHED), cursor)
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
    return report(wanted, subscribers, ledger, delays)


def report(
    wanted: argparse.Namespace, subscribers: Sequence[Subscriber], ledger: Ledger, delays: Sequence[float]
) -> dict[str, object]:
    expected = [ledger.expected(one.ids) for one in subscribers]
    return {
        "subscribers": len(subscribers),
        "processes": wanted.processes,
        "events": len(ledger.committed),
        "events_per_second": wanted.rate,
        "cut_off": sum(one.cuts for one in subscribers),
        "delivered": sum(len(one.seen) for one in subscribers),
        "lost": sum(len(wants - set(one.seen)) for one, wants in zip(subscribers, expected, strict=True)),
        "doubled": sum(len(one.seen) - len(set(one.seen)) for one in subscribers),
        "not_asked_for": sum(len(set(one.seen) - wants) for one, wants in zip(subscribers, expected, strict=True)),
        "out_of_order": sum(later <= earlier for one in subscribers for earlier, later in pairwise(one.positions)),
        "refused": sorted({text for one in subscribers for text in one.refused})[:5],
        "milliseconds_from_commit_to_delivery": shares([each for one in subscribers for each in one.seconds]),
        "milliseconds_of_own_delay": shares(delays),
    }


def shares(seconds: Sequence[float]) -> dict[str, float]:
    """Milliseconds."""
    ordered = sorted(seconds) or [0.0]
    return {
        name: round(1000 * ordered[min(len(ordered) - 1, int(len(ordered) * share))], 1)
        for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0))
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, kind, default in (
        ("subscribers", int, 1000), ("processes", int, 2), ("stones", int, 2000), ("rate", float, 100.0),
        ("seconds", float, 60.0), ("cut", float, 0.1), ("seed", int, 1),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=kind, default=default)
    parser.add_argument("--json", type=Path, default=None, help="Where to write the figures, too.")
    wanted = parser.parse_args()
    random.seed(wanted.seed)
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        figures = runner.run(measure(wanted))
        text = msgspec.json.format(msgspec.json.encode(figures), indent=2).decode()
        print(text)
        if wanted.json:
            wanted.json.write_text(f"{text}\n")
        wrong = ("lost", "doubled", "not_asked_for", "out_of_order", "refused")
        sys.exit(1 if any(figures[name] for name in wrong) else 0)


if __name__ == "__main__":
    main()
