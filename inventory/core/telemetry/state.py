"""The metrics and the tracer of this process; None while they are off."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

    from inventory.core.telemetry.metrics import Metrics

metrics: "Metrics | None" = None
tracer: "Tracer | None" = None
