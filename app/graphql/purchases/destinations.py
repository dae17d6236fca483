"""Destinations of orders as the schema shows them."""

import strawberry

from inventory.suppliers.ports import Destination as Row


@strawberry.type(description="A location to which an order can go.")
class Destination:
    id: strawberry.ID = strawberry.field(description="Its id at the supplier: the `destinationId` of a purchase.")
    name: str = strawberry.field(description="Its name in the supplier's account.")
    address: list[str] = strawberry.field(description="The lines of its address, without the city.")
    postal_code: str | None = strawberry.field(description="Its postal code.")
    city: str | None = strawberry.field(description="Its city.")
    state: str | None = strawberry.field(description="Its state or region.")
    country: str | None = strawberry.field(description="Its country.")
    is_default: bool = strawberry.field(description="Whether it is the account's default.")


def destination_to_graphql(row: Row) -> Destination:
    """A destination as the schema shows it."""
    return Destination(
        id=strawberry.ID(row.id),
        name=row.name,
        address=list(row.address),
        postal_code=row.postal_code,
        city=row.city,
        state=row.state,
        country=row.country,
        is_default=row.default,
    )
