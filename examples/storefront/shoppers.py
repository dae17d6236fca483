"""Shoppers of the shop. The API knows one client, the shop, and separates its shoppers by the reference that each request states."""

import hashlib
from typing import Any

_LENGTH = 20


def reference_of(shopper: str) -> str:
    """The reference of a shopper. The cookie is a secret, and the supplier reads the reference."""
    return f"shop-{hashlib.sha256(shopper.encode()).hexdigest()[:_LENGTH]}"


def shown_to(reference: str, value: Any) -> Any:
    """A value of the API as a shopper may see it: a hold says whether it is the shopper's, and names no other shopper.

    Events and diamonds are read once for all shoppers, without a reference, so they show the holds of the whole shop.
    """
    if isinstance(value, list):
        return [shown_to(reference, part) for part in value]
    if not isinstance(value, dict):
        return value
    if "ownId" in value:
        mine = value["reference"] == reference
        return {"until": value["until"], "mine": mine, "id": value["ownId"] if mine else None}
    return {name: shown_to(reference, part) for name, part in value.items()}
