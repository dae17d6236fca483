"""Figures of holds and purchases since an instant."""

from datetime import datetime, timedelta
from typing import Annotated

import strawberry

from app.auth.scopes import Scope
from app.graphql.context import Info
from app.graphql.money import Money, money
from app.graphql.permissions import field
from app.graphql.trading_arguments import AllClients, read_client
from inventory.analytics import repository
from inventory.core.clock import utc_now
from inventory.core.errors import ValidationFailed

_argument = strawberry.argument

# Bounds the number of rows that are counted.
_LONGEST = timedelta(days=31)


@strawberry.type(description="Figures of holds and purchases.")
class TradingFigures:
    holds: int = strawberry.field(description="Requested holds.")
    sales: int = strawberry.field(description="Purchases that the supplier accepted and did not decline.")
    sales_total: Money = strawberry.field(description="Their total price.")


@strawberry.type
class TradingFigureQueries:
    """Field of `Query` for figures of trading."""

    @field(
        description="Holds and purchases requested since an instant, at most 31 days ago: those of the caller, or of all clients.",
        scope=Scope.PURCHASES_WRITE,
    )
    async def trading_figures(
        self,
        info: Info,
        since: Annotated[datetime, _argument(description="The instant.")],
        all_clients: AllClients = False,
    ) -> TradingFigures | None:
        if since.tzinfo is None or not timedelta(0) <= utc_now() - since <= _LONGEST:
            raise ValidationFailed({"since": f"should be within the last {_LONGEST.days} days"})
        client_id = read_client(info, None, all_clients=all_clients)
        async with info.context.services.database.bounded() as connection:
            figures = await repository.trading_since(connection, since, client_id)
        return TradingFigures(holds=figures.holds, sales=figures.sales, sales_total=money(figures.sales_cents))
