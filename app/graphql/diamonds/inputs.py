"""The arguments of a search, and how they become the catalog's filter and order."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import TypeVar
from uuid import UUID

import strawberry
from strawberry import UNSET

from app.graphql.arguments import CentsRange, FloatRange, IntRange, given_or_none, thousandths
from app.graphql.diamonds.grades import Availability, ClarityGrade, ColorGrade, CutGrade, Fluorescence, Shape
from app.graphql.relay import read_global_id
from inventory.catalog import search
from inventory.catalog.search import DiamondCriteria, NumericRange, SortKey, SortOrder
from inventory.catalog.vocabulary.criteria import fancy_colors, fancy_intensities, labs
from inventory.core.errors import NotFound

T = TypeVar("T")
S = TypeVar("S")

_MOST_VALUES = 200
_LONGEST_TEXT = 200
_LARGEST_SIZE = 1_000_000.0


def _criterion(description: str, name: str | None = None) -> T:  # type: ignore[type-var]  # whatever the field is
    return strawberry.field(default=UNSET, description=description, name=name)  # type: ignore[no-any-return]


@strawberry.input(
    description="Which diamonds. All criteria must match; lists match any of their values, an empty list nothing. "
    "A diamond without a value does not match a criterion on it."
)
class DiamondFilter:
    ids: list[strawberry.ID] | None = _criterion("These diamonds, by global id.")
    shapes: list[Shape] | None = _criterion("Of these shapes.")
    carat: FloatRange | None = _criterion("Of this weight in carats.")
    price: CentsRange | None = _criterion("At this retail price.")
    price_per_carat: CentsRange | None = _criterion("At this retail price per carat.")
    supplier_price: CentsRange | None = _criterion("At this supplier's price. Needs the scope `prices:supplier`.")
    colors: list[ColorGrade] | None = _criterion("Of these colours.")
    clarities: list[ClarityGrade] | None = _criterion("Of these clarities.")
    cuts: list[CutGrade] | None = _criterion("Of these cuts.")
    polishes: list[CutGrade] | None = _criterion("Of these polishes.")
    symmetries: list[CutGrade] | None = _criterion("Of these symmetries.")
    fluorescences: list[Fluorescence] | None = _criterion("Of these strengths of fluorescence.")
    fancy_colors: list[str] | None = _criterion("Of these fancy colours, in any spelling that the data may have.")
    fancy_intensities: list[str] | None = _criterion("Of these intensities of fancy colour, likewise.")
    fancy_overtones: list[str] | None = _criterion("Of these overtones of fancy colour, likewise.")
    lab_grown: bool | None = _criterion("Grown in a laboratory, or natural.")
    treated: bool | None = _criterion("Treated, or said not to be.")
    certificate_labs: list[str] | None = _criterion("With a report of these laboratories.")
    certificate_numbers: list[str] | None = _criterion(
        "With these report numbers, of the reports whose number the caller may see."
    )
    length_mm: FloatRange | None = _criterion("Of this length in millimetres.")
    width_mm: FloatRange | None = _criterion("Of this width in millimetres.")
    height_mm: FloatRange | None = _criterion("Of this height in millimetres.")
    ratio: FloatRange | None = _criterion(
        "Of this ratio: the longer side by the shorter one; hearts and triangles: length by width."
    )
    table_percent: FloatRange | None = _criterion("With this table, percent.")
    depth_percent: FloatRange | None = _criterion("With this depth, percent.")
    eye_clean: bool | None = _criterion("Said to be eye-clean, or said not to be.")
    brown_tinge: bool | None = _criterion("Said to have a brown tinge, or said not to.")
    green_tinge: bool | None = _criterion("Said to have a green tinge, or said not to.")
    milky: bool | None = _criterion("Said to be milky, or said not to be.")
    has_image: bool | None = _criterion("With a picture, or without.")
    has_video: bool | None = _criterion("With a video, or without.")
    availability: list[Availability] | None = _criterion("In these states.")
    suppliers: list[str] | None = _criterion("Of these suppliers, by code.")
    rating: IntRange | None = _criterion("With this rating.")
    created_since: datetime | None = _criterion("In the inventory since then, or later.")
    updated_since: datetime | None = _criterion("Changed at that instant or later.")


@strawberry.enum(description="What diamonds can be sorted by. Those without a value come last, in both directions.")
class DiamondSortField(Enum):
    PRICE = strawberry.enum_value("PRICE", description="The retail price.")
    CARAT = strawberry.enum_value("CARAT", description="The weight.")
    PRICE_PER_CARAT = strawberry.enum_value("PRICE_PER_CARAT", description="The retail price per carat.")
    COLOR = strawberry.enum_value("COLOR", description="The colour grade; ascending is D, E, F ...")
    CLARITY = strawberry.enum_value("CLARITY", description="The clarity grade; ascending is FL, IF, VVS1 ...")
    CREATED_AT = strawberry.enum_value("CREATED_AT", description="When it came in; descending is newest first.")
    RATING = strawberry.enum_value("RATING", description="Our rating; descending is best first.")
    SUPPLIER_PRICE = strawberry.enum_value(
        "SUPPLIER_PRICE", description="The supplier's price. Needs the scope `prices:supplier`."
    )


_SORTS: Mapping[DiamondSortField, SortKey] = {
    DiamondSortField.PRICE: search.RETAIL_PRICE,
    DiamondSortField.CARAT: search.CARAT,
    DiamondSortField.PRICE_PER_CARAT: search.RETAIL_PER_CARAT,
    DiamondSortField.COLOR: search.COLOR,
    DiamondSortField.CLARITY: search.CLARITY,
    DiamondSortField.CREATED_AT: search.CREATED,
    DiamondSortField.RATING: search.RATING,
    DiamondSortField.SUPPLIER_PRICE: search.SUPPLIER_PRICE,
}


@strawberry.enum(description="The direction of a sort.")
class SortDirection(Enum):
    ASC = strawberry.enum_value("ASC", description="The smallest, oldest or best grade first.")
    DESC = strawberry.enum_value("DESC", description="The largest, newest or lowest grade first.")


@strawberry.input(description="The order of diamonds. Equal ones go by id, so the order is always the same.")
class DiamondSort:
    by: DiamondSortField = strawberry.field(description="What to sort by.")
    direction: SortDirection = strawberry.field(default=SortDirection.ASC, description="Which end comes first.")


def read_order(sort: DiamondSort | None) -> SortOrder:
    """The catalog's order; by retail price where none was asked for."""
    if not sort:
        return SortOrder(search.RETAIL_PRICE)
    return SortOrder(_SORTS[sort.by], descending=sort.direction is SortDirection.DESC)


