"""Money: integer minor units first, and the two forms that people want to read."""

import strawberry

from app.graphql.permissions import field
from app.graphql.scalars import Cents


@strawberry.type(description="An amount of money.")
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


def money(cents: int) -> Money:
    """An amount of US cents, not negative."""
    return Money(cents=Cents(cents))
