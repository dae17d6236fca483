"""Conversion of the filter's input to search criteria."""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import TypeVar
from uuid import UUID

import strawberry
from strawberry import UNSET

from app.graphql.arguments import CentsRange, FloatRange, IntRange, given_or_none, thousandths
from app.graphql.diamonds.inputs import (
    ClarityRange,
    ColorRange,
    CutRange,
    DiamondExclusion,
    DiamondFilter,
    FluorescenceRange,
)
from app.graphql.relay import key_of
from inventory.catalog import grades
from inventory.catalog.search import OFFERED, RETURNABLE, SHORTEST_PREFIX, DiamondCriteria, NumericRange
from inventory.catalog.vocabulary.criteria import fancy_colors, fancy_intensities, labs

T = TypeVar("T")
S = TypeVar("S")
GradeRange = ColorRange | ClarityRange | CutRange | FluorescenceRange

_MAX_VALUES = 200
_MAX_TEXT_LENGTH = 200
_LARGEST_SIZE = 1_000_000.0


class FilterReader:
    """Converts the input of a filter to search criteria and collects problems under the names of the input."""

    def __init__(self, given: DiamondFilter | None, problems: dict[str, str]) -> None:
        self._given = given
        self._problems = problems

    def read(self) -> DiamondCriteria:
        """Return the criteria. They are invalid if there are problems."""
        if self._given is None:
            return OFFERED
        given = self._given
        ids = self._each("ids", given.ids, _diamond_id)
        availability = self._each("availability", given.availability, lambda member: str(member.value))
        return DiamondCriteria(
            ids=ids,
            supplier=self._each("suppliers", given.suppliers, read_text),
            shape=self._each("shapes", given.shapes, lambda member: str(member.value)),
            color=self._grades("colors", given.colors, "color", given.color, grades.COLORS),
            clarity=self._grades("clarities", given.clarities, "clarity", given.clarity, grades.CLARITIES),
            cut=self._grades("cuts", given.cuts, "cut", given.cut, grades.CUTS),
            polish=self._grades("polishes", given.polishes, "polish", given.polish, grades.FINISHES),
            symmetry=self._grades("symmetries", given.symmetries, "symmetry", given.symmetry, grades.FINISHES),
            fluorescence=self._grades(
                "fluorescences", given.fluorescences, "fluorescence", given.fluorescence, grades.FLUORESCENCES
            ),
            fluorescence_color=self._each("fluorescenceColors", given.fluorescence_colors, _upper),
            fancy_color=self._spelled("fancyColors", given.fancy_colors, fancy_colors),
            fancy_intensity=self._spelled("fancyIntensities", given.fancy_intensities, fancy_intensities),
            fancy_overtone=self._spelled("fancyOvertones", given.fancy_overtones, fancy_colors),
            growth_method=self._each("growthMethods", given.growth_methods, lambda member: str(member.value)),
            availability=OFFERED.availability if availability is None and ids is None else availability,
            certificate_lab=self._spelled("certificateLabs", given.certificate_labs, labs),
            certificate_number=self._each("certificateNumbers", given.certificate_numbers, read_text),
            stock_number=self._each("stockNumbers", given.stock_numbers, read_text),
            number_prefix=self._prefix(given_or_none(given.search)),
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
            delivery_max_days=self._whole("deliveryDays", given.delivery_days),
            return_days=RETURNABLE.get(given_or_none(given.returnable)),
            lab_grown=given_or_none(given.lab_grown),
            treated=given_or_none(given.treated),
            eye_clean=given_or_none(given.eye_clean),
            brown_tinge=given_or_none(given.brown_tinge),
            green_tinge=given_or_none(given.green_tinge),
            milky=given_or_none(given.milky),
            has_image=given_or_none(given.has_image),
            has_video=given_or_none(given.has_video),
            has_spin=given_or_none(given.has_spin360),
            created_since=given_or_none(given.created_since),
            updated_since=given_or_none(given.updated_since),
            exclude=self._exclusion(given_or_none(given.exclude)),
        )

    def _exclusion(self, given: DiamondExclusion | None) -> DiamondCriteria | None:
        if given is None:
            return None
        labs_given = self._each("exclude.certificateLabs", given.certificate_labs, read_text)
        return DiamondCriteria(
            ids=self._each("exclude.ids", given.ids, _diamond_id),
            supplier=self._each("exclude.suppliers", given.suppliers, read_text),
            shape=self._each("exclude.shapes", given.shapes, lambda member: str(member.value)),
            color=self._each("exclude.colors", given.colors, _grade),
            clarity=self._each("exclude.clarities", given.clarities, _grade),
            cut=self._each("exclude.cuts", given.cuts, _grade),
            fluorescence=self._each("exclude.fluorescences", given.fluorescences, _grade),
            growth_method=self._each("exclude.growthMethods", given.growth_methods, _grade),
            certificate_lab=None if labs_given is None else labs(labs_given),
            treated=given_or_none(given.treated),
            brown_tinge=given_or_none(given.brown_tinge),
            green_tinge=given_or_none(given.green_tinge),
            milky=given_or_none(given.milky),
        )

    def _grades(
        self,
        list_name: str,
        listed: Sequence[Enum] | None,
        name: str,
        ends: GradeRange | None,
        scale: Sequence[str],
    ) -> Sequence[str] | None:
        """The grades of a list and of a range; those of both if both are given."""
        wanted = self._each(list_name, listed, _grade)
        between = ends or None
        if between is None:
            return wanted
        best, lowest = given_or_none(between.from_), given_or_none(between.to)
        try:
            first = 0 if best is None else scale.index(best.value)
            last = len(scale) - 1 if lowest is None else scale.index(lowest.value)
        except ValueError:
            self._problems[f"filter.{name}"] = "cannot begin or end with OTHER"
            return None
        if first > last:
            self._problems[f"filter.{name}"] = "from is after to; the best grade comes first"
        inside = scale[first : last + 1]
        return inside if wanted is None else [grade for grade in wanted if grade in inside]

    def _prefix(self, text: str | None) -> str | None:
        if text is None:
            return None
        try:
            found = read_text(text)
        except ValueError as error:
            self._problems["filter.search"] = str(error)
            return None
        if len(found) < SHORTEST_PREFIX:
            self._problems["filter.search"] = f"should hold at least {SHORTEST_PREFIX} characters"
        return found

    def _each(self, name: str, given: Sequence[S] | None, read: Callable[[S], T]) -> Sequence[T] | None:
        values = given_or_none(given)
        if values is None:
            return None
        if len(values) > _MAX_VALUES:
            self._problems[f"filter.{name}"] = f"has more than {_MAX_VALUES} values"
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
    return str(member.value)


def _upper(text: str) -> str:
    return read_text(text).upper()


def _diamond_id(text: strawberry.ID) -> UUID:
    key = key_of(text, "Diamond")
    if key is None:
        raise ValueError("contains an id that is not the id of a diamond")
    return key


def read_text(text: str) -> str:
    """Read a text that the database can store, without surrounding spaces.

    Raises:
        ValueError: it is empty, too long, or contains a NUL character.
    """
    if not text or len(text) > _MAX_TEXT_LENGTH or "\x00" in text:
        raise ValueError(f"should contain texts of 1 to {_MAX_TEXT_LENGTH} characters")
    return text.strip() or text
