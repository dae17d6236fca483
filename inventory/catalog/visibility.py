"""Hidden values: certificates (number and document) and measurements that a supplier requires to be hidden.

`VisibleSearch` wraps a search for callers without access to hidden values. It removes the values from every diamond, and
criteria on them do not match, so that no page, count, cursor or facet reveals them.
"""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import msgspec

from inventory.catalog.diamond import Diamond
from inventory.catalog.facets import STANDARD_EDGES, Edges, Facets
from inventory.catalog.search import (
    DiamondCriteria,
    DiamondSearch,
    PageOffset,
    PageWindow,
    SearchHit,
    SearchPage,
    SortOrder,
)

_MEASURES = frozenset({"length_milli", "width_milli", "height_milli", "ratio_milli", "table_milli", "depth_milli"})
_MEASUREMENTS = _MEASURES | {"measurements"}
_ADDRESSES = ("image_url", "video_url", "spin_url", "stock_number", "supplier_stock_number")
# Columns that may contain a certificate number: URLs and texts repeat it.
_CERTIFICATE = frozenset({"certificate_number", "certificate_pdf_url", "attributes", *_ADDRESSES})
_SHORTEST_NUMBER = 4

_read = msgspec.json.Decoder(dict[str, Any]).decode
_write = msgspec.json.Encoder().encode


class VisibleSearch(DiamondSearch):
    """Search that excludes hidden certificates and hidden measurements."""

    def __init__(self, search: DiamondSearch) -> None:
        self._search = search

    async def page(
        self, criteria: DiamondCriteria, order: SortOrder, stretch: PageWindow | PageOffset, columns: Collection[str]
    ) -> SearchPage:
        return _shown_page(await self._search.page(_narrowed(criteria), order, stretch, _with_flags(columns)))

    async def count(self, criteria: DiamondCriteria) -> int:
        return await self._search.count(_narrowed(criteria))

    async def counted_page(
        self, criteria: DiamondCriteria, order: SortOrder, stretch: PageWindow | PageOffset, columns: Collection[str]
    ) -> tuple[int, SearchPage]:
        total, page = await self._search.counted_page(_narrowed(criteria), order, stretch, _with_flags(columns))
        return total, _shown_page(page)

    async def facets(
        self,
        criteria: DiamondCriteria,
        names: Collection[str],
        *,
        disregard_own: bool = False,
        edges: Edges = STANDARD_EDGES,
    ) -> Facets:
        return await self._search.facets(_narrowed(criteria), names, disregard_own=disregard_own, edges=edges)

    async def find(self, ids: Collection[UUID], columns: Collection[str]) -> Mapping[UUID, Diamond]:
        found = await self._search.find(ids, _with_flags(columns))
        return {key: _shown(diamond) for key, diamond in found.items()}


def visible(search: DiamondSearch, *, sees_hidden: bool) -> DiamondSearch:
    """Return the search for a caller. `sees_hidden`: whether the caller has access to hidden values."""
    return search if sees_hidden else VisibleSearch(search)


def shown(diamond: Diamond, *, sees_hidden: bool) -> Diamond:
    """Remove hidden values of a diamond unless `sees_hidden`."""
    return diamond if sees_hidden else _shown(diamond)


def _narrowed(criteria: DiamondCriteria) -> DiamondCriteria:
    """Add conditions so that no diamond matches by a hidden value."""
    flags = {}
    # A dealer may use the certificate number as stock number.
    if any(text is not None for text in (criteria.certificate_number, criteria.stock_number, criteria.number_prefix)):
        flags["certificate_hidden"] = False
    if any(getattr(criteria, name) is not None for name in _MEASURES):
        flags["measurements_hidden"] = False
    return msgspec.structs.replace(criteria, **flags) if flags else criteria


def _with_flags(columns: Collection[str]) -> frozenset[str]:
    needed = frozenset(columns)
    if needed & _CERTIFICATE:
        needed |= {"certificate_hidden", "certificate_number"}
    return needed | {"measurements_hidden"} if needed & _MEASUREMENTS else needed


def _shown_page(page: SearchPage) -> SearchPage:
    if not any(_hides(hit.diamond) for hit in page.hits):
        return page
    return SearchPage([_shown_hit(hit) for hit in page.hits], more=page.more)


def _shown_hit(hit: SearchHit) -> SearchHit:
    diamond = _shown(hit.diamond)
    return hit if diamond is hit.diamond else SearchHit(diamond, hit.position)


def _shown(diamond: Diamond) -> Diamond:
    if not _hides(diamond):
        return diamond
    changes: dict[str, Any] = {}
    if diamond.certificate_hidden is True:
        changes |= _without_certificate(diamond)
    if diamond.measurements_hidden is True:
        changes |= dict.fromkeys(_MEASURES) | {"measurements": "{}"}
    asked = {name: value for name, value in changes.items() if getattr(diamond, name) is not msgspec.UNSET}
    return msgspec.structs.replace(diamond, **asked) if asked else diamond


def _hides(diamond: Diamond) -> bool:
    return diamond.certificate_hidden is True or diamond.measurements_hidden is True


def _without_certificate(diamond: Diamond) -> dict[str, Any]:
    changes: dict[str, Any] = {"certificate_number": None, "certificate_pdf_url": None}
    number = (diamond.certificate_number or "").casefold()
    if len(number) < _SHORTEST_NUMBER:
        return changes
    for name in _ADDRESSES:
        if number in (getattr(diamond, name) or "").casefold():
            changes[name] = None
    attributes: Any = diamond.attributes  # UNSET if not selected
    if attributes and number in attributes.casefold():
        changes["attributes"] = _write(_without(_read(attributes), number)).decode()
    return changes


def _without(value: Any, number: str) -> Any:
    """Remove the texts that contain a number from a JSON value."""
    match value:
        case dict():
            return {name: _without(part, number) for name, part in value.items() if not _holds(part, number)}
        case list():
            return [_without(part, number) for part in value if not _holds(part, number)]
    return value


def _holds(value: Any, number: str) -> bool:
    return isinstance(value, str) and number in value.casefold()
