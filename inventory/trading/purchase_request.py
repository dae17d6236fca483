"""Purchase request of a client, over REST or GraphQL."""

import hashlib
from uuid import UUID

import msgspec

from inventory.core.texts import MAX_TEXT_LENGTH, MAX_WORD_LENGTH, Text, check


class PurchaseRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A purchase request. Requests with equal fields are identical. `expected_price_cents`: the price that the client saw.

    `reference`: the shopper or the order of the client. A purchase uses a hold only if the hold has the same reference or none.
    """

    diamond_id: UUID
    destination_id: str
    reference: str | None = None
    comments: str | None = None
    return_option: bool | None = None
    expected_price_cents: int | None = None

    @property
    def hash(self) -> bytes:
        """SHA-256 of the request, compared if an idempotency key is used again."""
        return hashlib.sha256(msgspec.json.encode(self)).digest()

    def check(self) -> None:
        """Validate the texts.

        Raises:
            ValidationFailed: a text is invalid; one entry for each such field.
        """
        check(
            {
                "destination_id": Text(self.destination_id, MAX_WORD_LENGTH),
                "reference": Text(self.reference, MAX_WORD_LENGTH, optional=self.reference is None),
                "comments": Text(self.comments, MAX_TEXT_LENGTH, optional=True),
            }
        )
