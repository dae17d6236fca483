"""Events as the schema shows them: what happened to stones, with the stones, and as much of a trade as the caller may know."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

import strawberry

from app.auth.scopes import Principal, Scope
from app.graphql.context import Selection
from app.graphql.diamonds.types import Diamond, columns_of
from app.graphql.relay import global_id
from app.graphql.topics import MatchedEvent
from inventory.catalog.search import DiamondSearch
from inventory.events import cursors
from inventory.events.cursors import Cursor
from inventory.events.models import HOLD_KINDS, PURCHASE_KINDS, Event

_value = strawberry.enum_value


@strawberry.enum(description="What happened.")
class EventKind(Enum):
    HOLD_REQUESTED = _value("hold_requested", description="A client asked to hold the diamond; it is reserved.")
    HOLD_ACTIVATED = _value("hold_activated", description="The supplier holds the diamond for a client.")
    HOLD_DENIED = _value("hold_denied", description="The supplier does not hold it.")
    HOLD_EXTENDED = _value("hold_extended", description="The hold ends later.")
    HOLD_RELEASED = _value("hold_released", description="The hold was given up.")
    HOLD_EXPIRED = _value("hold_expired", description="The hold has run out.")
    HOLD_PURCHASED = _value("hold_purchased", description="The hold became a purchase.")
    PURCHASE_PENDING = _value("purchase_pending", description="A client is buying the diamond.")
    PURCHASE_ORDERED = _value("purchase_ordered", description="The supplier accepted the order.")
    PURCHASE_CONFIRMED = _value("purchase_confirmed", description="The supplier confirmed the order.")
    PURCHASE_DECLINED = _value("purchase_declined", description="The supplier declined the order it had accepted.")
    PURCHASE_FAILED = _value("purchase_failed", description="No order was placed.")
    PURCHASE_UNKNOWN = _value("purchase_unknown", description="Whether the supplier has the order is not known yet.")
    DIAMONDS_CHANGED = _value("diamonds_changed", description="A sync brought them, or new values.")
    DIAMONDS_REMOVED = _value("diamonds_removed", description="They are no longer in the inventory.")
    DIAMONDS_REPRICED = _value(
        "diamonds_repriced", description="The pricing rules have changed, and so have their prices."
    )


@strawberry.type(
    description="What an event tells of a hold. Whose it is shows only to its owner, and to administrators."
)
class HoldEventDetails:
    mine: bool = strawberry.field(description="Whether it is the caller's.")
    until: datetime | None = strawberry.field(description="When it ends, unless it is ended before.")
    id: strawberry.ID | None = strawberry.field(description="The hold's global id; null for another client's.")
    client_id: str | None = strawberry.field(description="The client; null for another client's.")
    reason: str | None = strawberry.field(description="Why it was denied; null for another client's.")


@strawberry.type(
    description="What an event tells of a purchase. Whose it is shows only to its owner, and to administrators."
)
class PurchaseEventDetails:
    mine: bool = strawberry.field(description="Whether it is the caller's.")
    id: strawberry.ID | None = strawberry.field(description="The purchase's global id; null for another client's.")
    client_id: str | None = strawberry.field(description="The client; null for another client's.")
    failure: str | None = strawberry.field(
        description="The code of why it failed or was declined; null for another client's."
    )


@strawberry.type(description="Something that happened to a hold.")
class HoldEvent:
    cursor: str = strawberry.field(description="Where to go on from, as `after`.")
    kind: EventKind = strawberry.field(description="What happened.")
    occurred_at: datetime = strawberry.field(description="When it happened.")
    diamond_id: strawberry.ID = strawberry.field(description="The diamond's global id.")
    diamond: Diamond | None = strawberry.field(
        description="The diamond as it is when the event is sent; null when it is not in the inventory."
    )
    hold: HoldEventDetails = strawberry.field(description="The hold.")


@strawberry.type(
    description="Something that happened to diamonds: one for a hold or a purchase, up to 100 for a sync or new prices."
)
class DiamondEvent:
    cursor: str = strawberry.field(description="Where to go on from, as `after`.")
    kind: EventKind = strawberry.field(description="What happened.")
    occurred_at: datetime = strawberry.field(description="When it happened.")
    diamond_ids: list[strawberry.ID] = strawberry.field(
        description="The diamonds' global ids, of those that were asked for."
    )
    diamonds: list[Diamond | None] = strawberry.field(
        description="The diamonds as they are when the event is sent, in the order of `diamondIds`; null for one that is "
        "not in the inventory."
    )
    hold: HoldEventDetails | None = strawberry.field(description="The hold, where it is about one.")
    purchase: PurchaseEventDetails | None = strawberry.field(description="The purchase, where it is about one.")
    sync_run_id: strawberry.ID | None = strawberry.field(
        description="The global id of the sync run that it comes from."
    )


class EventPresenter:
    """Shows events to those who asked for the same fields and may see the same."""

    def __init__(self, search: DiamondSearch, principal: Principal, selection: Selection) -> None:
        """`selection`: what was asked for of an event."""
        self._search = search
        self._principal = principal
        below = next((selection.below(name) for name in ("diamond", "diamonds") if name in selection), None)
        self._columns = None if below is None else {"id", *columns_of(below)}

    async def holds(self, matched: Sequence[MatchedEvent]) -> list[object]:
        """Events of holds; of all of them together the stones are one statement.

        Raises:
            DatabaseUnavailable: the stones can't be read now.
        """
        found = await self._find(matched)
        return [
            HoldEvent(
                **_common(one.event),
                diamond_id=global_id("Diamond", one.diamonds[0]),
                diamond=found.get(one.diamonds[0]),
                hold=self._hold(one.event),
            )
            for one in matched
        ]

    async def changes(self, matched: Sequence[MatchedEvent]) -> list[object]:
        """Events of any kind, likewise."""
        found = await self._find(matched)
        return [
            DiamondEvent(
                **_common(one.event),
                diamond_ids=[global_id("Diamond", stone) for stone in one.diamonds],
                diamonds=[found.get(stone) for stone in one.diamonds],
                hold=self._hold(one.event) if one.event.kind in HOLD_KINDS else None,
                purchase=self._purchase(one.event) if one.event.kind in PURCHASE_KINDS else None,
                sync_run_id=global_id("SyncRun", one.event.run_id) if one.event.run_id else None,
            )
            for one in matched
        ]

    async def _find(self, matched: Sequence[MatchedEvent]) -> Mapping[UUID, Diamond]:
        if self._columns is None:
            return {}
        stones: Collection[UUID] = {stone for one in matched for stone in one.diamonds}
        return {key: Diamond(row=row) for key, row in (await self._search.find(stones, self._columns)).items()}

    def _hold(self, event: Event) -> HoldEventDetails:
        return HoldEventDetails(
            until=_instant(event.data.get("until")),
            reason=event.data.get("reason") if self._shows(event) else None,
            id=global_id("Hold", event.hold_id) if event.hold_id and self._shows(event) else None,
            **self._owner(event),
        )

    def _purchase(self, event: Event) -> PurchaseEventDetails:
        return PurchaseEventDetails(
            id=global_id("Purchase", event.purchase_id) if event.purchase_id and self._shows(event) else None,
            failure=event.data.get("failure") if self._shows(event) else None,
            **self._owner(event),
        )

    def _owner(self, event: Event) -> dict[str, Any]:
        return {
            "mine": event.client_id == self._principal.client_id,
            "client_id": event.client_id if self._shows(event) else None,
        }

    def _shows(self, event: Event) -> bool:
        return event.client_id == self._principal.client_id or self._principal.may(Scope.PURCHASES_ADMIN)


def _common(event: Event) -> dict[str, Any]:
    return {
        "cursor": cursors.encode(Cursor.of(event)),
        "kind": EventKind(event.kind.value),
        "occurred_at": event.occurred_at,
    }


def _instant(value: object) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else None
