"""Query parameters of the diamond search: their names, their kinds, and the criteria that they become."""

from collections.abc import Callable, Sequence

import msgspec

from app.auth.scopes import Scope
from app.rest.parameters import (
    ParameterKind,
    Parameters,
    boolean,
    choice,
    grade,
    instant,
    page_of,
    thousandths,
    thousandths_down,
    whole,
    word,
)
from inventory.catalog import grades, search
from inventory.catalog.search import RETURNABLE, SHORTEST_PREFIX, DiamondCriteria, SortOrder
from inventory.catalog.vocabulary import criteria

SORTS = {
    "created_at": search.CREATED,
    "supplier_price_cents": search.SUPPLIER_PRICE,
    "retail_price_cents": search.RETAIL_PRICE,
    "retail_price_per_carat_cents": search.RETAIL_PER_CARAT,
    "carats": search.CARAT,
    "color": search.COLOR,
    "clarity": search.CLARITY,
    "cut": search.CUT,
    "ratio": search.RATIO,
    "delivery_days": search.DELIVERY,
    "rating": search.RATING,
}


def _prefix(text: str) -> str:
    if len(word.parse(text)) < SHORTEST_PREFIX:
        raise ValueError(f"should hold at least {SHORTEST_PREFIX} characters")
    return text


_shape = grade(grades.SHAPES, criteria.shape)
_color = grade(grades.COLORS, criteria.color)
_clarity = grade(grades.CLARITIES, criteria.clarity)
_cut = grade(grades.CUTS, criteria.cut)
_finish = grade(grades.FINISHES, criteria.finish)
_fluorescence = grade(grades.FLUORESCENCES, criteria.fluorescence)
_growth_method = choice({name: name for name in grades.GROWTH_METHODS})
_availability = choice({name: name for name in grades.AVAILABILITIES})
_cents = whole(0, 10**15 - 1)
_days = whole(0, 1000)
# At least three characters without the surrounding spaces, which are removed.
_start = ParameterKind(
    _prefix, {**word.schema, "minLength": SHORTEST_PREFIX, "pattern": r"^\s*[^\s\x00][^\x00]+[^\s\x00]\s*$"}
)
_sort = choice(SORTS)
_direction = choice({"desc": True, "asc": False})


class SearchRequest(msgspec.Struct, frozen=True):
    """Search parameters of a request. `page` counts from 1."""

    criteria: DiamondCriteria
    order: SortOrder
    page: int
    limit: int

    @property
    def tells_supplier_prices(self) -> bool:
        return self.criteria.tells_supplier_prices or self.order.sort.tells_supplier_prices


def read_search(parameters: Parameters) -> SearchRequest:
    """Read the search parameters of a query string.

    Raises:
        ValidationFailed: a parameter is invalid.
    """
    many, one, between = parameters.many, parameters.one, parameters.between
    diamond_criteria = DiamondCriteria(
        shape=many("shape", _shape, description="Any of these shapes."),
        color=many("color", _color, description="Any of these colours."),
        clarity=many("clarity", _clarity, description="Any of these clarities."),
        cut=many("cut", _cut, description="Any of these cuts."),
        carat_milli=between("carat", thousandths, thousandths_down, description="Carats"),
        lab_grown=one("lab_grown", boolean, description="Laboratory-grown or natural."),
        supplier_price_cents=between(
            "price", _cents, _cents, description="Supplier price in cents", scope=Scope.PRICES_SUPPLIER
        ),
        retail_price_cents=between("retail_price", _cents, _cents, description="Retail price in cents"),
        retail_per_carat_cents=between(
            "retail_price_per_carat", _cents, _cents, description="Retail price per carat in cents"
        ),
        polish=many("polish", _finish, description="Any of these polish grades."),
        symmetry=many("symmetry", _finish, description="Any of these symmetry grades."),
        fluorescence=many("fluorescence", _fluorescence, description="Any of these strengths of fluorescence."),
        fancy_color=_spelled(parameters, "fancy_color", criteria.fancy_colors, "Any of these fancy colours."),
        fancy_intensity=_spelled(
            parameters, "fancy_intensity", criteria.fancy_intensities, "Any of these intensities of fancy colour."
        ),
        growth_method=many("growth_method", _growth_method, description="Any of these methods of growth."),
        treated=one("treated", boolean, description="Treated, or stated as untreated."),
        eye_clean=one("eye_clean", boolean, description="Stated as eye-clean or not."),
        ratio_milli=between("ratio", thousandths, thousandths_down, description="Ratio of the sides"),
        length_milli=between("length_mm", thousandths, thousandths_down, description="Length in millimetres"),
        width_milli=between("width_mm", thousandths, thousandths_down, description="Width in millimetres"),
        height_milli=between("height_mm", thousandths, thousandths_down, description="Height in millimetres"),
        table_milli=between("table_percent", thousandths, thousandths_down, description="Table in percent"),
        depth_milli=between("depth_percent", thousandths, thousandths_down, description="Depth in percent"),
        has_image=one("has_image", boolean, description="With or without an image."),
        has_video=one("has_video", boolean, description="With or without a video."),
        has_spin=one("has_spin360", boolean, description="With or without a 360-degree view."),
        delivery_max_days=between("delivery_days", _days, _days, description="Longest delivery time in business days"),
        return_days=RETURNABLE.get(one("returnable", boolean, description="Stated as returnable or not.")),
        availability=many(
            "availability",
            _availability,
            description="Any of these availabilities; all of them if omitted, also sold diamonds, unlike in GraphQL.",
        ),
        supplier=many("supplier", word, description="Any of these codes of suppliers."),
        certificate_lab=_spelled(parameters, "certificate_lab", criteria.labs, "Any of these laboratories."),
        certificate_number=many(
            "certificate_number",
            word,
            description="Any of these certificate numbers. Withheld numbers need the scope `certificates:hidden`.",
        ),
        stock_number=many(
            "stock_number", word, description="Any of these stock numbers, withheld like those of certificates."
        ),
        number_prefix=one(
            "search",
            _start,
            description="Beginning of a certificate or stock number, at least 3 characters, withheld like these.",
        ),
        created_since=one("created_since", instant, description="Entered the inventory at this time or later."),
        updated_since=one("updated_since", instant, description="Changed at this time or later."),
    )
    sort = one("sort_by", _sort, description="Default: `created_at`. Grades sort by rank, best first.")
    descending = one("sort_order", _direction, description="Default: `desc`.")
    page, limit = page_of(parameters)
    parameters.check()
    return SearchRequest(diamond_criteria, SortOrder(sort or search.CREATED, descending is not False), page, limit)


def _spelled(
    parameters: Parameters, name: str, spell: Callable[[Sequence[str]], Sequence[str]], description: str
) -> Sequence[str] | None:
    """Read a list of texts in any spelling of the supplier data."""
    texts = parameters.many(name, word, description=description)
    return None if texts is None else spell(texts)
