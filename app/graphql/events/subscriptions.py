"""Subscriptions to events of holds, purchases and diamonds."""

from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Annotated
from uuid import UUID

import msgspec
import strawberry
from strawberry import UNSET

from app.auth.scopes import Scope
from app.graphql.arguments import given_or_none
from app.graphql.context import Info
from app.graphql.diamonds.filter_reader import FilterReader
from app.graphql.diamonds.inputs import DiamondFilter
from app.graphql.events.types import DiamondEvent, DiamondSearchEvent, EventPresenter, HoldEvent, PurchaseEvent
from app.graphql.permissions import subscription
from app.graphql.relay import key_of
from app.graphql.topics import EventTopic
from app.graphql.trading_arguments import read_reference
from inventory.core.errors import ValidationFailed
from inventory.events import cursors
from inventory.events.cursors import Cursor
from inventory.events.log import EventFilter
from inventory.events.models import HOLD_KINDS, PURCHASE_KINDS

# Most diamonds of one subscription.
MAX_WATCHED = 1000

_argument = strawberry.argument
Reference = Annotated[
    str | None, _argument(description="Only this reference of the client. If omitted: of the client as a whole.")
]
_AFTER = (
    "Cursor of the last event that the client received: later events are sent first, then new ones. Without it: "
    "only new events."
)


@strawberry.type
class EventSubscriptions:
    """Fields of `Subscription` for events of holds, purchases and diamonds."""

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
        reference: Reference = UNSET,
        after: Annotated[str | None, _argument(description=_AFTER)] = UNSET,
    ) -> AsyncIterator[HoldEvent]:
        stated = read_reference(reference)
        client = _client(info, client_id)
        if client is None and stated is not None:  # references of other clients may be equal
            client = info.context.caller.client_id
        criteria = EventFilter(_stones("diamondId", _single(diamond_id)), HOLD_KINDS, client, stated)
        return EventTopic(EventPresenter(info, stated).holds, criteria, _cursor(given_or_none(after)), audience=stated)

    @subscription(description="Events of purchases of the caller.", scope=Scope.PURCHASES_WRITE)
    async def purchase_events(
        self,
        info: Info,
        diamond_id: Annotated[strawberry.ID | None, _argument(description="Only this diamond.")] = UNSET,
        client_id: Annotated[
            str | None,
            _argument(description="Of this client. Another client than the caller needs the scope `purchases:admin`."),
        ] = UNSET,
        reference: Reference = UNSET,
        after: Annotated[str | None, _argument(description=_AFTER)] = UNSET,
    ) -> AsyncIterator[PurchaseEvent]:
        stated = read_reference(reference)
        client = _client(info, client_id) or info.context.caller.client_id
        criteria = EventFilter(_stones("diamondId", _single(diamond_id)), PURCHASE_KINDS, client, stated)
        presenter = EventPresenter(info, stated)
        return EventTopic(presenter.purchases, criteria, _cursor(given_or_none(after)), audience=stated)

    @subscription(
        description="Changes of diamonds by syncs, new prices, holds and purchases. An event contains only matching diamonds.",
        scope=Scope.DIAMONDS_READ,
    )
    async def diamond_changed(
        self,
        info: Info,
        ids: Annotated[
            list[strawberry.ID] | None,
            _argument(description=f"Only these diamonds, at most {MAX_WATCHED}; all if omitted."),
        ] = UNSET,
        reference: Annotated[
            str | None,
            _argument(
                description="Show details only of holds and purchases with this reference. If omitted: of the client as a whole."
            ),
        ] = UNSET,
        after: Annotated[str | None, _argument(description=_AFTER)] = UNSET,
    ) -> AsyncIterator[DiamondEvent]:
        stated = read_reference(reference)
        criteria = EventFilter(_stones("ids", given_or_none(ids)))
        return EventTopic(
            EventPresenter(info, stated).changes, criteria, _cursor(given_or_none(after)), audience=stated
        )

    @subscription(
        description="Live search: diamonds that enter or leave a search, or change within it. Read `eventCursor`, then the search, "
        "then subscribe after the cursor.",
        scope=Scope.DIAMONDS_READ,
    )
    async def diamonds_changed(
        self,
        info: Info,
        filter: Annotated[  # noqa: A002 - the argument's name in every GraphQL API
            DiamondFilter | None, _argument(description="Search criteria, as for `diamonds`.")
        ] = UNSET,
        after: Annotated[str | None, _argument(description=_AFTER)] = UNSET,
    ) -> AsyncIterator[DiamondSearchEvent]:
        problems: dict[str, str] = {}
        criteria = FilterReader(given_or_none(filter), problems).read()
        if problems:
            raise ValidationFailed(problems)
        if criteria.tells_supplier_prices:
            info.context.require(Scope.PRICES_SUPPLIER)
        presenter = EventPresenter(info)
        ids = None if criteria.ids is None else frozenset(criteria.ids)
        return EventTopic(
            partial(presenter.searched, criteria=criteria),
            EventFilter(ids),
            _cursor(given_or_none(after)),
            audience=msgspec.json.encode(criteria),
        )


def _client(info: Info, client_id: str | None) -> str | None:
    """Return the client to filter by, if the caller may see its events."""
    client = given_or_none(client_id)
    if client is not None and client != info.context.caller.client_id:
        info.context.require(Scope.PURCHASES_ADMIN)
        return client.replace("\x00", "\ufffd")  # NUL is not storable in Postgres, so no client has this id
    return client


def _single(diamond_id: str | None) -> Sequence[str] | None:
    given = given_or_none(diamond_id)
    return None if given is None else [given]


def _stones(name: str, ids: Sequence[str] | None) -> frozenset[UUID] | None:
    if ids is None:
        return None
    if not 1 <= len(ids) <= MAX_WATCHED:
        raise ValidationFailed({name: f"should contain 1 to {MAX_WATCHED} ids"})
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
