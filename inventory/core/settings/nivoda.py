"""Settings of Nivoda: the account, the request rate, timeouts and retries."""

from typing import Annotated, Literal

from inventory.core.settings.addresses import HttpUrl
from inventory.core.settings.section import ServerSection, setting
from inventory.core.settings.values import SecretStr


class NivodaSettings(ServerSection, title="Supplier", prefix="NIVODA_"):
    """Settings of Nivoda."""

    endpoint: Annotated[
        HttpUrl | None,
        setting("GraphQL endpoint of Nivoda.", example="https://integrations.nivoda.net/api/diamonds"),
    ] = None
    username: Annotated[str | None, setting("Account at Nivoda.", example="me@example.com")] = None
    password: Annotated[SecretStr | None, setting("Its password.", example="...")] = None
    requests_per_second: Annotated[
        float,
        setting(
            "Requests per second of all processes together. The supplier publishes no limit; the default is a cautious "
            "assumption. Raise it once the account's limit is known.",
            ge=0.01,
            le=1000,
        ),
    ] = 10.0
    burst: Annotated[int, setting("Requests that may be sent at once after an idle time.", ge=1, le=10_000)] = 10
    partition_dimension: Annotated[
        Literal["dollar_value", "dollar_per_carat"],
        setting(
            "Filter that divides the feed into partitions: whole dollars of the price, or of the price per carat.",
        ),
    ] = "dollar_value"
    timeout_seconds: Annotated[float, setting("Timeout of one request.", gt=0, le=600)] = 30.0
    tries: Annotated[int, setting("Attempts of one request before it fails.", ge=1, le=20)] = 5
    backoff_seconds: Annotated[
        float, setting("Wait before the second attempt; it doubles with each attempt.", gt=0, le=60)
    ] = 2.0
