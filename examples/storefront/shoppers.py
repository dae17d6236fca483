"""References of shoppers. The API has one client, the shop, and separates its shoppers by the reference in each request."""

import hashlib
from typing import Any

_LENGTH = 20


def reference_of(shopper: str) -> str:
    """Derive the reference of a shopper by a hash, because the cookie is a secret and the supplier reads the reference."""
    return f"shop-{hashlib.sha256(shopper.encode()).hexdigest()[:_LENGTH]}"


def visible_to(reference: str, value: Any) -> Any:
    """Filter a value of the API for a shopper: a hold contains `mine`, and its id only if it is the shopper's.

    Events and diamonds are read once for all shoppers, without a reference, so they contain the holds of all shoppers.
    """
    if isinstance(value, list):
        return [visible_to(reference, part) for part in value]
    if not isinstance(value, dict):
        return value
    if "ownId" in value:
        mine = value["reference"] == reference
        return {"until": value["until"], "mine": mine, "id": value["ownId"] if mine else None}
    return {name: visible_to(reference, part) for name, part in value.items()}
