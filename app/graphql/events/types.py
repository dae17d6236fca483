"""GraphQL types of events, with details of holds and purchases that the caller may see."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

import msgspec
import strawberry

from app.auth.scopes import Scope
from app.graphql.context import Info, Selection
from app.graphql.diamonds.types import Diamond, columns_of
from app.graphql.holds.types import Hold, holds_to_graphql
from app.graphql.permissions import field
from app.graphql.purchases.types import Purchase, purchases_to_graphql
from app.graphql.relay import global_id
from app.graphql.topics import MatchedEvent
from inventory.catalog.search import RETAIL_PRICE, DiamondCriteria, PageWindow, SortOrder
from inventory.events import cursors
from inventory.events.cursors import Cursor
from inventory.events.models import HOLD_KINDS, PURCHASE_KINDS, REFERENCE, Event

_value = strawberry.enum_value


@strawberry.enum(description="Kind of the event.")
class EventKind(Enum):
    HOLD_REQUESTED = _value("hold_requested", description="A client requested a hold; the diamond is reserved.")
    HOLD_ACTIVATED = _value("hold_activated", description="The supplier confirmed the hold.")
    HOLD_DENIED = _value("hold_denied", description="The supplier denied the hold.")
    HOLD_EXTENDED = _value("hold_extended", description="The hold was extended.")
    HOLD_RELEASED = _value("hold_released", description="The hold was released.")
    HOLD_EXPIRED = _value("hold_expired", description="The hold has expired.")
    HOLD_PURCHASED = _value("hold_purchased", description="The client purchased the held diamond.")
    PURCHASE_PENDING = _value("purchase_pending", description="A client requested a purchase.")
    PURCHASE_ORDERED = _value("purchase_ordered", description="The supplier accepted the order.")
    PURCHASE_CONFIRMED = _value("purchase_confirmed", description="The supplier confirmed the order.")
    PURCHASE_DECLINED = _value("purchase_declined", description="The supplier declined the order after accepting it.")
    PURCHASE_FAILED = _value("purchase_failed", description="No order was placed.")
    PURCHASE_UNKNOWN = _value("purchase_unknown", description="It is unknown whether the supplier has the order.")
    DIAMONDS_CHANGED = _value("diamonds_changed", description="A sync added or changed diamonds.")
    DIAMONDS_REMOVED = _value("diamonds_removed", description="Diamonds left the inventory.")
    DIAMONDS_REPRICED = _value("diamonds_repriced", description="New pricing rules changed prices.")


@strawberry.enum(description="Kind of an event of a hold.")
class HoldEventKind(Enum):
    HOLD_REQUESTED = _value("hold_requested", description="A client requested a hold; the diamond is reserved.")
    HOLD_ACTIVATED = _value("hold_activated", description="The supplier confirmed the hold.")
    HOLD_DENIED = _value("hold_denied", description="The supplier denied the hold.")
    HOLD_EXTENDED = _value("hold_extended", description="The hold was extended.")
    HOLD_RELEASED = _value("hold_released", description="The hold was released.")
    HOLD_EXPIRED = _value("hold_expired", description="The hold has expired.")
    HOLD_PURCHASED = _value("hold_purchased", description="The client purchased the held diamond.")


@strawberry.enum(description="Kind of an event of a purchase.")
class PurchaseEventKind(Enum):
    PURCHASE_PENDING = _value("purchase_pending", description="A client requested a purchase.")
    PURCHASE_ORDERED = _value("purchase_ordered", description="The supplier accepted the order.")
    PURCHASE_CONFIRMED = _value("purchase_confirmed", description="The supplier confirmed the order.")
    PURCHASE_DECLINED = _value("purchase_declined", description="The supplier declined the order after accepting it.")
    PURCHASE_FAILED = _value("purchase_failed", description="No order was placed.")
    PURCHASE_UNKNOWN = _value("purchase_unknown", description="It is unknown whether the supplier has the order.")


@strawberry.type(description="Details of a hold in an event. Only its client and administrators see the client.")
class HoldEventDetails:
    hold: strawberry.Private[Hold | None]
    mine: bool = strawberry.field(description="Whether it belongs to the caller.")
    until: datetime | None = strawberry.field(description="End of the hold, unless it is released before.")
    id: strawberry.ID | None = strawberry.field(description="Global id of the hold; null for other clients.")
    client_id: str | None = strawberry.field(description="Client; null for other clients.")
    reference: str | None = strawberry.field(description="Reference of the client; null for other clients.")
    reason: str | None = strawberry.field(description="Reason of a denial; null for other clients.")

    @field(description="The hold in its current state; null for other clients.", scope=Scope.HOLDS_WRITE)
    def current(self) -> Hold | None:
        return self.hold


@strawberry.type(description="Details of a purchase in an event. Only its client and administrators see the client.")
class PurchaseEventDetails:
    purchase: strawberry.Private[Purchase | None]
    mine: bool = strawberry.field(description="Whether it belongs to the caller.")
    id: strawberry.ID | None = strawberry.field(description="Global id of the purchase; null for other clients.")
    client_id: str | None = strawberry.field(description="Client; null for other clients.")
    reference: str | None = strawberry.field(description="Reference of the client; null for other clients.")
    failure: str | None = strawberry.field(description="Code of the failure or decline; null for other clients.")

    @field(description="The purchase in its current state; null for other clients.", scope=Scope.PURCHASES_WRITE)
    def current(self) -> Purchase | None:
        return self.purchase


@strawberry.type(description="Event of a hold.")
class HoldEvent:
    cursor: str = strawberry.field(description="Cursor to resume from, as `after`.")
    kind: HoldEventKind = strawberry.field(description="Kind of the event.")
    occurred_at: datetime = strawberry.field(description="Time of the event.")
    diamond_id: strawberry.ID = strawberry.field(description="Global id of the diamond.")
    diamond: Diamond | None = strawberry.field(
        description="The diamond in its current state; null if it is not in the inventory."
    )
    hold: HoldEventDetails = strawberry.field(description="The hold.")


@strawberry.type(description="Event of a purchase.")
class PurchaseEvent:
    cursor: str = strawberry.field(description="Cursor to resume from, as `after`.")
    kind: PurchaseEventKind = strawberry.field(description="Kind of the event.")
    occurred_at: datetime = strawberry.field(description="Time of the event.")
    diamond_id: strawberry.ID = strawberry.field(description="Global id of the diamond.")
    purchase: Purchase | None = strawberry.field(description="The purchase in its current state.")
    failure: str | None = strawberry.field(description="Code of the failure or decline; null in other events.")


@strawberry.type(
    description="Event of diamonds: one diamond for a hold or purchase, up to 100 for a sync or new prices."
)
class DiamondEvent:
    cursor: str = strawberry.field(description="Cursor to resume from, as `after`.")
    kind: EventKind = strawberry.field(description="Kind of the event.")
    occurred_at: datetime = strawberry.field(description="Time of the event.")
    diamond_ids: list[strawberry.ID] = strawberry.field(description="Global ids of the matching diamonds.")
    diamonds: list[Diamond | None] = strawberry.field(
        description="The diamonds in their current state, in the order of `diamondIds`; null for each that is not in the "
        "inventory."
    )
    hold: HoldEventDetails | None = strawberry.field(description="The hold, for events of holds.")
    purchase: PurchaseEventDetails | None = strawberry.field(description="The purchase, for events of purchases.")
    sync_run_id: strawberry.ID | None = strawberry.field(description="Global id of the sync run that caused the event.")


@strawberry.type(
    description="Changed diamonds of an event, by whether they match a search now. Put the first into the list of results, and "
    "remove the others from it."
)
class DiamondSearchEvent:
    cursor: str = strawberry.field(description="Cursor to resume from, as `after`.")
    kind: EventKind = strawberry.field(description="Kind of the event.")
    occurred_at: datetime = strawberry.field(description="Time of the event.")
    matching: list[Diamond] = strawberry.field(
        description="Diamonds that match now, in their current state: they entered the search, or changed within it."
    )
    other_ids: list[strawberry.ID] = strawberry.field(
        description="Global ids of the diamonds that do not match now: they left the search, or were never part of it."
    )


class EventPresenter:
    """Converts events for subscribers with equal selections, scopes and reference."""

    def __init__(self, info: Info, reference: str | None = None) -> None:
        """`info`: of the subscription field. `reference`: only holds and purchases of this reference show details."""
        self._info = info
        self._search = info.context.search
        self._principal = info.context.caller
        self._reference = reference
        selection = info.selection
        self._hold_selection = selection.below("hold").below("current")
        self._purchase_selection = selection.below("purchase")
        self._matching = selection.below("matching")
        self._reads_holds = "current" in selection.below("hold") and self._principal.may(Scope.HOLDS_WRITE)
        self._reads_purchases = self._principal.may(Scope.PURCHASES_WRITE)
        below = next((selection.below(name) for name in ("diamond", "diamonds") if name in selection), None)
        self._columns = None if below is None else {"id", *columns_of(below)}

    async def holds(self, matched: Sequence[MatchedEvent]) -> list[object]:
        """Convert events of holds; one statement reads the diamonds of all of them.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        found = await self._find(matched)
        holds = await self._holds(matched)
        return [
            HoldEvent(
                **_common(one.event, HoldEventKind),
                diamond_id=global_id("Diamond", one.diamonds[0]),
                diamond=found.get(one.diamonds[0]),
                hold=self._hold(one.event, holds),
            )
            for one in matched
        ]

    async def purchases(self, matched: Sequence[MatchedEvent]) -> list[object]:
        """Convert events of purchases; see `holds`."""
        purchases = await self._purchases(matched, self._purchase_selection)
        return [
            PurchaseEvent(
                **_common(one.event, PurchaseEventKind),
                diamond_id=global_id("Diamond", one.diamonds[0]),
                purchase=purchases.get(one.event.purchase_id) if one.event.purchase_id else None,
                failure=one.event.data.get("failure"),
            )
            for one in matched
        ]

    async def changes(self, matched: Sequence[MatchedEvent]) -> list[object]:
        """Convert events of any kind; see `holds`."""
        found = await self._find(matched)
        holds, purchases = (
            await self._holds(matched),
            await self._purchases(matched, self._purchase_selection.below("current")),
        )
        return [
            DiamondEvent(
                **_common(one.event, EventKind),
                diamond_ids=[global_id("Diamond", stone) for stone in one.diamonds],
                diamonds=[found.get(stone) for stone in one.diamonds],
                hold=self._hold(one.event, holds) if one.event.kind in HOLD_KINDS else None,
                purchase=self._purchase(one.event, purchases) if one.event.kind in PURCHASE_KINDS else None,
                sync_run_id=global_id("SyncRun", one.event.run_id) if one.event.run_id else None,
            )
            for one in matched
        ]

    async def searched(self, matched: Sequence[MatchedEvent], criteria: DiamondCriteria) -> list[object]:
        """Convert events of any kind for a search; one statement finds the diamonds of all of them that match now."""
        ids = {stone for one in matched for stone in one.diamonds}
        if criteria.ids is not None:
            ids &= set(criteria.ids)
        narrowed = msgspec.structs.replace(criteria, ids=list(ids))
        window = PageWindow(limit=len(ids))
        columns = {"id", *columns_of(self._matching)}
        page = await self._search.page(narrowed, SortOrder(RETAIL_PRICE), window, columns)
        found = {hit.diamond.id: Diamond(row=hit.diamond) for hit in page.hits}
        return [
            DiamondSearchEvent(
                **_common(one.event, EventKind),
                matching=[found[stone] for stone in one.diamonds if stone in found],
                other_ids=[global_id("Diamond", stone) for stone in one.diamonds if stone not in found],
            )
            for one in matched
        ]

    async def _find(self, matched: Sequence[MatchedEvent]) -> Mapping[UUID, Diamond]:
        if self._columns is None:
            return {}
        stones: Collection[UUID] = {stone for one in matched for stone in one.diamonds}
        return {key: Diamond(row=row) for key, row in (await self._search.find(stones, self._columns)).items()}

    async def _holds(self, matched: Sequence[MatchedEvent]) -> Mapping[UUID, Hold]:
        """Read the holds of events that are selected and shown."""
        keys = {one.event.hold_id for one in matched if one.event.hold_id and self._shows(one.event)}
        if not keys or not self._reads_holds:
            return {}
        rows = list((await self._info.context.services.trading.records.holds(keys)).values())
        shown = await holds_to_graphql(rows, self._info, self._hold_selection)
        return {hold.database_id: hold for hold in shown}

    async def _purchases(self, matched: Sequence[MatchedEvent], selection: Selection) -> Mapping[UUID, Purchase]:
        """Read the purchases of events that are selected and shown."""
        keys = {one.event.purchase_id for one in matched if one.event.purchase_id and self._shows(one.event)}
        if not keys or not self._reads_purchases or not list(selection):
            return {}
        rows = list((await self._info.context.services.trading.records.purchases(keys)).values())
        shown = await purchases_to_graphql(rows, self._info, selection)
        return {purchase.database_id: purchase for purchase in shown}

    def _hold(self, event: Event, holds: Mapping[UUID, Hold]) -> HoldEventDetails:
        return HoldEventDetails(
            hold=holds.get(event.hold_id) if event.hold_id else None,
            until=_instant(event.data.get("until")),
            reason=event.data.get("reason") if self._shows(event) else None,
            id=global_id("Hold", event.hold_id) if event.hold_id and self._shows(event) else None,
            **self._owner(event),
        )

    def _purchase(self, event: Event, purchases: Mapping[UUID, Purchase]) -> PurchaseEventDetails:
        return PurchaseEventDetails(
            purchase=purchases.get(event.purchase_id) if event.purchase_id else None,
            id=global_id("Purchase", event.purchase_id) if event.purchase_id and self._shows(event) else None,
            failure=event.data.get("failure") if self._shows(event) else None,
            **self._owner(event),
        )

    def _owner(self, event: Event) -> dict[str, Any]:
        return {
            "mine": event.client_id == self._principal.client_id and self._shows(event),
            "reference": event.data.get(REFERENCE) if self._shows(event) else None,
            "client_id": event.client_id if self._shows(event) else None,
        }

    def _shows(self, event: Event) -> bool:
        if self._reference is not None and event.data.get(REFERENCE) != self._reference:
            return False
        return event.client_id == self._principal.client_id or self._principal.may(Scope.PURCHASES_ADMIN)


def _common(event: Event, kinds: type[Enum]) -> dict[str, Any]:
    return {
        "cursor": cursors.encode(Cursor.of(event)),
        "kind": kinds[event.kind.name],
        "occurred_at": event.occurred_at,
    }


def _instant(value: object) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else None
