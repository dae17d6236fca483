"""Two feeds at once, of pages and of files: under kills and changes both equal their sources, and neither stops the other."""

import asyncio
import csv
import random
import time
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox import price_list
from tests.faults.drift import drifting
from tests.faults.fork_server import Child
from tests.faults.options import Options
from tests.faults.processes import ROLES
from tests.faults.site import FEED, Hung, Site, open_site
from tests.faults.snapshot import against_supplier, snapshot

pytestmark = [pytest.mark.faults, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]

FILES = price_list.FEED
STONES, KILLS, ROUNDS = 900, 12, 2
_SECONDS = 240.0


class Deliveries:
    """Price lists of the second feed, each with other prices and other stones."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        self.settings = {"FEEDS": f"{FEED},{FILES}", **self.deliver()}

    def deliver(self) -> dict[str, str]:
        """Replace the price list."""
        for file in self._folder.glob("*"):
            file.unlink()
        if self._folder.exists():
            self._folder.rmdir()
        self._number += 1
        return price_list.deliver(self._folder, STONES - self._number, seed=self._number)

    def damage(self) -> None:
        """Replace the price list by a refusal, as suppliers send it."""
        (file,) = self._folder.glob("*.csv")
        file.write_text("<error>Too many requests</error>\n", "utf-8")

    @property
    def prices(self) -> dict[str, int]:
        """The price in cents of each stone of the list, by stock number."""
        (file,) = self._folder.glob("*.csv")
        with file.open(encoding="utf-8", newline="") as opened:
            rows = csv.DictReader(opened, delimiter="\t")
            return {row["vendor_sku"]: int(Decimal(row["cost"]) * 100) for row in rows}


@pytest.fixture(scope="module")
def deliveries(tmp_path_factory: pytest.TempPathFactory) -> Deliveries:
    return Deliveries(tmp_path_factory.mktemp("files") / "list")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(deliveries: Deliveries) -> AsyncIterator[Site]:
    # A new list has other report numbers, so its stones replace the ones before.
    settings = {**deliveries.settings, "FEED_CSV_MAX_DELETE_SHARE": "1"}
    async with open_site(Options(stones=1200, settings=settings)) as opened:
        yield opened


class FeedRuns:
    """Starts runs of a feed until one has completed, as cron does."""

    def __init__(self, site: Site, feed: str, *arguments: str) -> None:
        self._site = site
        self.feed = feed
        self._arguments = arguments
        self._scheduler: Child | None = None
        self._before: object = None
        self.done = False

    @property
    def name(self) -> str:
        return f"scheduler-{self.feed}"

    async def tend(self) -> None:
        """Start the next run if the last one has ended without success."""
        run = await self._site.newest(self.feed)
        if self._scheduler is None:
            self._before = run and run.id
        elif run is not None and run.id != self._before and run.status == "completed":
            self.done = True
            return
        elif self._scheduler.running or (run is not None and run.is_open):
            return
        self._scheduler = self._site.scheduler("--feed", self.feed, *self._arguments, name=self.name)

    async def kill(self) -> bool:
        """Kill the scheduler. False if it does not run."""
        if self._scheduler is None or self.done:
            return False
        return await self._site.processes.kill(self._scheduler, self.name, "at a random time")


async def complete(site: Site, *runs: FeedRuns, kills: int = 0, seed: int = 1) -> int:
    """Run feeds concurrently until each has completed a run, and kill processes meanwhile. Returns the number of kills."""
    chance, killed, until = random.Random(seed), 0, time.monotonic() + _SECONDS
    next_kill = time.monotonic() + 1
    while not all(run.done for run in runs):
        if time.monotonic() > until:
            states = {run.feed: await site.newest(run.feed) for run in runs}
            raise Hung(str({feed: state and (state.status, state.error_message) for feed, state in states.items()}))
        site.processes.tend()
        for run in runs:
            if not run.done:
                await run.tend()
        if killed < kills and time.monotonic() > next_kill:
            next_kill = time.monotonic() + chance.uniform(0.2, 1.5)
            role = chance.choice((*ROLES, "scheduler"))
            if role == "scheduler":
                killed += await chance.choice(runs).kill()
            else:
                killed += await site.processes.kill(site.processes[role], role, "at a random time")
        await asyncio.sleep(0.05)
    return killed


async def prices_of_files(site: Site) -> Mapping[str, int]:
    rows = await site.fetch(
        "SELECT split_part(supplier_stone_id, '#', 1) AS stock, supplier_price_cents FROM diamonds "
        "WHERE supplier = $1 AND status = 'active'",
        FILES,
    )
    found = {row["stock"]: row["supplier_price_cents"] for row in rows}
    assert len(found) == len(rows)
    return found


async def test_two_feeds_equal_their_sources_after_kills(site: Site, deliveries: Deliveries) -> None:
    await site.reset()
    killed = 0
    for number in range(ROUNDS):
        deliveries.deliver()
        runs = (FeedRuns(site, FEED, "--full"), FeedRuns(site, FILES))
        killed += await complete(site, *runs, kills=KILLS // ROUNDS, seed=number)
        assert not against_supplier(await snapshot(site), await site.truth(), ())
        assert await prices_of_files(site) == deliveries.prices
    assert killed > 0
    assert site.processes.surprises == []
    twice = "SELECT count(*) FROM (SELECT FROM consumed_files GROUP BY feed, digest HAVING count(*) > 1) AS found"
    assert await site.value(twice) == 0
    assert await site.value("SELECT count(*) FROM consumed_files WHERE feed = $1", FILES) == ROUNDS


async def test_price_lists_are_synced_while_other_feed_drifts(site: Site, deliveries: Deliveries) -> None:
    await site.reset()
    drift = asyncio.create_task(drifting(site, per_second=10, seed=1))
    synced = 0
    while not drift.done() or not synced:
        deliveries.deliver()
        await complete(site, FeedRuns(site, FILES))
        assert await prices_of_files(site) == deliveries.prices
        synced += 1
    assert await drift == []


async def test_damaged_price_list_stops_no_other_feed(site: Site, deliveries: Deliveries) -> None:
    await site.reset()
    await complete(site, FeedRuns(site, FEED, "--full"), FeedRuns(site, FILES))
    before = await prices_of_files(site)
    deliveries.damage()
    code, _, said = await site.command("schedule", "--feed", FILES)
    run = await site.newest(FILES)
    assert (code, run and run.status, run and run.error_code) == (1, "failed", "FEED_DAMAGED"), said
    await complete(site, FeedRuns(site, FEED, "--full"))
    assert await prices_of_files(site) == before
    assert [row["feed"] for row in await site.fetch("SELECT feed FROM alerts")] == [FILES]
