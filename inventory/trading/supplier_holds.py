"""This account's holds at the supplier: by a stone's hold id, and in the account's own list."""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from inventory.core.clock import Clock, utc_now
from inventory.core.errors import SupplierError, SupplierUnavailable
from inventory.core.logging import get_logger
from inventory.suppliers.ports import OwnHold, SupplierHold, SupplierTrading

log = get_logger()

# A request is looked for only when its call has ended for longer than this: no list that is used is older than the call.
_KEPT_SECONDS = 5.0
# By how much the supplier's clock may be behind.
_TOLERANCE = timedelta(minutes=1)


class SupplierHolds:
    """Finds holds at the supplier. The list is read when it is needed, and kept for some seconds."""

    def __init__(
        self, supplier: SupplierTrading, *, clock: Clock = utc_now, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.supplier = supplier
        self._clock = clock
        self._monotonic = monotonic
        self._list: Sequence[OwnHold] | None = None
        self._read_at: float | None = None

    async def of_stone(self, supplier_stone_id: str) -> list[SupplierHold]:
        """This account's holds of a stone that have not ended, the one that the stone shows first.

        Raises:
            SupplierUnavailable: the supplier does not answer.
            SupplierError: the stone can't be read.
        """
        status = await self.supplier.look(supplier_stone_id)
        shown = status.hold_id if status else None
        try:
            listed = await self.listed()
        except SupplierUnavailable:
            if shown is None:
                raise
            listed = ()  # only the end of the hold is not known then
        if listed is None:
            if status is not None and not status.shows_holds:
                raise SupplierError("The supplier shows this account's holds neither on stones nor in a list")
            listed = ()
        ends = {one.id: one.until for one in listed if one.stone_id == supplier_stone_id and self._open(one)}
        if shown is None:
            return [SupplierHold(hold_id, until) for hold_id, until in ends.items()]
        others = [SupplierHold(hold_id, until) for hold_id, until in ends.items() if hold_id != shown]
        return [SupplierHold(shown, ends.get(shown)), *others]

    async def listed(self) -> Sequence[OwnHold] | None:
        """The account's holds; None where the supplier does not list them, or not in a known form.

        Raises:
            SupplierUnavailable: the supplier does not answer.
        """
        now = self._monotonic()
        if self._read_at is None or now - self._read_at > _KEPT_SECONDS:
            try:
                self._list = await self.supplier.own_holds()
            except SupplierUnavailable:
                raise
            except SupplierError as error:
                log.warning("own_holds_not_listed", code=error.code, error=error.message)
                self._list = None
            self._read_at = now
        return self._list

    def _open(self, hold: OwnHold) -> bool:
        return not hold.denied and (hold.until is None or hold.until > self._clock() - _TOLERANCE)
