"""Traces: a run is one trace from the scheduler to the consolidator, and a request of the API is one with its SQL."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from app.auth.scopes import Scope
from inventory.core.database import Database
from inventory.core.settings import Settings
from inventory.core.telemetry import state
from inventory.core.telemetry.spans import enable_traces, span
from inventory.suppliers.limiter import LocalRateLimiter
from inventory.suppliers.nivoda.client import NivodaClient
from inventory.suppliers.nivoda.feed import NivodaFeed
from inventory.suppliers.ports import StoneQuery
from sync.container import Container
from sync.scheduler.planning import RunRequest
from sync.worker.worker import Worker
from tests.contract.nivoda import account
from tests.contract.published_supplier import published_item, published_supplier
from tests.integration.pipeline.fake_feed import FakeFeed
from tests.integration.sync.operators import caller, pipeline, settings

__all__ = ["pipeline", "settings"]  # fixtures

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture(autouse=True)
def exporter() -> Iterator[InMemorySpanExporter]:
    """Traces into memory. It comes before the database is opened: connections look for it when they are made."""
    memory = InMemorySpanExporter()
    enable_traces(Settings.read().telemetry, "test", memory)
    yield memory
    state.tracer = None


def ids(found: ReadableSpan) -> tuple[str, str, str | None]:
    context = found.get_span_context()
    assert context is not None
    parent = f"{found.parent.span_id:016x}" if found.parent else None
    return f"{context.trace_id:032x}", f"{context.span_id:016x}", parent


def named(spans: Sequence[ReadableSpan], name: str) -> list[ReadableSpan]:
    return [one for one in spans if one.name == name]


async def test_run_is_one_trace_from_scheduler_to_consolidator(
    exporter: InMemorySpanExporter, pipeline: Container, feed: FakeFeed
) -> None:
    feed.put(*range(30))
    run, _ = await pipeline.scheduler().schedule(RunRequest(full=True))
    stop = asyncio.Event()
    worker = Worker(pipeline.settings.sync, pipeline.database, feed, pipeline.outbox, worker_id="a test", stop=stop)
    for queue, handle in (("work-items", worker.handle), ("consolidate", pipeline.consolidator().handle)):
        assert await pipeline.consumer(queue, handle, slots=1, stop=stop).drain(wait_seconds=0.5)
    spans = exporter.get_finished_spans()
    (root,) = named(spans, "schedule run")
    trace_id, root_id, no_parent = ids(root)
    assert (trace_id, no_parent) == (run.trace_id, None)
    for name, kind in (("read partition", SpanKind.CONSUMER), ("consolidate run", SpanKind.CONSUMER)):
        (found,) = named(spans, name)
        assert ids(found)[0] == run.trace_id
        assert ids(found)[2] == root_id
        assert found.kind is kind
    of_run = [one for one in spans if ids(one)[0] == run.trace_id]
    assert {ids(one)[2] for one in of_run} - {None} <= {ids(one)[1] for one in of_run}
    sent = [
        one.attributes["messaging.destination.name"]
        for one in of_run
        if one.kind is SpanKind.PRODUCER
        if one.attributes
    ]
    assert sent == ["work-items", "consolidate", "work-done"]
    statements = [one for one in of_run if one.attributes and one.attributes.get("db.system.name") == "postgresql"]
    assert {one.name for one in statements} >= {"SELECT", "UPDATE", "INSERT", "WITH", "BEGIN"}
    assert all(one.name.isalpha() for one in statements)
    assert root.attributes is not None
    assert root.attributes["diamond.run.id"] == str(run.id)


async def test_request_is_trace_of_its_caller_with_its_statements(
    exporter: InMemorySpanExporter, settings: Settings, database: Database
) -> None:
    async with caller(settings, database, Scope.SYNC_READ) as ask:
        exporter.clear()
        await ask("{ syncRuns { totalCount } }")
    spans = exporter.get_finished_spans()
    (request,) = [one for one in spans if one.kind is SpanKind.SERVER]
    assert request.attributes is not None
    assert (request.name, request.attributes["http.response.status_code"]) == ("POST", 200)
    below = [one for one in spans if one.parent and one.parent.span_id == int(ids(request)[1], 16)]
    assert any("run_metadata" in str((one.attributes or {}).get("db.query.text")) for one in below)


async def test_call_of_supplier_is_below_work_that_needs_it(exporter: InMemorySpanExporter) -> None:
    async with published_supplier([published_item(1)]) as supplier:
        known = account(supplier.endpoint, nivoda_requests_per_second=1000, nivoda_tries=1)
        async with NivodaClient.open(known.nivoda, LocalRateLimiter(1000, 10)) as client:
            with span("read partition", "consumer", run=TRACE):
                await NivodaFeed(client).count(StoneQuery())
    spans = exporter.get_finished_spans()
    calls = [one for one in spans if one.name.startswith("supplier ")]
    assert calls
    assert {ids(one)[0] for one in calls} == {TRACE}
    assert {(one.attributes or {})["http.response.status_code"] for one in calls} == {200}


def test_without_collector_no_library_of_telemetry_is_imported() -> None:
    program = (
        "import sys, app.cli, app.main, sync.cli.main; from inventory.core.settings import Settings;"
        "from inventory.core.telemetry.spans import enable_traces, span; enable_traces(Settings.read().telemetry, 'api');"
        "exec('with span(\"x\") as found: assert found is None');"
        "print([name for name in sys.modules if name.startswith(('opentelemetry', 'prometheus_client'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "[]"
