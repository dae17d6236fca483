"""Locations of accounts: delivery destinations of orders."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from sandbox.supplier.completion import Refused

Location = dict[str, Any]

_MAX = 100
_FIRST: tuple[Location, ...] = (
    {"id": "shop", "name": "Shop", "address1": "1 Hatton Garden", "postalCode": "EC1N 8AA", "city": "London", "country": "GB"},
    {"id": "workshop", "name": "Workshop", "address1": "Pelikaanstraat 62", "city": "Antwerp", "country": "BE"},
)  # fmt: skip


class Locations:
    """Locations by account. The first location is the default. A new account has two."""

    def __init__(self) -> None:
        self._of: dict[str, dict[str, Location]] = {}

    def of(self, account: str) -> list[Location]:
        return list(self._known(account).values())

    def exists(self, account: str, identity: str) -> bool:
        return identity in self._known(account)

    def create(self, account: str, fields: Mapping[str, Any]) -> Location:
        """Add a location.

        Raises:
            Refused: the account already has 100 locations.
        """
        known = self._known(account)
        if len(known) >= _MAX:
            raise Refused(f"An account can have at most {_MAX} locations")
        location = {"id": str(uuid4()), **fields}
        known[location["id"]] = location
        return location

    def update(self, account: str, identity: str, fields: Mapping[str, Any]) -> Location:
        """Change a location.

        Raises:
            Refused: the account has no such location.
        """
        known = self._known(account)
        if identity not in known:
            raise Refused("Location not found")
        known[identity] |= fields
        return known[identity]

    def delete(self, account: str, identity: str) -> bool:
        return self._known(account).pop(identity, None) is not None

    def _known(self, account: str) -> dict[str, Location]:
        return self._of.setdefault(account, {location["id"]: dict(location) for location in _FIRST})
