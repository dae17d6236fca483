"""Settings of the supplier: the account, the request rate, timeouts and retries."""

from typing import Annotated, Literal

from pydantic import BaseModel, SecretStr

from inventory.core.settings.addresses import HttpUrl
from inventory.core.settings.field import setting


class SupplierSettings(BaseModel):
    """Settings of Nivoda."""

    nivoda_endpoint: Annotated[
        HttpUrl | None,
        setting("Supplier", "GraphQL endpoint of Nivoda.", example="https://integrations.nivoda.net/api/diamonds"),
    ] = None
    nivoda_username: Annotated[str | None, setting("Supplier", "Account at Nivoda.", example="me@example.com")] = None
    nivoda_password: Annotated[SecretStr | None, setting("Supplier", "Its password.", example="...")] = None
    nivoda_requests_per_second: Annotated[
        float,
        setting(
            "Supplier",
            "Requests per second of all processes together. The supplier publishes no limit; the default is a cautious "
            "assumption. Raise it once the account's limit is known.",
            ge=0.01,
            le=1000,
        ),
    ] = 10.0
    nivoda_burst: Annotated[
        int, setting("Supplier", "Requests that may be sent at once after an idle time.", ge=1, le=10_000)
    ] = 10
    nivoda_partition_dimension: Annotated[
        Literal["dollar_value", "dollar_per_carat"],
        setting(
            "Supplier",
            "Filter that divides the feed into partitions: whole dollars of the price, or of the price per carat.",
        ),
    ] = "dollar_value"
    nivoda_timeout_seconds: Annotated[float, setting("Supplier", "Timeout of one request.", gt=0, le=600)] = 30.0
    nivoda_tries: Annotated[int, setting("Supplier", "Attempts of one request before it fails.", ge=1, le=20)] = 5
    nivoda_backoff_seconds: Annotated[
        float, setting("Supplier", "Wait before the second attempt; it doubles with each attempt.", gt=0, le=60)
    ] = 2.0
