"""Lookup of the account's holds at the supplier: on a supplier item, and in the account's list of holds."""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from inventory.core.clock import Clock, utc_now
from inventory.core.errors import SupplierError, SupplierUnavailable
from inventory.core.logging import get_logger
from inventory.suppliers.ports import OwnHold, SupplierHold, SupplierTrading

log = get_logger()

# The settlement job looks up a request later than this after its call has ended, so the list is never older than the call.
_CACHE_SECONDS = 5.0
# Possible delay of the supplier's clock.
_TOLERANCE = timedelta(minutes=1)


class SupplierHolds:
    """Finds the account's holds. The list is cached for some seconds."""

    def __init__(
        self, supplier: SupplierTrading, *, clock: Clock = utc_now, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._supplier = supplier
        self._clock = clock
        self._monotonic = monotonic
        self._list: Sequence[OwnHold] | None = None
        self._read_at: float | None = None

    async def of_stone(self, supplier_stone_id: str) -> list[SupplierHold]:
        """Find the account's open holds of a supplier item. The hold that the item shows comes first.

        Raises:
            SupplierUnavailable: the supplier does not answer.
            SupplierError: the item cannot be read, or the supplier shows no holds at all.
        """
        status = await self._supplier.item_status(supplier_stone_id)
        shown = status.hold_id if status else None
        try:
            listed = await self.listed()
        except SupplierUnavailable:
            if shown is None:
                raise
            listed = ()  # only the expiry of the shown hold is unknown then
        if listed is None:
            if status is not None and not status.shows_holds:
                raise SupplierError("The supplier shows this account's holds neither on stones nor in a list")
            listed = ()
        ends = {hold.id: hold.until for hold in listed if hold.stone_id == supplier_stone_id and self._is_open(hold)}
        if shown is None:
            return [SupplierHold(hold_id, until) for hold_id, until in ends.items()]
        others = [SupplierHold(hold_id, until) for hold_id, until in ends.items() if hold_id != shown]
        return [SupplierHold(shown, ends.get(shown)), *others]

    async def listed(self) -> Sequence[OwnHold] | None:
        """Read the account's list of holds. Returns None if the supplier has no list, or one in an unknown form.

        Raises:
            SupplierUnavailable: the supplier does not answer.
        """
        now = self._monotonic()
        if self._read_at is None or now - self._read_at > _CACHE_SECONDS:
            try:
                self._list = await self._supplier.own_holds()
            except SupplierUnavailable:
                raise
            except SupplierError as error:
                log.warning("own_holds_not_listed", code=error.code, error=error.message)
                self._list = None
            self._read_at = now
        return self._list

    def _is_open(self, hold: OwnHold) -> bool:
        return not hold.denied and (hold.until is None or hold.until > self._clock() - _TOLERANCE)