class FilterReader:
    """Turns a filter's input into the catalog's filter, and collects what is wrong under the input's names."""

    def __init__(self, given: DiamondFilter | None, problems: dict[str, str]) -> None:
        self._given = given or DiamondFilter()
        self._problems = problems

    def read(self) -> DiamondCriteria:
        """The filter. It means nothing if there are problems."""
        given = self._given
        return DiamondCriteria(
            ids=self._each("ids", given.ids, self._id),
            supplier=self._each("suppliers", given.suppliers, read_text),
            shape=self._each("shapes", given.shapes, lambda member: str(member.value)),
            color=self._each("colors", given.colors, _grade),
            clarity=self._each("clarities", given.clarities, _grade),
            cut=self._each("cuts", given.cuts, _grade),
            polish=self._each("polishes", given.polishes, _grade),
            symmetry=self._each("symmetries", given.symmetries, _grade),
            fluorescence=self._each("fluorescences", given.fluorescences, _grade),
            fancy_color=self._spelled("fancyColors", given.fancy_colors, fancy_colors),
            fancy_intensity=self._spelled("fancyIntensities", given.fancy_intensities, fancy_intensities),
            fancy_overtone=self._spelled("fancyOvertones", given.fancy_overtones, fancy_colors),
            availability=self._each("availability", given.availability, lambda member: str(member.value)),
            certificate_lab=self._spelled("certificateLabs", given.certificate_labs, labs),
            certificate_number=self._each("certificateNumbers", given.certificate_numbers, read_text),
            carat_milli=self._sizes("carat", given.carat),
            retail_price_cents=self._whole("price", given.price),
            retail_per_carat_cents=self._whole("pricePerCarat", given.price_per_carat),
            supplier_price_cents=self._whole("supplierPrice", given.supplier_price),
            length_milli=self._sizes("lengthMm", given.length_mm),
            width_milli=self._sizes("widthMm", given.width_mm),
            height_milli=self._sizes("heightMm", given.height_mm),
            ratio_milli=self._sizes("ratio", given.ratio),
            table_milli=self._sizes("tablePercent", given.table_percent),
            depth_milli=self._sizes("depthPercent", given.depth_percent),
            rating=self._whole("rating", given.rating),
            lab_grown=given_or_none(given.lab_grown),
            treated=given_or_none(given.treated),
            eye_clean=given_or_none(given.eye_clean),
            brown_tinge=given_or_none(given.brown_tinge),
            green_tinge=given_or_none(given.green_tinge),
            milky=given_or_none(given.milky),
            has_image=given_or_none(given.has_image),
            has_video=given_or_none(given.has_video),
            created_since=given_or_none(given.created_since),
            updated_since=given_or_none(given.updated_since),
        )

    def _each(self, name: str, given: Sequence[S] | None, read: Callable[[S], T]) -> Sequence[T] | None:
        values = given_or_none(given)
        if values is None:
            return None
        if len(values) > _MOST_VALUES:
            self._problems[f"filter.{name}"] = f"has more than {_MOST_VALUES} values"
            return None
        try:
            return [read(value) for value in values]
        except ValueError as error:
            self._problems[f"filter.{name}"] = str(error)
            return None

    def _spelled(
        self, name: str, given: Sequence[str] | None, spell: Callable[[Sequence[str]], Sequence[str]]
    ) -> Sequence[str] | None:
        texts = self._each(name, given, read_text)
        return None if texts is None else spell(texts)

    def _id(self, text: strawberry.ID) -> UUID:
        try:
            type_name, key = read_global_id(text)
        except NotFound:
            type_name, key = "", None
        if type_name != "Diamond" or key is None:
            raise ValueError("has an id that is no diamond's")
        return key

    def _sizes(self, name: str, given: FloatRange | None) -> NumericRange | None:
        ends = given_or_none(given)
        if not ends:
            return None
        smallest, largest = given_or_none(ends.min), given_or_none(ends.max)
        if any(end is not None and not 0 <= end <= _LARGEST_SIZE for end in (smallest, largest)):
            self._problems[f"filter.{name}"] = f"should lie between 0 and {_LARGEST_SIZE:.0f}"
            return None
        inside = thousandths(ends)
        return self._ordered(name, inside.min, inside.max)

    def _whole(self, name: str, given: CentsRange | IntRange | None) -> NumericRange | None:
        if given is UNSET or given is None:
            return None
        return self._ordered(name, given_or_none(given.min), given_or_none(given.max))

    def _ordered(self, name: str, smallest: int | None, largest: int | None) -> NumericRange:
        if smallest is not None and largest is not None and smallest > largest:
            self._problems[f"filter.{name}"] = "min is more than max"
        return NumericRange(smallest, largest)


def _grade(member: Enum) -> str:
    if member.value == "OTHER":
        raise ValueError("can't hold OTHER")
    return str(member.value)


def read_text(text: str) -> str:
    """A text that the database can hold, without the spaces around it.

    Raises:
        ValueError: it is empty, too long, or holds a NUL.
    """
    if not text or len(text) > _LONGEST_TEXT or "\x00" in text:
        raise ValueError(f"should hold texts of 1 to {_LONGEST_TEXT} characters")
    return text.strip() or text
