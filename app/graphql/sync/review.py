"""Queries for the review of a stopped run: supplier items in quarantine, and diamonds that it would delete."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from app.auth.scopes import Scope
from app.graphql.arguments import given_or_none
from app.graphql.context import Info
from app.graphql.money import Money, money
from app.graphql.permissions import field
from app.graphql.relay import global_id, key_of
from inventory.core.errors import ValidationFailed
from inventory.runs.models import Run
from inventory.runs.review import QuarantineGroup as Group
from inventory.runs.review import RawItem

_argument = strawberry.argument

_LARGEST_PAGE = 100
_MAX_ID_LENGTH = 256


@strawberry.type(description="A supplier item in quarantine.")
class QuarantinedItem:
    item: strawberry.Private[RawItem]

    supplier: str = strawberry.field(description="Code of the supplier.")
    supplier_stone_id: str = strawberry.field(description="Id of the stone at the supplier.")
    observed_at: datetime = strawberry.field(description="When this payload was first received.")

    @field(description="Payload as received. Also needs the scope `certificates:hidden`.", scope=Scope.PRICES_SUPPLIER)
    def payload(self, info: Info) -> JSON | None:
        info.context.require(Scope.CERTIFICATES_HIDDEN)
        return _payload(self.item)


@strawberry.type(description="A supplier item as it was received.")
class SupplierItem:
    item: strawberry.Private[RawItem]

    problem: str | None = strawberry.field(description="Why it is in quarantine; null if it is not.")
    observed_at: datetime = strawberry.field(description="When this payload was first received.")

    @field(description="Payload as received.")
    def payload(self) -> JSON:
        return _payload(self.item)


@strawberry.type(description="Supplier items in quarantine for one problem.")
class QuarantineGroup:
    field_name: str = strawberry.field(description="Field of the supplier item, such as `certificate.carats`.")
    reason: str = strawberry.field(description="What is wrong with it.")
    count: int = strawberry.field(description="Number of items.")
    examples: list[QuarantinedItem] = strawberry.field(description="Up to three of the items.")


@strawberry.type(description="An active diamond that a full run did not see.")
class MissingDiamond:
    id: strawberry.ID = strawberry.field(description="Global id of the diamond.")
    database_id: UUID = strawberry.field(description="Id of the diamond in REST.")
    supplier_stone_id: str = strawberry.field(description="Id of the stone at the supplier; the cursor for `after`.")
    shape: str = strawberry.field(description="Shape.")
    carat: float = strawberry.field(description="Weight in carats.")
    price: Money = strawberry.field(description="Retail price.")


@strawberry.type(
    description="Active diamonds that a full run did not see. Its consolidation asks the supplier for each again, and deletes "
    "those that the supplier no longer has."
)
class MissingDiamonds:
    run: strawberry.Private[Run]
    diamonds: list[MissingDiamond] = strawberry.field(description="Diamonds of this page, by the supplier's id.")

    @field(description="Number of all these diamonds. Computed only if selected.")
    async def total_count(self, info: Info) -> int:
        return await info.context.services.review.count_missing(self.run)


@strawberry.type
class ReviewQueries:
    """Fields of `Query` for the review of a run."""

    @field(
        description="Supplier items in quarantine by problem, the most frequent first, at most 100 problems.",
        scope=Scope.SYNC_READ,
    )
    async def quarantine(
        self,
        info: Info,
        run_id: Annotated[
            strawberry.ID | None, _argument(description="Only items that this run read; all items by default.")
        ] = UNSET,
        feed: Annotated[
            str | None, _argument(description="Only items of this feed, such as `nivoda`; of all feeds by default.")
        ] = UNSET,
    ) -> list[QuarantineGroup] | None:
        given = given_or_none(run_id)
        key = None if given is None else key_of(given, "SyncRun")
        if given is not None and key is None:
            return []
        found = await info.context.services.review.quarantine(key, given_or_none(feed))
        return [_group_to_graphql(group) for group in found]

    @field(
        description="The newest payload of a stone of the supplier, as received. Null if there is none. Also needs the scope "
        "`certificates:hidden`.",
        scope=Scope.PRICES_SUPPLIER,
    )
    async def supplier_item(
        self,
        info: Info,
        supplier_stone_id: Annotated[str, _argument(description="Id of the stone at the supplier.")],
        supplier: Annotated[
            str | None, _argument(description="Code of the supplier; by default the first of the setting FEEDS.")
        ] = UNSET,
    ) -> SupplierItem | None:
        info.context.require(Scope.CERTIFICATES_HIDDEN)
        services = info.context.services
        code = given_or_none(supplier) or services.settings.sync.feed
        if any(len(text) > _MAX_ID_LENGTH or "\x00" in text for text in (supplier_stone_id, code)):
            return None
        found = await services.review.item(code, supplier_stone_id)
        return SupplierItem(item=found, problem=found.problem, observed_at=found.observed_at) if found else None

    @field(
        description="Active diamonds that a full run did not see: what its consolidation may delete. Null if there is no such run.",
        scope=Scope.SYNC_READ,
    )
    async def missing_diamonds(
        self,
        info: Info,
        run_id: Annotated[
            strawberry.ID, _argument(description="Global id of the run, or the id in logs and commands.")
        ],
        first: Annotated[int, _argument(description="Page size, at most 100.")] = 20,
        after: Annotated[
            str | None, _argument(description="Diamonds after this id of a stone at the supplier.")
        ] = UNSET,
    ) -> MissingDiamonds | None:
        place = given_or_none(after) or ""
        problems: dict[str, str] = {}
        if not 0 <= first <= _LARGEST_PAGE:
            problems["first"] = f"should be between 0 and {_LARGEST_PAGE}"
        if len(place) > _MAX_ID_LENGTH or "\x00" in place:
            problems["after"] = "is not an id of a stone"
        if problems:
            raise ValidationFailed(problems)
        key = key_of(run_id, "SyncRun")
        services = info.context.services
        run = (await services.runs.find([key])).get(key) if key else None
        if run is None:
            return None
        found = await services.review.missing(run, place, first) if "diamonds" in info.selection else []
        return MissingDiamonds(
            run=run,
            diamonds=[
                MissingDiamond(
                    id=global_id("Diamond", one.id),
                    database_id=one.id,
                    supplier_stone_id=one.supplier_stone_id,
                    shape=one.shape,
                    carat=one.carat_milli / 1000,
                    price=money(one.retail_price_cents),
                )
                for one in found
            ],
        )


def _payload(item: RawItem) -> JSON:
    # The supplier may send bytes that are not JSON: these are shown as text.
    try:
        return JSON(msgspec.json.decode(item.payload))
    except (msgspec.MsgspecError, RecursionError):
        return JSON(item.payload)


def _group_to_graphql(group: Group) -> QuarantineGroup:
    name, _, reason = group.problem.partition(": ")
    return QuarantineGroup(
        field_name=name if reason else "item",
        reason=reason or name,
        count=group.items,
        examples=[
            QuarantinedItem(
                item=one, supplier=one.feed, supplier_stone_id=one.supplier_stone_id, observed_at=one.observed_at
            )
            for one in group.examples
        ],
    )
