"""Feed whose column map is not valid: each call fails with the reason, so that the other feeds of a process go on."""

from collections.abc import Collection, Sequence
from typing import NoReturn

from inventory.core.errors import SupplierError
from inventory.suppliers.enumerated import Part, PartPage, Snapshot
from inventory.suppliers.ports import LookupResult, ObservedItem


class UnusableFeed:
    """The port `EnumeratedFeed`, without a source."""

    page_size = 1
    lookup_size = 1

    def __init__(self, error: SupplierError) -> None:
        self._error = error

    async def identity(self) -> str:
        """Describe the problem."""
        return self._error.message

    async def available(self, consumed: Collection[str]) -> Snapshot | None:
        """Raise the error."""
        del consumed
        self._fail()

    async def plan(self, snapshot: Snapshot, parts: int) -> Sequence[Part]:
        """Raise the error."""
        del snapshot, parts
        self._fail()

    async def read(self, snapshot: Snapshot, part: Part, position: int, limit: int) -> PartPage:
        """Raise the error."""
        del snapshot, part, position, limit
        self._fail()

    async def lookup(self, snapshot: Snapshot, stone_ids: Collection[str]) -> LookupResult:
        """Raise the error."""
        del snapshot, stone_ids
        self._fail()

    def observe(self, payload: bytes) -> ObservedItem:
        """Raise the error."""
        del payload
        self._fail()

    def _fail(self) -> NoReturn:
        raise self._error
