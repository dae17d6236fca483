"""Metrics of a process for Prometheus: every name stands here, and nothing is counted unless METRICS_PORT is set.

Labels have few values: a run or a client is never one. Units are seconds and bytes.
"""

import re
from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# Values of a label beyond this number are counted together.
_MAX_OPERATIONS = 100
_OTHER = "other"
_VARIABLE = re.compile(r"/[^/]*[0-9][^/]*(?=/|$)")
_VERSION = re.compile(r"/v[0-9]+(?=/|$)")

_REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SUPPLIER_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

SUPPLIER_OUTCOMES = ("2xx", "4xx", "429", "5xx", "timeout", "unreached")


class Metrics:
    """The metrics of a process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._operations: set[str] = set()
        self._requests = Histogram(
            "diamond_request_duration_seconds",
            "Duration of API requests.",
            ("operation", "status"),
            buckets=_REQUEST_SECONDS,
            registry=self.registry,
        )
        self._supplier_calls = Counter(
            "diamond_supplier_calls_total", "Calls of the supplier.", ("outcome",), registry=self.registry
        )
        self._supplier_seconds = Histogram(
            "diamond_supplier_call_duration_seconds",
            "Duration of calls of the supplier.",
            buckets=_SUPPLIER_SECONDS,
            registry=self.registry,
        )
        self._supplier_wait = Counter(
            "diamond_supplier_wait_seconds_total",
            "Time for which calls waited for the shared rate limit.",
            registry=self.registry,
        )
        for outcome in SUPPLIER_OUTCOMES:  # every counter starts at zero
            self._supplier_calls.labels(outcome)

    def request(self, method: str, path: str, status: int, seconds: float) -> None:
        """Observe a request of the API."""
        self._requests.labels(self._operation(f"{method} {path}"), str(status)).observe(seconds)

    def supplier_call(self, outcome: str, seconds: float) -> None:
        """Observe a call of the supplier."""
        self._supplier_calls.labels(outcome).inc()
        self._supplier_seconds.observe(seconds)

    def supplier_wait(self, seconds: float) -> None:
        """Add the time for which a call waited for the rate limit."""
        self._supplier_wait.inc(seconds)

    def gauge(self, name: str, description: str, value: Callable[[], float | None]) -> None:
        """Add a gauge whose value is read at each scrape; -1 stands for no value."""
        found = Gauge(name, description, registry=self.registry)

        def read() -> float:
            present = value()
            return -1.0 if present is None else present

        found.set_function(read)

    def gauges(self, names: Mapping[str, str], labels: Mapping[str, tuple[str, ...]]) -> Mapping[str, Gauge]:
        """Add gauges that a collector sets before each scrape. `names`: description by name; `labels`: label names by name."""
        return {
            name: Gauge(name, description, labels.get(name, ()), registry=self.registry)
            for name, description in names.items()
        }

    def _operation(self, text: str) -> str:
        """Reduce a method and path to an operation: ids become `{id}`, and the number of operations is limited."""
        version = _VERSION.search(text)
        head, tail = (text[: version.end()], text[version.end() :]) if version else ("", text)
        operation = head + _VARIABLE.sub("/{id}", tail)
        if operation in self._operations:
            return operation
        if len(self._operations) >= _MAX_OPERATIONS:
            return _OTHER
        self._operations.add(operation)
        return operation
