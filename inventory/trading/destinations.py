"""Destinations of orders: the account's delivery locations at the supplier, and the validation of a destination."""

import asyncio
import time
from collections.abc import Callable, Sequence

import msgspec

from inventory.core.errors import SupplierError, TradingUnavailable, ValidationFailed
from inventory.core.logging import get_logger
from inventory.suppliers.ports import Destination, SupplierTrading

log = get_logger()

_CACHE_SECONDS = 300.0
# After a failure, purchases skip the validation for this long.
_FAILURE_SECONDS = 30.0
# If a destination is not in the list, a list older than this is read again: the destination may be new.
_FRESH_SECONDS = 10.0
# Longest time that a purchase waits for the list.
_CHECK_SECONDS = 5.0
_HINT_LIMIT = 10
DESTINATION_LIMIT = 1000


class _Listed(msgspec.Struct, frozen=True):
    """The cached list; None if the supplier does not list destinations."""

    found: Sequence[Destination] | None
    read_at: float


class Destinations:
    """Destinations of an account, cached for some minutes. Concurrent readers share a call to the supplier."""

    def __init__(self, supplier: SupplierTrading | None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._supplier = supplier
        self._monotonic = monotonic
        self._listed: _Listed | None = None
        self._failed_at: float | None = None
        self._reading: asyncio.Task[_Listed] | None = None

    async def listed(self) -> Sequence[Destination]:
        """Read the destinations, the account's default first.

        Raises:
            TradingUnavailable: trading is not configured.
            SupplierError: the supplier cannot be called, or does not list destinations.
        """
        found = (await self._read(_CACHE_SECONDS)).found
        if found is None:
            raise SupplierError("The supplier does not list the destinations of the account.")
        return found

    async def check(self, destination_id: str) -> None:
        """Validate a destination. Every destination is accepted while the list cannot be read.

        Raises:
            ValidationFailed: the account has no such destination.
        """
        if self._failed_at is not None and self._monotonic() - self._failed_at < _FAILURE_SECONDS:
            return
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                others = await self._unless_known(destination_id)
        except (SupplierError, TimeoutError) as error:
            self._failed_at = self._monotonic()
            log.warning("destination_not_checked", error=str(error) or "the supplier did not answer in time")
            return
        if others:
            raise ValidationFailed(
                {"destination_id": f"is not a destination of the account. Use one of {_hint(others)}"}
            )

    async def _unless_known(self, destination_id: str) -> Sequence[Destination]:
        """Return the account's destinations if the list is complete and does not contain this one, else an empty list."""
        found: Sequence[Destination] = ()
        for age in (_CACHE_SECONDS, _FRESH_SECONDS):
            found = (await self._read(age)).found or ()
            if len(found) >= DESTINATION_LIMIT or any(destination.id == destination_id for destination in found):
                return ()
        return found

    async def close(self) -> None:
        """Cancel a running call to the supplier."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    async def _read(self, seconds: float) -> _Listed:
        """Return a list that is not older than `seconds`."""
        if self._supplier is None:
            raise TradingUnavailable
        if self._listed is not None and self._monotonic() - self._listed.read_at < seconds:
            return self._listed
        if self._reading is None:
            self._reading = asyncio.create_task(self._fetch(self._supplier))
            self._reading.add_done_callback(self._clear_task)
        # The cancellation of a caller must not cancel the call that others share.
        return await asyncio.shield(self._reading)

    async def _fetch(self, supplier: SupplierTrading) -> _Listed:
        read_at = self._monotonic()
        found = await supplier.destinations()
        if found is not None:
            if len(found) > DESTINATION_LIMIT:
                log.warning("destinations_cut_off", found=len(found), kept=DESTINATION_LIMIT)
            found = sorted(found, key=lambda destination: not destination.default)[:DESTINATION_LIMIT]
        self._listed, self._failed_at = _Listed(found, read_at), None
        return self._listed

    def _clear_task(self, task: asyncio.Task[_Listed]) -> None:
        self._reading = None
        if not task.cancelled():
            task.exception()  # mark as retrieved: the callers may have been cancelled


def _hint(found: Sequence[Destination]) -> str:
    """Format the accepted values, up to a limit."""
    named = [
        f"{destination.id!r} ({destination.name})" if destination.name else repr(destination.id)
        for destination in found[:_HINT_LIMIT]
    ]
    more = [f"{len(found) - _HINT_LIMIT} more (see the list of destinations)"] if len(found) > _HINT_LIMIT else []
    return ", ".join([*named, *more])
