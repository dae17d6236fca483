"""Money: integer minor units, their display forms, and amounts in display currencies."""

from datetime import datetime
from typing import Annotated

import strawberry

from app.graphql.context import Info
from app.graphql.permissions import field
from app.graphql.scalars import Cents
from inventory.pricing.exchange_rates import convert


@strawberry.type(description="An amount in a display currency, for information. Charges are in US dollars.")
class Presentment:
    currency: str = strawberry.field(description="The currency, ISO 4217.")
    amount: str = strawberry.field(description="The amount with the decimals of the currency, such as `1234.50`.")
    rate: str = strawberry.field(description="Units of the currency for one US dollar.")
    rate_at: datetime = strawberry.field(description="When an operator set the rate.")


@strawberry.type(description="An amount of money, without tax.")
class Money:
    cents: Cents = strawberry.field(description="The amount in US cents, exact.")

    @field(description="The currency, ISO 4217. Always `USD`.")
    def currency(self) -> str:
        return "USD"

    @field(description="The amount in dollars with two decimals, such as `1234.50`.")
    def amount(self) -> str:
        return f"{self.cents // 100}.{self.cents % 100:02d}"

    @field(description="The amount as Americans write it, such as `$1,234.50`.")
    def formatted(self) -> str:
        return f"${self.cents // 100:,}.{self.cents % 100:02d}"

    @field(
        description="The amount in a display currency; null if operators have set no rate for it. See `exchangeRates`."
    )
    async def presentment(
        self,
        info: Info,
        currency: Annotated[str, strawberry.argument(description="The currency, ISO 4217, such as `EUR`.")],
    ) -> Presentment | None:
        rate = (await info.context.services.exchange_rates.all_rates()).get(currency)
        if rate is None:
            return None
        return Presentment(
            currency=currency, amount=convert(self.cents, rate), rate=f"{rate.rate.normalize():f}", rate_at=rate.rate_at
        )


def money(cents: int) -> Money:
    """An amount of US cents, not negative."""
    return Money(cents=Cents(cents))
