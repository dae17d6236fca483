"""Schema cache of a process: introspected daily, and updated from the supplier's rejections."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal

from inventory.core.errors import SupplierError, SupplierUnavailable
from inventory.core.logging import get_logger
from inventory.suppliers.nivoda.absences import absences
from inventory.suppliers.nivoda.documents import SupplierOperation
from inventory.suppliers.nivoda.error_entries import ErrorEntry
from inventory.suppliers.nivoda.negotiation import Negotiated
from inventory.suppliers.nivoda.schema_view import SchemaView, assumed_view

log = get_logger()

Source = Literal["introspection", "assumption"]

_REFRESH_SECONDS = 24 * 3600.0
_RETRY_SECONDS = 15 * 60.0  # after a failed introspection
_MIN_SECONDS = 60.0  # between introspections that follow a rejection


class SupplierSchema:
    """Caches the view of the schema and the documents negotiated with it. Safe for concurrent calls."""

    def __init__(
        self, introspect: Callable[[], Awaitable[SchemaView]], monotonic: Callable[[], float], *, waits: bool
    ) -> None:
        """`introspect`: queries the supplier once.

        `waits`: whether a caller waits for the first and the daily introspection. Otherwise it runs in the background.
        """
        self._introspect = introspect
        self._monotonic = monotonic
        self._waits = waits
        self._view: SchemaView | None = None
        self._source: Source = "assumption"
        self.problem: str | None = None  # reason of the last failed introspection
        self._refresh_at = monotonic()
        self._asked_at: float | None = None
        self._pending: asyncio.Task[None] | None = None
        # Documents by operation, for the current view.
        self._negotiated: dict[str, Negotiated] = {}
        self._logged: set[str] = set()

    @property
    def source(self) -> Source:
        """Source of the current view."""
        return self._source

    async def view(self) -> SchemaView:
        """Return the current view, introspected if it is due. A failed introspection keeps the view."""
        if self._monotonic() >= self._refresh_at and self._pending is None:
            self._begin()
        if self._pending is not None and self._waits:
            await asyncio.shield(self._pending)
        return self.present()

    def present(self) -> SchemaView:
        """Return the current view without a request to the supplier."""
        if self._view is None:
            self._view = assumed_view()
        return self._view

    def negotiated(self, operation: SupplierOperation[Any], view: SchemaView) -> Negotiated:
        """Return the document of an operation for a view.

        Raises:
            SupplierSchemaChanged: the view lacks a required member.
        """
        if view is not self._view:
            return operation.template.negotiate(view)
        known = self._negotiated.get(operation.name)
        if known is None:
            known = self._negotiated[operation.name] = operation.template.negotiate(view)
            self.note(known.differences)
        return known

    def note(self, differences: Sequence[str]) -> None:
        """Log each difference once."""
        for difference in differences:
            if difference not in self._logged:
                self._logged.add(difference)
                log.warning("supplier_schema_difference", difference=difference, source=self._source)

    async def renegotiate(
        self, operation: SupplierOperation[Any], view: SchemaView, used: Negotiated, entries: Sequence[ErrorEntry]
    ) -> bool:
        """Handle the rejection of a document that was negotiated with `view`. Returns whether another document is available."""
        if view is not self._view:
            return True  # another call has updated the view
        if self._source == "introspection" and self._since_introspection() >= _MIN_SECONDS:
            if self._pending is None:
                self._begin()
            await asyncio.shield(self._pending)  # type: ignore[arg-type]
            if self._view is not view and self.negotiated(operation, self.present()) != used:
                return True
        return self.learn(entries, used.document)

    def learn(self, entries: Sequence[ErrorEntry], document: str) -> bool:
        """Remove the members that the errors report as missing. Returns whether the view has changed."""
        before = self.present()
        changed = before
        for absence in absences(entries, document):
            changed = changed.without(absence)
        if changed is before:
            return False
        log.warning("supplier_schema_learned", errors=[entry.message[:200] for entry in entries[:10]])
        self._adopt(changed)
        return True

    async def close(self) -> None:
        """Cancel a running introspection."""
        if self._pending is not None:
            self._pending.cancel()
            await asyncio.wait([self._pending])

    def _since_introspection(self) -> float:
        return self._monotonic() - self._asked_at if self._asked_at is not None else _MIN_SECONDS

    def _begin(self) -> None:
        self._pending = asyncio.create_task(self._refresh())
        self._pending.add_done_callback(self._forget)

    async def _refresh(self) -> None:
        again, self._asked_at = self._asked_at is not None, self._monotonic()
        try:
            view = await self._introspect()
        except SupplierError as error:
            self.problem = error.message
            log.warning("supplier_schema_not_introspected", error=error.message)
            away = isinstance(error, SupplierUnavailable)
            self._refresh_at = self._monotonic() + (_RETRY_SECONDS if away else _REFRESH_SECONDS)
            if again and not away and self._source == "assumption":
                # Removed members are restored after a day: the schema may offer them again.
                self._adopt(assumed_view())
            return
        self._source, self.problem = "introspection", None
        self._refresh_at = self._monotonic() + _REFRESH_SECONDS
        log.info("supplier_schema_introspected", types=len(view.objects) + len(view.inputs) + len(view.enums))
        if view != self._view:
            self._adopt(view)

    def _adopt(self, view: SchemaView) -> None:
        self._view = view
        self._negotiated.clear()

    def _forget(self, _task: asyncio.Task[None]) -> None:
        self._pending = None
