"""Subscriptions to events of holds and diamonds."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated
from uuid import UUID

import strawberry
from strawberry import UNSET

from app.auth.scopes import Scope
from app.graphql.arguments import given_or_none
from app.graphql.context import Info
from app.graphql.events.types import DiamondEvent, EventPresenter, HoldEvent
from app.graphql.permissions import subscription
from app.graphql.relay import key_of
from app.graphql.topics import EventTopic
from inventory.core.errors import ValidationFailed
from inventory.events import cursors
from inventory.events.cursors import Cursor
from inventory.events.log import EventFilter
from inventory.events.models import HOLD_KINDS

# Most diamonds of one subscription.
MOST_WATCHED = 1000

_argument = strawberry.argument
_AFTER = (
    "Cursor of the last event that the client received: later events are sent first, then new ones. Without it: "
    "only new events."
)


@strawberry.type
class EventSubscriptions:
    """Fields of `Subscription` for events of holds and diamonds."""

    @subscription(description="Events of holds.", scope=Scope.DIAMONDS_READ)
    async def hold_events(
        self,
        info: Info,
        diamond_id: Annotated[strawberry.ID | None, _argument(description="Only this diamond.")] = UNSET,
        client_id: Annotated[
            str | None,
            _argument(
                description="Only this client. Another client than the caller needs the scope `purchases:admin`."
            ),
        ] = UNSET,
        after: Annotated[str | None, _argument(description=_AFTER)] = UNSET,
    ) -> AsyncIterator[HoldEvent]:
        caller = info.context.caller
        client = given_or_none(client_id)
        if client is not None and client != caller.client_id:
            caller.require(Scope.PURCHASES_ADMIN)
            client = client.replace("\x00", "\ufffd")  # NUL is not storable in Postgres, so no client has this id
        criteria = EventFilter(
            _stones("diamondId", [diamond_id] if diamond_id else given_or_none(diamond_id)), HOLD_KINDS, client
        )
        presenter = EventPresenter(info.context.search, caller, info.selection)
        return EventTopic(presenter.holds, criteria, _cursor(given_or_none(after)))

    @subscription(
        description="Changes of diamonds by syncs, new prices, holds and purchases. An event contains only matching diamonds.",
        scope=Scope.DIAMONDS_READ,
    )
    async def diamond_changed(
        self,
        info: Info,
        ids: Annotated[
            list[strawberry.ID] | None,
            _argument(description=f"Only these diamonds, at most {MOST_WATCHED}; all if omitted."),
        ] = UNSET,
        after: Annotated[str | None, _argument(description=_AFTER)] = UNSET,
    ) -> AsyncIterator[DiamondEvent]:
        criteria = EventFilter(_stones("ids", given_or_none(ids)))
        presenter = EventPresenter(info.context.search, info.context.caller, info.selection)
        return EventTopic(presenter.changes, criteria, _cursor(given_or_none(after)))


def _stones(name: str, ids: Sequence[str] | None) -> frozenset[UUID] | None:
    if ids is None:
        return None
    if not 1 <= len(ids) <= MOST_WATCHED:
        raise ValidationFailed({name: f"should contain 1 to {MOST_WATCHED} ids"})
    keys = {text: key_of(text, "Diamond") for text in ids}
    for text, key in keys.items():
        if key is None:
            raise ValidationFailed({name: f"{text[:100]!r} is not the id of a diamond"})
    return frozenset(key for key in keys.values() if key)


def _cursor(after: str | None) -> Cursor | None:
    if after is None:
        return None
    try:
        return cursors.decode(after)
    except ValueError as error:
        raise ValidationFailed({"after": str(error)}) from None
