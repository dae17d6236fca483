"""Ownership of holds: the client, and below it the reference, with which a shop tells its shoppers apart. Pure."""

import msgspec

from inventory.core.texts import MAX_WORD_LENGTH, Text, check
from inventory.trading.models import Hold


class Holder(msgspec.Struct, frozen=True):
    """The client of a request and the reference that the request states.

    A request that states a reference acts for that reference only. A request without one acts for the client as a whole.
    """

    client_id: str
    reference: str | None = None

    def holds(self, hold: Hold) -> bool:
        """Whether a new request for the same diamond returns this hold."""
        return hold.client_id == self.client_id and hold.reference == self.reference

    def may_buy_under(self, hold: Hold) -> bool:
        """Whether a purchase may use the hold. A hold without a reference serves every purchase of its client."""
        return hold.client_id == self.client_id and hold.reference in {None, self.reference}

    def may_see(self, hold: Hold) -> bool:
        """Whether the request may read, extend and release the hold."""
        return hold.client_id == self.client_id and self.reference in {None, hold.reference}


def check_reference(reference: str | None) -> None:
    """Validate a reference. A blank one is an error: it would act for the client as a whole.

    Raises:
        ValidationFailed: the reference is blank, too long or not storable.
    """
    if reference is not None:
        check({"reference": Text(reference, MAX_WORD_LENGTH)})
