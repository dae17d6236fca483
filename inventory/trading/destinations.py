"""Destinations of orders: the account's locations at the supplier, and the validation of a client's choice."""

import asyncio
import time
from collections.abc import Callable, Sequence

import msgspec

from inventory.core.errors import SupplierError, TradingUnavailable, ValidationFailed
from inventory.core.logging import get_logger
from inventory.suppliers.ports import Destination, SupplierTrading

log = get_logger()

_KEPT_SECONDS = 300.0
# After a failure purchases do not wait for the list again for so long.
_FAILURE_SECONDS = 30.0
# A destination that is not in the list may have been made since: the list is read again if it is older than this.
_FRESH_SECONDS = 10.0
# A purchase does not wait for the list longer than this.
_CHECK_SECONDS = 5.0
_MOST_HINTED = 10
MOST_DESTINATIONS = 1000


class _Listed(msgspec.Struct, frozen=True):
    """A list as it was read; None where the supplier does not list destinations."""

    found: Sequence[Destination] | None
    read_at: float


class Destinations:
    """The destinations of one account, kept for some minutes in this process. Of concurrent readers one asks."""

    def __init__(self, supplier: SupplierTrading | None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._supplier = supplier
        self._monotonic = monotonic
        self._listed: _Listed | None = None
        self._failed_at: float | None = None
        self._reading: asyncio.Task[_Listed] | None = None

    async def listed(self) -> Sequence[Destination]:
        """The destinations, the account's default first.

        Raises:
            TradingUnavailable: trading is not set up.
            SupplierError: the supplier can't be asked, or does not list them.
        """
        found = (await self._read(_KEPT_SECONDS)).found
        if found is None:
            raise SupplierError("The supplier does not list the destinations of the account.")
        return found

    async def check(self, destination_id: str) -> None:
        """Refuse a destination that the account does not have. Where the list can't be read, any is accepted.

        Raises:
            ValidationFailed: the account has other destinations.
        """
        if self._failed_at is not None and self._monotonic() - self._failed_at < _FAILURE_SECONDS:
            return
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                others = await self._without(destination_id)
        except (SupplierError, TimeoutError) as error:
            self._failed_at = self._monotonic()
            log.warning("destination_not_checked", error=str(error) or "the supplier did not answer in time")
            return
        if others:
            raise ValidationFailed({"destination_id": f"is no destination of the account; known are {_hint(others)}"})

    async def _without(self, destination_id: str) -> Sequence[Destination]:
        """The account's destinations, if they are all known and this is none of them; else an empty list."""
        found: Sequence[Destination] = ()
        for age in (_KEPT_SECONDS, _FRESH_SECONDS):
            found = (await self._read(age)).found or ()
            if len(found) >= MOST_DESTINATIONS or any(one.id == destination_id for one in found):
                return ()
        return found

    async def close(self) -> None:
        """Give up a reading that is under way."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    async def _read(self, seconds: float) -> _Listed:
        """The list, not older than that."""
        if self._supplier is None:
            raise TradingUnavailable
        if self._listed is not None and self._monotonic() - self._listed.read_at < seconds:
            return self._listed
        if self._reading is None:
            self._reading = asyncio.create_task(self._ask(self._supplier))
            self._reading.add_done_callback(self._forget)
        # A caller that gives up must not take the list away from the others.
        return await asyncio.shield(self._reading)

    async def _ask(self, supplier: SupplierTrading) -> _Listed:
        read_at = self._monotonic()
        found = await supplier.destinations()
        if found is not None:
            if len(found) > MOST_DESTINATIONS:
                log.warning("destinations_cut_off", found=len(found), kept=MOST_DESTINATIONS)
            found = sorted(found, key=lambda one: not one.default)[:MOST_DESTINATIONS]
        self._listed, self._failed_at = _Listed(found, read_at), None
        return self._listed

    def _forget(self, task: asyncio.Task[_Listed]) -> None:
        self._reading = None
        if not task.cancelled():
            task.exception()  # retrieved: the callers may have given up


def _hint(found: Sequence[Destination]) -> str:
    """The accepted values, as many as fit into a message."""
    named = [f"{one.id!r} ({one.name})" if one.name else repr(one.id) for one in found[:_MOST_HINTED]]
    more = [f"{len(found) - _MOST_HINTED} more (see the list of destinations)"] if len(found) > _MOST_HINTED else []
    return ", ".join([*named, *more])
