"""Queries for related data of diamonds: similar ones, pairs, comparison, price history."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry
from strawberry import UNSET

from app.auth.scopes import Scope
from app.graphql.arguments import given_or_none
from app.graphql.context import Info
from app.graphql.diamonds.comparison import COMPARED, ComparisonRow, compare
from app.graphql.diamonds.types import Diamond, columns_of
from app.graphql.money import Money, money
from app.graphql.permissions import field
from app.graphql.relay import key_of
from inventory.catalog import prices, related
from inventory.catalog.related import RelatedDiamond
from inventory.catalog.search import DiamondSearch
from inventory.core.errors import ValidationFailed

_argument = strawberry.argument
_MAX_RELATED = 50
_MAX_POINTS = 100
_MIN_COMPARED = 2
_MAX_COMPARED = 5
_DiamondId = Annotated[strawberry.ID, _argument(description="Global id of the diamond, or its id in REST.")]
_Find = Callable[[DiamondSearch, UUID, int], Awaitable[Sequence[RelatedDiamond] | None]]


@strawberry.type(description="A related diamond and its differences from the given one.")
class SimilarDiamond:
    diamond: Diamond = strawberry.field(description="The diamond.")
    carat_difference: float = strawberry.field(description="Weight in carats minus that of the given diamond.")
    price_difference_percent: float = strawberry.field(
        description="Retail price minus that of the given diamond, in percent of the latter."
    )
    color_steps: int | None = strawberry.field(description="Grades of colour; positive if lower. Null without a grade.")
    clarity_steps: int | None = strawberry.field(
        description="Grades of clarity; positive if lower. Null without a grade."
    )
    distance: float = strawberry.field(
        description="Sum of the differences, each by its largest allowed one; 0 is equal."
    )


@strawberry.type(description="Comparison of diamonds, property by property.")
class DiamondComparison:
    diamonds: list[Diamond] = strawberry.field(description="The diamonds in the order of the ids, sold ones included.")
    missing_ids: list[strawberry.ID] = strawberry.field(description="Given ids of diamonds that left the inventory.")
    rows: list[ComparisonRow] = strawberry.field(description="Properties that at least one of the diamonds states.")


@strawberry.type(description="A retail price and when it began.")
class PricePoint:
    at: datetime = strawberry.field(description="When the price began; the time of entry for the first one.")
    price: Money = strawberry.field(description="The price.")


@strawberry.type
class RelatedQueries:
    """Fields of `Query` for related data of diamonds."""

    @field(
        description="Available and held diamonds that are similar: same origin and shape, carat within 5 percent, price within 10 "
        "percent, colour and clarity within one grade. The most similar first; null if the diamond is not in the inventory.",
        scope=Scope.DIAMONDS_READ,
    )
    async def similar_diamonds(
        self,
        info: Info,
        diamond_id: _DiamondId,
        first: Annotated[int | None, _argument(description=f"At most {_MAX_RELATED}; 10 if omitted.")] = UNSET,
    ) -> list[SimilarDiamond] | None:
        return await _related(info, related.similar, diamond_id, first)

    @field(
        description="Available and held diamonds that make a pair: same origin, shape, laboratory and fluorescence, carat within 3 "
        "percent, colour and clarity within one grade, length and width within 0.10 mm (0.15 mm above 2 carats), ratio within 0.03, "
        "table within 2 and depth within 1.5 percent. The best match first; null if the diamond is not in the inventory.",
        scope=Scope.DIAMONDS_READ,
    )
    async def matching_diamonds(
        self,
        info: Info,
        diamond_id: _DiamondId,
        first: Annotated[int | None, _argument(description=f"At most {_MAX_RELATED}; 10 if omitted.")] = UNSET,
    ) -> list[SimilarDiamond] | None:
        return await _related(info, related.matching, diamond_id, first)

    @field(
        description="The other diamonds with the same laboratory and certificate number: the same stone, offered by other suppliers. "
        "Available ones first, then by price. Null if the diamond is not in the inventory; empty if its certificate is hidden from "
        "the caller, or it has none.",
        scope=Scope.DIAMONDS_READ,
    )
    async def same_diamond_as(self, info: Info, diamond_id: _DiamondId) -> list[Diamond] | None:
        key = key_of(diamond_id, "Diamond")
        found = await related.same_certificate(info.context.search, key, columns_of(info.selection)) if key else None
        return None if found is None else [Diamond(row=row) for row in found]

    @field(description="Compares diamonds property by property.", scope=Scope.DIAMONDS_READ)
    async def diamond_comparison(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], _argument(description=f"2 to {_MAX_COMPARED} global ids, or ids in REST.")],
    ) -> DiamondComparison | None:
        keys = {text: key_of(text, "Diamond") for text in ids}
        if not _MIN_COMPARED <= len(keys) <= _MAX_COMPARED or len(keys) < len(ids):
            raise ValidationFailed({"ids": f"should contain 2 to {_MAX_COMPARED} different ids"})
        columns = COMPARED | columns_of(info.selection.below("diamonds"))
        found = await info.context.search.find([key for key in keys.values() if key], columns)
        present = [found[key] for key in keys.values() if key and key in found]
        return DiamondComparison(
            diamonds=[Diamond(row=row) for row in present],
            missing_ids=[strawberry.ID(text) for text, key in keys.items() if key not in found],
            rows=compare(present),
        )

    @field(
        description="Retail prices of a diamond, newest first. Changes are recorded since the version that stores them; null if the "
        "diamond is not in the inventory.",
        scope=Scope.DIAMONDS_READ,
    )
    async def price_history(
        self,
        info: Info,
        diamond_id: _DiamondId,
        first: Annotated[int | None, _argument(description=f"At most {_MAX_POINTS}; 20 if omitted.")] = UNSET,
    ) -> list[PricePoint] | None:
        key, limit = key_of(diamond_id, "Diamond"), _limit(first, 20, _MAX_POINTS)
        points = await prices.history(info.context.services.database, key, limit) if key else None
        return None if points is None else [PricePoint(at=one.at, price=money(one.price_cents)) for one in points]


def _limit(first: int | None, default: int, most: int) -> int:
    limit = given_or_none(first)
    if limit is not None and not 0 <= limit <= most:
        raise ValidationFailed({"first": f"should be between 0 and {most}"})
    return default if limit is None else limit


async def _related(info: Info, find: _Find, diamond_id: str, first: int | None) -> list[SimilarDiamond] | None:
    key, limit, search = key_of(diamond_id, "Diamond"), _limit(first, 10, _MAX_RELATED), info.context.search
    ranked = await find(search, key, limit) if key else None
    if ranked is None or key is None:
        return None
    columns = {"retail_price_cents", *columns_of(info.selection.below("diamond"))}
    rows = await search.find([key, *(one.id for one in ranked)], columns)
    price = rows[key].retail_price_cents if key in rows else 0
    return [
        SimilarDiamond(
            diamond=Diamond(row=rows[one.id]),
            carat_difference=one.carat_milli / 1000,
            price_difference_percent=round(100 * one.price_cents / price, 2) if price else 0.0,
            color_steps=one.color_steps,
            clarity_steps=one.clarity_steps,
            distance=one.distance,
        )
        for one in ranked
        if one.id in rows
    ]
