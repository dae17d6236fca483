"""Shoppers of the shop: which holds and purchases are whose.

The API knows one client, the shop; so the shop has to keep its shoppers apart. This example remembers them in memory. A real
shop keeps them in its database.
"""

from collections import OrderedDict
from typing import Any

Json = dict[str, Any]

_MAX = 10_000


class Shoppers:
    """The owners of holds, and the purchases of each shopper. The oldest are forgotten beyond 10,000."""

    def __init__(self) -> None:
        self._owners: OrderedDict[str, str] = OrderedDict()
        self._purchases: OrderedDict[str, list[Json]] = OrderedDict()

    def took(self, shopper: str, hold_id: str) -> None:
        """Note whose a hold is. The first owner stays its owner."""
        self._owners.setdefault(hold_id, shopper)
        if len(self._owners) > _MAX:
            self._owners.popitem(last=False)

    def owns(self, shopper: str, hold_id: str | None) -> bool:
        return hold_id is not None and self._owners.get(hold_id) == shopper

    def holds(self, shopper: str) -> list[str]:
        """The ids of a shopper's holds, the newest first."""
        return [hold_id for hold_id, owner in reversed(self._owners.items()) if owner == shopper]

    def bought(self, shopper: str, purchase: Json, diamond: Json) -> None:
        """Note a purchase with the diamond as it was bought: it stays complete after the diamond has left the feed."""
        mine = self._purchases.setdefault(shopper, [])
        if all(known["id"] != purchase["id"] for known in mine):
            mine.insert(0, {**purchase, "diamond": diamond})
        if len(self._purchases) > _MAX:
            self._purchases.popitem(last=False)

    def purchases(self, shopper: str) -> list[Json]:
        return self._purchases.get(shopper, [])

    def shown_to(self, shopper: str, value: Any) -> Any:
        """A value of the API as a shopper may see it: holds say whether they are the shopper's, and whose they are to no one else."""
        if isinstance(value, list):
            return [self.shown_to(shopper, part) for part in value]
        if not isinstance(value, dict):
            return value
        if "ownId" in value:
            mine = self.owns(shopper, value["ownId"])
            return {"until": value["until"], "mine": mine, "id": value["ownId"] if mine else None}
        return {name: self.shown_to(shopper, part) for name, part in value.items()}
