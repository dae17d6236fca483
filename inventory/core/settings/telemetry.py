"""Settings of metrics and traces."""

from typing import Annotated

from inventory.core.settings.addresses import HttpUrl
from inventory.core.settings.section import ServerSection, setting


class TelemetrySettings(ServerSection, title="Telemetry"):
    """Metrics for Prometheus, and traces by OTLP. Both are off when not set."""

    metrics_port: Annotated[
        int | None,
        setting(
            "Port on which a process serves its metrics to Prometheus; when not set, none. Processes on one machine need "
            "different ports.",
            example="9464",
            ge=0,
            le=65_535,
        ),
    ] = None
    metrics_host: Annotated[str, setting("Address on which the metrics are served.")] = "0.0.0.0"
    otlp_endpoint: Annotated[
        HttpUrl | None,
        setting("Collector of traces, by OTLP over HTTP; when not set, none.", example="http://localhost:4318"),
    ] = None
    otlp_headers: Annotated[
        str, setting("Headers of the collector, as name=value, separated by commas.", example="api-key=secret")
    ] = ""
    trace_share: Annotated[
        float, setting("Share of the API's requests that are traced; runs always are.", ge=0, le=1)
    ] = 1.0

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the collector by name."""
        pairs = [pair.partition("=") for pair in self.otlp_headers.split(",") if pair.strip()]
        return {name.strip(): value.strip() for name, _, value in pairs}
