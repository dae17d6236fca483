"""Inputs of the search, and their conversion to search criteria and sort order."""

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
    description="Search criteria. All must match. A list matches any of its values; an empty list matches nothing. "
    "A diamond without a value does not match a criterion on that value."
)
class DiamondFilter:
    ids: list[strawberry.ID] | None = _criterion("Global ids.")
    shapes: list[Shape] | None = _criterion("Shapes.")
    carat: FloatRange | None = _criterion("Weight in carats.")
    price: CentsRange | None = _criterion("Retail price.")
    price_per_carat: CentsRange | None = _criterion("Retail price per carat.")
    supplier_price: CentsRange | None = _criterion("Price of the supplier. Needs the scope `prices:supplier`.")
    colors: list[ColorGrade] | None = _criterion("Colour grades.")
    clarities: list[ClarityGrade] | None = _criterion("Clarity grades.")
    cuts: list[CutGrade] | None = _criterion("Cut grades.")
    polishes: list[CutGrade] | None = _criterion("Polish grades.")
    symmetries: list[CutGrade] | None = _criterion("Symmetry grades.")
    fluorescences: list[Fluorescence] | None = _criterion("Strengths of fluorescence.")
    fancy_colors: list[str] | None = _criterion("Fancy colours, in any spelling of the supplier data.")
    fancy_intensities: list[str] | None = _criterion("Intensities of fancy colour, in any spelling.")
    fancy_overtones: list[str] | None = _criterion("Overtones of fancy colour, in any spelling.")
    lab_grown: bool | None = _criterion("Lab-grown (true) or natural (false).")
    treated: bool | None = _criterion("Treated (true) or stated as untreated (false).")
    certificate_labs: list[str] | None = _criterion("Laboratories of the certificate.")
    certificate_numbers: list[str] | None = _criterion("Certificate numbers that the caller may see.")
    length_mm: FloatRange | None = _criterion("Length in millimetres.")
    width_mm: FloatRange | None = _criterion("Width in millimetres.")
    height_mm: FloatRange | None = _criterion("Height in millimetres.")
    ratio: FloatRange | None = _criterion(
        "Ratio: longer side divided by the shorter one; for hearts and triangles length divided by width."
    )
    table_percent: FloatRange | None = _criterion("Table in percent.")
    depth_percent: FloatRange | None = _criterion("Depth in percent.")
    eye_clean: bool | None = _criterion("Stated as eye-clean (true) or not (false).")
    brown_tinge: bool | None = _criterion("Stated with (true) or without (false) a brown tinge.")
    green_tinge: bool | None = _criterion("Stated with (true) or without (false) a green tinge.")
    milky: bool | None = _criterion("Stated as milky (true) or not (false).")
    has_image: bool | None = _criterion("With (true) or without (false) an image.")
    has_video: bool | None = _criterion("With (true) or without (false) a video.")
    availability: list[Availability] | None = _criterion("Availability.")
    suppliers: list[str] | None = _criterion("Codes of suppliers.")
    rating: IntRange | None = _criterion("Rating.")
    created_since: datetime | None = _criterion("Entered the inventory at this time or later.")
    updated_since: datetime | None = _criterion("Changed at this time or later.")


@strawberry.enum(description="Sort keys. Diamonds without a value come last in both directions.")
class DiamondSortField(Enum):
    PRICE = strawberry.enum_value("PRICE", description="Retail price.")
    CARAT = strawberry.enum_value("CARAT", description="Weight.")
    PRICE_PER_CARAT = strawberry.enum_value("PRICE_PER_CARAT", description="Retail price per carat.")
    COLOR = strawberry.enum_value("COLOR", description="Colour grade; ascending is D, E, F.")
    CLARITY = strawberry.enum_value("CLARITY", description="Clarity grade; ascending is FL, IF, VVS1.")
    CREATED_AT = strawberry.enum_value(
        "CREATED_AT", description="Time of entry into the inventory; descending is newest first."
    )
    RATING = strawberry.enum_value("RATING", description="Rating; descending is best first.")
    SUPPLIER_PRICE = strawberry.enum_value(
        "SUPPLIER_PRICE", description="Price of the supplier. Needs the scope `prices:supplier`."
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


@strawberry.enum(description="Direction of a sort.")
class SortDirection(Enum):
    ASC = strawberry.enum_value("ASC", description="Smallest, oldest or best first.")
    DESC = strawberry.enum_value("DESC", description="Largest, newest or lowest grade first.")


@strawberry.input(description="Sort order. Equal diamonds are sorted by id, so the order is stable.")
class DiamondSort:
    by: DiamondSortField = strawberry.field(description="Sort key.")
    direction: SortDirection = strawberry.field(default=SortDirection.ASC, description="Direction.")


def read_order(sort: DiamondSort | None) -> SortOrder:
    """Convert a sort order; by retail price if none is given."""
    if not sort:
        return SortOrder(search.RETAIL_PRICE)
    return SortOrder(_SORTS[sort.by], descending=sort.direction is SortDirection.DESC)


class FilterReader:
    """Converts the input of a filter to search criteria and collects problems under the names of the input."""

    def __init__(self, given: DiamondFilter | None, problems: dict[str, str]) -> None:
        self._given = given or DiamondFilter()
        self._problems = problems

    def read(self) -> DiamondCriteria:
        """Return the criteria. They are invalid if there are problems."""
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
            raise ValueError("contains an id that is not the id of a diamond")
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
        raise ValueError("cannot contain OTHER")
    return str(member.value)


def read_text(text: str) -> str:
    """Read a text that the database can store, without surrounding spaces.

    Raises:
        ValueError: it is empty, too long, or contains a NUL character.
    """
    if not text or len(text) > _LONGEST_TEXT or "\x00" in text:
        raise ValueError(f"should contain texts of 1 to {_LONGEST_TEXT} characters")
    return text.strip() or text
