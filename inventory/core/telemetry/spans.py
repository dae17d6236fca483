"""Traces by OpenTelemetry: off unless OTLP_ENDPOINT is set, and then without any import of its libraries.

The trace of a run has the run's `trace_id`, which the run's row and its messages carry. So scheduler, workers and consolidator
add to one trace without a further field in the messages. Its first span, that of the scheduler, has an id that follows from the
trace id, and is the parent of the others.
"""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal

from inventory.core.settings.telemetry import TelemetrySettings
from inventory.core.telemetry import state

if TYPE_CHECKING:
    import asyncpg
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span

Kind = Literal["internal", "server", "client", "producer", "consumer"]

_MAX_QUERY_LENGTH = 500
_TRACE_ID_DIGITS = 32
# The first word of a statement after its comments.
_OPERATION = re.compile(r"(?:\s|--[^\n]*\n)*([A-Za-z]+)")
# The ids of the next root span, where they are given.
_root_ids: ContextVar[tuple[int, int] | None] = ContextVar("root_ids", default=None)


def enable_traces(settings: TelemetrySettings, role: str, exporter: "SpanExporter | None" = None) -> None:
    """Trace from now on, if OTLP_ENDPOINT is set or an exporter is given. Spans are sent in the background."""
    if state.tracer is not None or (settings.otlp_endpoint is None and exporter is None):
        return
    state.tracer = _provider(settings, role, exporter).get_tracer("diamond-inventory")


def _provider(settings: TelemetrySettings, role: str, exporter: "SpanExporter | None") -> "TracerProvider":
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - imported only where traces are on
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator  # noqa: PLC0415
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased  # noqa: PLC0415

    class RunIds(RandomIdGenerator):
        """Random ids, except for the first span of a trace whose id is known before."""

        def generate_trace_id(self) -> int:
            given = _root_ids.get()
            return given[0] if given else super().generate_trace_id()

        def generate_span_id(self) -> int:
            given = _root_ids.get()
            return given[1] if given else super().generate_span_id()

    provider = TracerProvider(
        resource=Resource.create({"service.name": "diamond-inventory", "service.instance.role": role}),
        # Runs are few and always traced: their spans have a sampled parent, or the ratio does not apply to them.
        sampler=ParentBased(TraceIdRatioBased(settings.trace_share if role == "api" else 1.0)),
        id_generator=RunIds(),
    )
    if exporter is not None:
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    else:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

        endpoint = f"{(settings.otlp_endpoint or '').rstrip('/')}/v1/traces"
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, headers=settings.headers)))
    return provider


@contextmanager
def span(
    name: str, kind: Kind = "internal", attributes: Mapping[str, Any] | None = None, *, run: str | None = None
) -> "Iterator[Span | None]":
    """Record a span for the length of a `with`; yields None while traces are off.

    `run`: trace id of a run. The span is added to the trace of the run, below its first span.
    """
    if state.tracer is None:
        yield None
        return
    from opentelemetry.trace import SpanKind  # noqa: PLC0415

    with state.tracer.start_as_current_span(
        name, context=_below(run) if run else None, kind=SpanKind[kind.upper()], attributes=attributes
    ) as current:
        yield current


@contextmanager
def first_span_of_run(name: str, trace_id: str, attributes: Mapping[str, Any]) -> "Iterator[Span | None]":
    """Record the first span of a run, whose trace has this id."""
    if state.tracer is None:
        yield None
        return
    from opentelemetry.context import Context  # noqa: PLC0415

    given = _root_ids.set((int(trace_id, 16), _root_id(trace_id)))
    try:
        started = state.tracer.start_span(name, context=Context(), attributes=attributes)
    finally:
        _root_ids.reset(given)
    from opentelemetry.trace import use_span  # noqa: PLC0415

    with use_span(started, end_on_exit=True):
        yield started


def log_queries(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Record each statement of a connection as a span, below the span that executes it."""
    if state.tracer is not None:
        connection.add_query_logger(_record_query)


def _record_query(query: Any) -> None:
    from opentelemetry.trace import SpanKind, Status, StatusCode, get_current_span  # noqa: PLC0415

    # Statements outside a trace, such as those of idle loops, would each be a trace of one span.
    if state.tracer is None or not get_current_span().get_span_context().is_valid:
        return
    end = time.time_ns()
    text: str = query.query
    found_operation = _OPERATION.match(text)
    operation = found_operation[1].upper() if found_operation else "QUERY"
    # The text has no values: these are parameters.
    attributes = {
        "db.system.name": "postgresql",
        "db.operation.name": operation,
        "db.query.text": text[:_MAX_QUERY_LENGTH],
    }
    found = state.tracer.start_span(
        operation, kind=SpanKind.CLIENT, attributes=attributes, start_time=end - int(query.elapsed * 1e9)
    )
    if query.exception is not None:
        found.set_status(Status(StatusCode.ERROR))
        found.set_attribute("error.type", type(query.exception).__name__)
    found.end(end)


def _below(trace_id: str) -> Any:
    """The context below the first span of a run. A trace id of another form begins a trace of its own."""
    from opentelemetry.context import Context  # noqa: PLC0415
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context  # noqa: PLC0415

    if len(trace_id) != _TRACE_ID_DIGITS or not trace_id.isalnum() or not int(trace_id, 16):
        return Context()
    parent = SpanContext(
        int(trace_id, 16), _root_id(trace_id), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)
    )
    return set_span_in_context(NonRecordingSpan(parent), Context())


def _root_id(trace_id: str) -> int:
    """The id of a run's first span: the second half of the trace id, which is random."""
    return int(trace_id[_TRACE_ID_DIGITS // 2 :], 16) or 1


@contextmanager
def request_span(method: str, trace_id: str, traceparent: str | None) -> "Iterator[Span | None]":
    """Record a request of the API in the trace that its caller named, or in a trace with this id."""
    if state.tracer is None:
        yield None
        return
    from opentelemetry.context import Context  # noqa: PLC0415
    from opentelemetry.trace import SpanKind  # noqa: PLC0415
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    given = None
    context = TraceContextTextMapPropagator().extract({"traceparent": traceparent or ""}, Context())
    if not context:
        given = _root_ids.set((int(trace_id, 16), _root_id(trace_id)))
    try:
        started = state.tracer.start_span(method, context=context, kind=SpanKind.SERVER)
    finally:
        if given is not None:
            _root_ids.reset(given)
    from opentelemetry.trace import use_span  # noqa: PLC0415

    with use_span(started, end_on_exit=True):
        yield started
