"""Settings of the API: address, limits and timeouts."""

from ipaddress import ip_network
from typing import Annotated
from urllib.parse import urlsplit

from inventory.core.settings.section import SettingsSection, setting
from inventory.core.settings.values import Checked
from inventory.core.tls import Tls


def _are_networks(value: str, _tls: Tls) -> str:
    for part in _listed(value):
        try:
            ip_network(part)
        except ValueError:
            raise ValueError("should be IP addresses or networks, separated by commas") from None
    return value


def _are_origins(value: str, _tls: Tls) -> str:
    for origin in _listed(value):
        parts = urlsplit(origin)
        if parts.scheme not in {"http", "https"} or not parts.hostname or origin != f"{parts.scheme}://{parts.netloc}":
            raise ValueError("should be origins such as https://example.com, separated by commas")
    return value


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


class ApiSettings(SettingsSection, title="API"):
    """Settings of the API."""

    host: Annotated[str, setting("Address that the API listens on.")] = "0.0.0.0"
    port: Annotated[int, setting("Port that the API listens on.", ge=1, le=65535)] = 3000

    search_index: Annotated[
        bool,
        setting("Keep an index of all diamonds in memory (about 100 bytes each) for searches, totals and facets."),
    ] = True
    data_version_seconds: Annotated[
        float,
        setting(
            "How long a REST response may be based on a version of the data that was read before; a notification of an event, and a "
            "write in the same process, end it earlier. 0: each request reads the version.",
            ge=0,
            le=1,
        ),
    ] = 0.1
    max_body_bytes: Annotated[int, setting("Largest body of a request.", ge=1024, le=16_777_216)] = 262_144
    keep_alive_seconds: Annotated[int, setting("Idle timeout of a connection without a request.", ge=1, le=600)] = 65
    request_seconds: Annotated[float, setting("Timeout for receiving the body of a request.", gt=0, le=600)] = 30.0
    max_connections: Annotated[
        int,
        setting(
            "Most connections for requests in one process. Beyond it, the connection that has waited longest for its client is closed.",
            ge=1,
            le=1_000_000,
        ),
    ] = 2000
    shutdown_delay_seconds: Annotated[
        float,
        setting(
            "Time after SIGTERM in which requests are still accepted, until the load balancer has removed the process.",
            ge=0,
            le=60,
        ),
    ] = 5.0
    trusted_proxies: Annotated[
        str,
        Checked(_are_networks),
        setting(
            "Addresses or networks of the reverse proxies whose X-Forwarded-For is trusted, separated by commas.",
            example="10.0.0.0/8",
        ),
    ] = ""
    cors_origins: Annotated[
        str,
        Checked(_are_origins),
        setting("Allowed CORS origins, separated by commas; when not set, none.", example="https://example.com"),
    ] = ""

    shop_url: Annotated[
        str,
        setting(
            "Where /shop leads in development: the back end of a shop in front of this API; nowhere otherwise.",
            example="http://127.0.0.1:3001",
        ),
    ] = ""

    @property
    def proxies(self) -> list[str]:
        """Addresses and networks of the trusted proxies."""
        return _listed(self.trusted_proxies)

    @property
    def origins(self) -> list[str]:
        """Allowed CORS origins."""
        return _listed(self.cors_origins)
