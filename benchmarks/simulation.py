"""Discrete-event simulation of a full run: feeds with rate limits, workers, one Postgres, consolidators.

python -m benchmarks.simulation [--stones N --feeds N --workers N --cores N ...]

It finds the first bottleneck when the feed grows. Service times are inputs; their defaults are earlier measurements
(docs/explanation/performance.md). Queues, waits and utilizations are simulated. Each page waits for the rate limit of its
feed, the supplier, a worker and a core of Postgres. Then each feed is consolidated in batches.
"""

import argparse
import heapq
import sys
from collections import deque
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.figures import percentiles_ms

_MIB = 1_048_576


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters of the simulation. Times are in seconds."""

    stones: Annotated[int, msgspec.Meta(description="Total stones of all feeds.")] = 450_000
    feeds: Annotated[int, msgspec.Meta(description="Feeds, each with its rate limit.")] = 1
    workers: Annotated[int, msgspec.Meta(description="Worker processes.")] = 30
    slots: Annotated[int, msgspec.Meta(description="Partitions that a worker reads concurrently.")] = 4
    cores: Annotated[int, msgspec.Meta(description="Cores of Postgres.")] = 4
    consolidators: Annotated[int, msgspec.Meta(description="Feeds that are consolidated concurrently.")] = 1
    calls_per_second: Annotated[float, msgspec.Meta(description="Rate limit of a feed, in calls per second.")] = 25.0
    answer_seconds: Annotated[float, msgspec.Meta(description="Response time of the supplier (s).")] = 0.4
    worker_seconds: Annotated[float, msgspec.Meta(description="CPU time of a worker per stone (s).")] = 116e-6
    staging_seconds: Annotated[float, msgspec.Meta(description="CPU time of Postgres to stage a stone (s).")] = 87e-6
    upsert_seconds: Annotated[float, msgspec.Meta(description="CPU time of Postgres to consolidate a stone (s).")] = (
        44e-6
    )
    index_bytes: Annotated[float, msgspec.Meta(description="Bytes of the search index per stone.")] = 89.0
    search_seconds: Annotated[float, msgspec.Meta(description="CPU time of a search per stone of the index (s).")] = (
        6.2e-9
    )


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a run. `*_use`: utilization of a resource from 0 to 1; waits in milliseconds."""

    read_minutes: float
    consolidate_minutes: float
    rate_limit_use: float
    worker_use: float
    postgres_use: float
    postgres_wait_p99_ms: float
    connections: int
    index_mib: float
    search_ms: float

    @property
    def first_limit(self) -> str:
        """The resource with the highest utilization, which determines the duration of reading."""
        uses = {"rate limit": self.rate_limit_use, "workers": self.worker_use, "Postgres": self.postgres_use}
        return max(uses, key=uses.__getitem__)


class _Servers:
    """Identical servers with a shared queue."""

    def __init__(self, clock: "_Clock", count: int) -> None:
        self._clock = clock
        self._free = count
        self._queue: deque[tuple[float, float, Callable[[], None]]] = deque()
        self.busy_seconds = 0.0
        self.waits: list[float] = []

    def serve(self, seconds: float, done: Callable[[], None]) -> None:
        """Serve a request for `seconds`, as soon as a server is free."""
        if self._free:
            self._begin(0.0, seconds, done)
        else:
            self._queue.append((self._clock.now, seconds, done))

    def _begin(self, waited: float, seconds: float, done: Callable[[], None]) -> None:
        self._free -= 1
        self.busy_seconds += seconds
        self.waits.append(waited)
        self._clock.after(seconds, lambda: self._end(done))

    def _end(self, done: Callable[[], None]) -> None:
        self._free += 1
        if self._queue:
            since, seconds, following = self._queue.popleft()
            self._begin(self._clock.now - since, seconds, following)
        done()


