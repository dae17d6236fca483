"""Account at Nivoda: its holds and delivery locations, selected in a login."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec

from inventory.core.logging import get_logger
from inventory.suppliers.nivoda.documents import SupplierOperation
from inventory.suppliers.nivoda.instants import InstantNotUnderstood, read_instant
from inventory.suppliers.ports import Destination, OwnHold

log = get_logger()

_NULL = msgspec.Raw(b"null")
_Id = Annotated[str, msgspec.Meta(min_length=1)]


class HeldStone(msgspec.Struct):
    id: _Id


class ListedHold(msgspec.Struct):
    """A hold of the account. `diamond`: null for another product."""

    id: _Id
    denied: bool | None = None
    until: msgspec.Raw = _NULL
    diamond: HeldStone | None = None


class Location(msgspec.Struct):
    """A delivery location. A location without an id cannot be used in an order; the other fields are informative."""

    id: str | None = None
    name: Any = None
    address1: Any = None
    address2: Any = None
    postal_code: Any = msgspec.field(name="postalCode", default=None)
    city: Any = None
    state: Any = None
    country: Any = None


class LocationRelation(msgspec.Struct):
    location: Location | None = None


class Company(msgspec.Struct):
    locations: list[Location | None] | None = None


class User(msgspec.Struct):
    """The account's user, with the fields that an operation selects."""

    holds: list[ListedHold | None] | None = None
    default_location: LocationRelation | None = None
    locations: list[LocationRelation | None] | None = None
    company: Company | None = None


class AccountSession(msgspec.Struct):
    user: User


class AccountLogin(msgspec.Struct):
    username_and_password: AccountSession


class AccountAuthenticated(msgspec.Struct):
    authenticate: AccountLogin


_LOGIN = """
    query Account($username: String!, $password: String!) {
      authenticate { username_and_password(username: $username, password: $password) { user { SELECTION } } }
    }
"""
_USER = "authenticate.username_and_password.user"
_LOCATION = "id name address1 address2 postalCode city state country"

OWN_HOLDS = SupplierOperation(
    "own_holds",
    _LOGIN.replace("SELECTION", "holds { id denied until diamond { id } }"),
    AccountAuthenticated,
    required=[f"{_USER}.holds.id", f"{_USER}.holds.diamond.id"],
    logs_in=True,
)

LOCATIONS = SupplierOperation(
    "locations",
    _LOGIN.replace(
        "SELECTION",
        f"default_location {{ location {{ {_LOCATION} }} }} locations {{ location {{ {_LOCATION} }} }}"
        f" company {{ locations {{ {_LOCATION} }} }}",
    ),
    AccountAuthenticated,
    logs_in=True,
)


def holds_of(answer: AccountAuthenticated) -> Sequence[OwnHold] | None:
    """Convert the account's holds. Returns None if the supplier does not list them."""
    listed = answer.authenticate.username_and_password.user.holds
    if listed is None:
        return None
    return [
        OwnHold(
            id=hold.id,
            stone_id=hold.diamond.id if hold.diamond else None,
            denied=hold.denied is True,
            until=end_of(hold.id, hold.until),
        )
        for hold in listed
        if hold is not None
    ]


def end_of(hold_id: str, until: msgspec.Raw) -> datetime | None:
    """Parse the expiry of a hold. Returns None if the supplier does not name it, or not in a known form."""
    try:
        return read_instant(until)
    except InstantNotUnderstood as error:
        log.warning("hold_end_not_understood", supplier_hold_id=hold_id, until=bytes(until)[:100], error=str(error))
        return None


def destinations_of(answer: AccountAuthenticated) -> Sequence[Destination] | None:
    """Convert the account's locations without duplicates, the default first. Returns None if the supplier lists none."""
    user = answer.authenticate.username_and_password.user
    default = user.default_location.location if user.default_location else None
    found = {location.id: location for location in _locations(user) if location.id}
    if not found:
        return None
    chosen = default.id if default else None
    return [_destination(key, one, default=key == chosen) for key, one in found.items()]


def _locations(user: User) -> Iterator[Location]:
    for relation in (user.default_location, *(user.locations or ())):
        if relation is not None and relation.location is not None:
            yield relation.location
    for location in (user.company.locations if user.company else None) or ():
        if location is not None:
            yield location


def _destination(key: str, location: Location, *, default: bool) -> Destination:
    lines = (_text(location.address1), _text(location.address2))
    return Destination(
        id=key,
        name=_text(location.name) or "",
        address=tuple(line for line in lines if line),
        postal_code=_text(location.postal_code),
        city=_text(location.city),
        state=_text(location.state),
        country=_text(location.country),
        default=default,
    )


def _text(value: object) -> str | None:
    """Convert an informative value to text."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value).strip() or None
