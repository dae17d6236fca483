"""Metrics of the pipeline and of the API, as Prometheus reads them."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import msgspec
import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from inventory.core.settings import Settings
from inventory.core.telemetry import state
from inventory.core.telemetry.metrics import Metrics
from inventory.core.telemetry.metrics_server import enable_metrics
from sandbox.broker import Broker as Bus
from sync.container import Container
from sync.telemetry.run_metrics import NAMES
from sync.telemetry.serving import pipeline_metrics
from tests.integration.pipeline.conftest import RunDriver
from tests.integration.pipeline.fake_feed import FakeFeed

Values = dict[tuple[str, str], float]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.with_values(metrics_port=0, metrics_host="127.0.0.1")


@pytest_asyncio.fixture
async def _metrics(settings: Settings) -> AsyncIterator[None]:
    enable_metrics(settings.telemetry)
    yield
    state.metrics = None


WATERMARK = "diamond_watermark_timestamp_seconds"


async def scrape(port: int | None) -> Values:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as response:
        text = await response.text()
    return {
        (sample.name, next((value for label, value in sample.labels.items() if label != "feed"), "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.usefixtures("_metrics")
async def test_runs_are_measured_from_database(
    pipeline: Container, driver: RunDriver, feed: FakeFeed, bus: Bus
) -> None:
    async with pipeline_metrics(pipeline, runs=True) as port:
        before = await scrape(port)
        # The watermark of a feed has no value before its first run.
        assert {name for name, _ in before} >= {*NAMES} - {WATERMARK}
        assert (before["diamond_run_open", ""], before["diamond_run_last_completed_timestamp_seconds", ""]) == (0, 0)
        assert before["diamond_collector_failed", ""] == 0
        feed.put(*range(30))
        run = await driver.sync()
        open_run = await driver.open()
        after = await scrape(port)
    assert run.completed_at is not None
    assert after["diamond_run_last_completed_timestamp_seconds", ""] == pytest.approx(run.completed_at.timestamp())
    assert after["diamond_run_open", ""] == 1
    assert after["diamond_run_last_started_timestamp_seconds", ""] == pytest.approx(open_run.started_at.timestamp())
    assert after["diamond_stones", "written"] == 30
    assert after["diamond_partitions", "pending"] == 1
    assert after[WATERMARK, ""] == pytest.approx(run.window_to.timestamp())
    assert after["diamond_supplier_calls_total", "5xx"] == 0


@pytest.mark.usefixtures("_metrics")
async def test_metrics_of_runs_name_feed(pipeline: Container, bus: Bus) -> None:
    both = msgspec.structs.replace(
        pipeline,
        settings=pipeline.settings.with_values(
            feeds="nivoda,acme", feed_acme_kind="csv", feed_acme_source="/", feed_acme_map="/m"
        ),
        others={"acme": pipeline},
    )
    async with (
        pipeline_metrics(both, runs=True) as port,
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/metrics") as response,
    ):
        families = {family.name: family for family in text_string_to_metric_families(await response.text())}
    feeds = {name: {one.labels.get("feed") for one in family.samples} for name, family in families.items()}
    assert feeds["diamond_run_open"] == feeds["diamond_partitions"] == {"nivoda", "acme"}
    # No run of a feed of files is due at a time.
    assert feeds["diamond_run_due_timestamp_seconds"] == {"nivoda"}
    assert feeds["diamond_alerts_waiting"] == {None}


@pytest.mark.usefixtures("_metrics", "ignore_unclosed_sockets")
async def test_server_that_is_away_leaves_other_metrics(pipeline: Container, bus: Bus) -> None:
    async def away() -> None:
        raise OSError

    pipeline.watermarks.read = away  # type: ignore[method-assign]
    async with pipeline_metrics(pipeline, runs=True) as port:
        found = await scrape(port)
    assert found["diamond_collector_failed", ""] == 1
    assert found["diamond_run_open", ""] == 0


async def test_without_port_nothing_is_served(pipeline: Container) -> None:
    off = Container(
        pipeline.settings.with_values(metrics_port=None), pipeline.database, pipeline.feed, pipeline.broker,
        pipeline.watermarks, pipeline.outbox, pipeline.dead_letters,
    )  # fmt: skip
    enable_metrics(off.settings.telemetry)
    assert state.metrics is None
    async with pipeline_metrics(off, runs=True) as port:
        assert port is None
    await asyncio.sleep(0)


def test_operations_have_no_ids_and_limited_number() -> None:
    metrics = Metrics()
    for number in range(200):
        metrics.request("GET", f"/api/v2/diamonds/7e{number}", 200, 0.1)
    metrics.request("POST", "/graphql", 200, 0.1)
    for word in range(200):
        metrics.request("GET", "/" + "abcdefghij"[word % 10] * (word // 10 + 1), 404, 0.1)
    operations = {
        sample.labels["operation"] for family in metrics.registry.collect() for sample in family.samples
        if "operation" in sample.labels
    }  # fmt: skip
    assert {"GET /api/v2/diamonds/{id}", "POST /graphql", "other"} <= operations
    assert len(operations) <= 101
