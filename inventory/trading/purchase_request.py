"""The request to buy a stone, as a client sends it over REST or GraphQL."""

import hashlib
from uuid import UUID

import msgspec

from inventory.trading.texts import LONGEST_TEXT, LONGEST_WORD, Text, check


class PurchaseRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a client asks for. Two requests are the same if all of this is. `expected_price_cents`: what it was shown."""

    diamond_id: UUID
    destination_id: str
    reference: str | None = None
    comments: str | None = None
    return_option: bool | None = None
    expected_price_cents: int | None = None

    @property
    def hash(self) -> bytes:
        """SHA-256 of the request: what an idempotency key stands for."""
        return hashlib.sha256(msgspec.json.encode(self)).digest()

    def check(self) -> None:
        """Check the texts.

        Raises:
            ValidationFailed: one entry for each field that is wrong.
        """
        check(
            {
                "destination_id": Text(self.destination_id, LONGEST_WORD),
                "reference": Text(self.reference, LONGEST_WORD, optional=True),
                "comments": Text(self.comments, LONGEST_TEXT, optional=True),
            }
        )
