"""The API: where it listens, and how much it bears."""

from ipaddress import ip_network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel

from inventory.core.sections.field import setting


def _are_networks(value: str) -> str:
    for part in _listed(value):
        try:
            ip_network(part)
        except ValueError:
            raise ValueError("should be IP addresses or networks, separated by commas") from None
    return value


def _are_origins(value: str) -> str:
    for origin in _listed(value):
        parts = urlsplit(origin)
        if parts.scheme not in {"http", "https"} or not parts.hostname or origin != f"{parts.scheme}://{parts.netloc}":
            raise ValueError("should be origins such as https://example.com, separated by commas")
    return value


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


class ApiSettings(BaseModel):
    """Settings of the API."""

    host: Annotated[str, setting("API", "Address that the API listens on.")] = "0.0.0.0"
    port: Annotated[int, setting("API", "Port that the API listens on.", ge=1, le=65535)] = 3000

    max_body_bytes: Annotated[int, setting("API", "Largest body of a request.", ge=1024, le=16_777_216)] = 262_144

    graphql_max_cost: Annotated[
        int, setting("API", "What one GraphQL operation may cost at most.", ge=10, le=10**9)
    ] = 5_000
    graphql_budget: Annotated[int, setting("API", "What a key may spend at once on GraphQL.", ge=10, le=10**12)] = (
        200_000
    )
    graphql_restore_rate: Annotated[
        int, setting("API", "What a key gets back each second of what it has spent on GraphQL.", ge=1, le=10**12)
    ] = 20_000
    graphql_timeout_seconds: Annotated[
        float, setting("API", "Longest time that one GraphQL operation may take.", gt=0, le=300)
    ] = 30.0
    graphql_registered_only: Annotated[
        bool, setting("API", "Execute only documents that were registered with `python -m app documents register`.")
    ] = False
    keep_alive_seconds: Annotated[
        int, setting("API", "How long a connection may stay open without a request.", ge=1, le=600)
    ] = 65
    request_seconds: Annotated[
        float, setting("API", "How long a client may take to send a request's body.", gt=0, le=600)
    ] = 30.0
    max_connections: Annotated[
        int,
        setting(
            "API",
            "Most connections for requests in one process. Beyond it the one that waits longest for its client is closed.",
            ge=1,
            le=1_000_000,
        ),
    ] = 2000
    shutdown_delay_seconds: Annotated[
        float,
        setting(
            "API",
            "How long requests are still accepted after SIGTERM, until no new ones are routed to the process.",
            ge=0,
            le=60,
        ),
    ] = 5.0
    trusted_proxies: Annotated[
        str,
        AfterValidator(_are_networks),
        setting(
            "API",
            "Addresses or networks of the proxies in front, separated by commas; they say which client is behind them.",
            example="10.0.0.0/8",
        ),
    ] = ""
    cors_origins: Annotated[
        str,
        AfterValidator(_are_origins),
        setting(
            "API", "Origins whose pages may call, separated by commas; none otherwise.", example="https://example.com"
        ),
    ] = ""

    shop_url: Annotated[
        str,
        setting(
            "API",
            "Where /shop leads in development: the back end of a shop in front of this API; nowhere otherwise.",
            example="http://127.0.0.1:3001",
        ),
    ] = ""

    @property
    def proxies(self) -> list[str]:
        """Addresses and networks of the proxies that are believed."""
        return _listed(self.trusted_proxies)

    @property
    def origins(self) -> list[str]:
        """Origins whose pages may call."""
        return _listed(self.cors_origins)
