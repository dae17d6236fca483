"""GraphQL type of a destination."""

import strawberry

from inventory.suppliers.ports import Destination as Row


@strawberry.type(description="Destination of orders: a location of the supplier account.")
class Destination:
    id: strawberry.ID = strawberry.field(description="Id at the supplier: the `destinationId` of a purchase.")
    name: str = strawberry.field(description="Name in the supplier account.")
    address: list[str] = strawberry.field(description="Lines of the address, without the city.")
    postal_code: str | None = strawberry.field(description="Postal code.")
    city: str | None = strawberry.field(description="City.")
    state: str | None = strawberry.field(description="State or region.")
    country: str | None = strawberry.field(description="Country.")
    is_default: bool = strawberry.field(description="Whether it is the default of the account.")


def destination_to_graphql(row: Row) -> Destination:
    """Convert a destination."""
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