class _Clock:
    """Simulated time with its pending events."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = 0

    def after(self, seconds: float, work: Callable[[], None]) -> None:
        """Schedule an event. Events at the same time keep their order."""
        self._numbers += 1
        heapq.heappush(self._events, (self.now + seconds, self._numbers, work))

    def run(self) -> None:
        """Process events until none is left."""
        while self._events:
            self.now, _, work = heapq.heappop(self._events)
            work()


class _Run:
    """A full run. All feeds are read concurrently; each feed is consolidated after its last page."""

    _PAGE = 50
    _BATCH = 5_000

    def __init__(self, model: Model) -> None:
        self._model = model
        self._clock = _Clock()
        self._slots = model.workers * model.slots
        self._workers = _Servers(self._clock, model.workers)
        self._postgres = _Servers(self._clock, model.cores)
        self._stones = model.stones // model.feeds
        self._pages = -(-self._stones // self._PAGE)
        self._unread = [self._pages] * model.feeds
        self._unstaged = [self._pages] * model.feeds
        self._next_call = [0.0] * model.feeds
        self._waiting: deque[int] = deque()
        self._consolidating = 0
        self._read_at = 0.0

    def outcome(self) -> Outcome:
        """Simulate the run."""
        model = self._model
        for turn in range(self._slots):
            self._call(turn % model.feeds)
        self._clock.run()
        read, calls = self._read_at, self._pages / model.calls_per_second
        return Outcome(
            read_minutes=read / 60,
            consolidate_minutes=(self._clock.now - read) / 60,
            rate_limit_use=min(1.0, calls / read),
            worker_use=self._workers.busy_seconds / read / model.workers,
            postgres_use=self._staged_seconds() / read / model.cores,
            postgres_wait_p99_ms=percentiles_ms(self._postgres.waits, (0.99,))[0],
            connections=self._slots + model.consolidators,
            index_mib=model.stones * model.index_bytes / _MIB,
            search_ms=model.stones * model.search_seconds * 1000,
        )

    def _staged_seconds(self) -> float:
        return self._model.feeds * self._pages * self._PAGE * self._model.staging_seconds

    def _call(self, feed: int) -> None:
        """Request the next page of a slot: of its feed, or of another feed with unread pages."""
        model = self._model
        order = (feed, *range(feed), *range(feed + 1, model.feeds))
        feed = next((one for one in order if self._unread[one]), -1)
        if feed < 0:
            return
        self._unread[feed] -= 1
        start_time = max(self._clock.now, self._next_call[feed])
        self._next_call[feed] = start_time + 1 / model.calls_per_second
        seconds = start_time - self._clock.now + model.answer_seconds
        self._clock.after(seconds, lambda: self._workers.serve(self._PAGE * model.worker_seconds, staged))

        def staged() -> None:
            self._postgres.serve(self._PAGE * model.staging_seconds, lambda: self._done(feed))

    def _done(self, feed: int) -> None:
        self._unstaged[feed] -= 1
        self._read_at = self._clock.now
        if not self._unstaged[feed]:
            self._waiting.append(feed)
            self._consolidate()
        self._call(feed)

    def _consolidate(self) -> None:
        while self._waiting and self._consolidating < self._model.consolidators:
            self._waiting.popleft()
            self._consolidating += 1
            self._batch(self._stones)

    def _batch(self, left: int) -> None:
        if left <= 0:
            self._consolidating -= 1
            self._consolidate()
            return
        size = min(left, self._BATCH)
        self._postgres.serve(size * self._model.upsert_seconds, lambda: self._batch(left - size))


def simulate(model: Model) -> Outcome:
    """Simulate a full run."""
    return _Run(model).outcome()


# Scenarios of docs/explanation/performance.md.
SCENARIOS: Sequence[tuple[str, Model]] = (
    ("50,000 stones", Model(stones=50_000)),
    ("450,000 stones", Model()),
    ("2,000,000 stones", Model(stones=2_000_000)),
    ("20,000,000 stones, 10 feeds, 300 workers", Model(stones=20_000_000, feeds=10, workers=300, consolidators=1)),
    (
        "the same, 16 cores, 10 consolidators",
        Model(stones=20_000_000, feeds=10, workers=300, cores=16, consolidators=10),
    ),
    (
        "the same, and ten times the calls",
        Model(stones=20_000_000, feeds=10, workers=300, cores=16, consolidators=10, calls_per_second=250),
    ),
)


def main(arguments: Sequence[str]) -> None:
    """Print the outcome of the scenarios, or of the model in the flags."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulation", description=__doc__)
    for field in msgspec.structs.fields(Model):
        kind, meta = field.type.__origin__, field.type.__metadata__[0]
        parser.add_argument(
            f"--{field.name.replace('_', '-')}", type=kind, help=f"{meta.description} ({field.default})"
        )
    given: dict[str, Any] = {
        name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None
    }
    scenarios = [("as given", Model(**given))] if given else SCENARIOS
    Console(width=180).print(_table([(name, simulate(model)) for name, model in scenarios]))


def _table(outcomes: Sequence[tuple[str, Outcome]]) -> Table:
    table = Table("scenario", "read", "consolidate", "rate limit", "workers", "Postgres", "wait p99", "connections",
                  "index", "search", "first limit")  # fmt: skip
    for name, found in outcomes:
        table.add_row(
            name,
            f"{found.read_minutes:.1f} min",
            f"{found.consolidate_minutes:.1f} min",
            f"{found.rate_limit_use:.0%}",
            f"{found.worker_use:.0%}",
            f"{found.postgres_use:.0%}",
            f"{found.postgres_wait_p99_ms:.0f} ms",
            f"{found.connections:,}",
            f"{found.index_mib:,.0f} MiB",
            f"{found.search_ms:.1f} ms",
            found.first_limit,
        )
    return table


if __name__ == "__main__":
    main(sys.argv[1:])
