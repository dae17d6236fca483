"""Table of the search index: active diamonds in the order of their ids, column by column.

Not thread-safe: all calls come from one thread at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
from asyncpg.pgproto import pgproto

from inventory.catalog.facets import (
    COUNTED,
    HIDEABLE,
    STANDARD_EDGES,
    Edges,
    Facets,
    Histogram,
    edges_of,
)
from inventory.catalog.index.columns import Array, Column, DictionaryColumn, IntegerColumn, Integers, Mask, widened
from inventory.catalog.index.criteria import ENCODED, INTEGERS, hidden_measurements, mask_of, sort_column
from inventory.catalog.index.distribution import Matches
from inventory.catalog.search import (
    LAST,
    DiamondCriteria,
    PageOffset,
    PageWindow,
    SortOrder,
    SortPosition,
)
from inventory.catalog.statements import gap
from inventory.core.lean_imports import lazy_module

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy_module("numpy")  # see inventory.catalog.index.columns

_LAST = LAST  # sort key of a diamond without a value
_ID = [("high", ">u8"), ("low", ">u8")]


class PagePlan(msgspec.Struct, frozen=True):
    """Positions of the diamonds of a page, in its order. `more`: whether further diamonds follow in the direction of paging.

    `total`: number of all matching diamonds.
    """

    positions: Sequence[SortPosition]
    more: bool
    total: int


class EncodedRows(msgspec.Struct, frozen=True):
    """Encoded rows: both halves of their ids, and an array for each column."""

    high: Array
    low: Array
    columns: Sequence[Array]


class IndexTable:
    """Columns of all active diamonds. `version`: data version of the content; None during a change."""

    def __init__(self) -> None:
        self.version: str | None = None
        self._high = np.empty(0, np.uint64)
        self._low = np.empty(0, np.uint64)
        self._columns: dict[str, Column] = {
            **{name: DictionaryColumn() for name in ENCODED},
            **{name: IntegerColumn() for name in INTEGERS},
        }

    def __len__(self) -> int:
        return len(self._high)

    @property
    def size_bytes(self) -> int:
        """Memory of the columns and ids."""
        return sum(column.nbytes for column in self._columns.values()) + self._high.nbytes + self._low.nbytes

    def encode(self, rows: Sequence[Sequence[Any]]) -> EncodedRows:
        """Encode rows, which must be ordered by id. A row is an id and the values of `ENCODED` and `INTEGERS`."""
        ids, *values = zip(*rows, strict=True) if rows else ([], *([] for _ in self._columns))
        columns = zip(self._columns.values(), values, strict=True)
        return EncodedRows(*_halves(ids), [column.encode(part) for column, part in columns])

    def append(self, parts: Sequence[EncodedRows]) -> None:
        """Append rows. Their ids must be greater than all stored ids."""
        self._insert(parts, np.full(sum(len(part.high) for part in parts), len(self)))

    def replace(self, ids: Collection[UUID], rows: EncodedRows) -> None:
        """Replace the diamonds `ids` with `rows`. A diamond without a row is removed."""
        slots = self._slots(*_halves(sorted(ids)))
        found = slots[slots >= 0]
        if len(found):
            keep = np.ones(len(self), np.bool_)
            keep[found] = False
            self._high, self._low = self._high[keep], self._low[keep]
            for column in self._columns.values():
                column.data = column.data[keep]
        if len(rows.high):
            self._insert([rows], self._places(rows.high, rows.low))

    def count(self, criteria: DiamondCriteria) -> int:
        """Count the matching diamonds."""
        mask = mask_of(self._columns, criteria)
        return len(self) if mask is None else int(np.count_nonzero(mask))

    def page(self, criteria: DiamondCriteria, order: SortOrder, stretch: PageWindow | PageOffset) -> PagePlan:
        """Find the positions of a page."""
        rows = self._rows(mask_of(self._columns, criteria))
        if order.then:
            return self._page_by_levels(rows, order, stretch)
        total = len(rows)
        keys = self._keys(rows, order)
        backwards = False
        start = 0
        if isinstance(stretch, PageOffset):
            start = stretch.offset
        else:
            backwards = stretch.backwards
            inside = self._inside(rows, keys, order, stretch)
            if inside is not None:
                rows, keys = rows[inside], keys[inside]
        chosen = _first(keys, start + stretch.limit + 1, ids_down=order.descending != backwards, keys_down=backwards)
        chosen = chosen[start:]
        more = len(chosen) > stretch.limit
        chosen = chosen[: stretch.limit]
        if backwards:
            chosen = chosen[::-1]
        return PagePlan(self._positions(rows[chosen], keys[chosen], order), more, total)

    def _page_by_levels(self, rows: Array, order: SortOrder, stretch: PageWindow | PageOffset) -> PagePlan:
        """Positions of a page in an order of several sorts, whose values and ids all ascend."""
        total = len(rows)
        keys = [self._keys(rows, level) for level in order.levels]
        start, backwards = 0, False
        if isinstance(stretch, PageOffset):
            start = stretch.offset
        else:
            backwards = stretch.backwards
            inside = np.ones(len(rows), np.bool_)
            for position, after in ((stretch.after, True), (stretch.before, False)):
                if position is not None:
                    inside &= self._beyond(rows, keys, position, after=after)
            rows, keys = rows[inside], [values[inside] for values in keys]
        size = start + stretch.limit + 1
        first = -keys[0] if backwards else keys[0]
        numbers = np.arange(len(rows))
        if size < len(rows):  # a row with a greater first key than the last one of the page is not on the page
            numbers = np.flatnonzero(first <= np.partition(first, size - 1)[size - 1])
        ordered = numbers[np.lexsort((rows[numbers], *(values[numbers] for values in reversed(keys))))]
        chosen = (ordered[::-1] if backwards else ordered)[start:size]
        more = len(chosen) > stretch.limit
        chosen = chosen[: stretch.limit]
        if backwards:
            chosen = chosen[::-1]
        values = zip(*(level[chosen].tolist() for level in keys), strict=True)
        ids = self._ids(rows[chosen])
        positions = [SortPosition(one[0], key, tuple(one[1:])) for one, key in zip(values, ids, strict=True)]
        return PagePlan(positions, more, total)

    def _beyond(self, rows: Array, keys: Sequence[Integers], position: SortPosition, *, after: bool) -> Mask:
        """Select the rows on one side of a position, in an order of several sorts."""
        place = int(self._places(*_halves([position.id]))[0])
        present = place < len(self) and self._id(place) == position.id
        beyond: Mask = rows >= place + present if after else rows < place
        for values, value in reversed(list(zip(keys, position.values, strict=True))):
            beyond = ((values > value) if after else (values < value)) | ((values == value) & beyond)
        return beyond

    def facets(
        self,
        criteria: DiamondCriteria,
        names: Collection[str],
        *,
        disregard_own: bool,
        edges: Edges = STANDARD_EDGES,
    ) -> Facets:
        """Compute facets, see `DiamondSearch.facets`."""
        own = [name for name in names if disregard_own and getattr(criteria, name) is not None]
        rows, without = self._near_rows(criteria, own)
        hidden = hidden_measurements(self._columns)
        any_hidden = bool(hidden.any())
        known: dict[tuple[str | None, bool], Matches] = {}
        counts: dict[str, dict[str | None, int]] = {}
        histograms: dict[str, Histogram] = {}
        for name in names:
            column, hides = self._columns[name], any_hidden and name in HIDEABLE
            key = (name if name in without else None, hides)
            if key not in known:
                matching = np.concatenate((rows, without[name])) if name in without else rows
                known[key] = Matches.of(matching[~hidden[matching]] if hides else matching, len(self))
            if name in COUNTED:
                assert isinstance(column, DictionaryColumn)  # noqa: S101 - by the columns' definition
                found = zip(column.values, column.counts(known[key]).tolist(), strict=True)
                counts[name] = {_label(value): number for value, number in found if number}
            else:
                histograms[name] = column.distribution(known[key]).histogram(edges_of(name, edges))
        return Facets(counts, histograms)

    def _near_rows(self, criteria: DiamondCriteria, own: Sequence[str]) -> tuple[Array, dict[str, Array]]:
        """Find the matching rows, and for each of the criteria `own` the rows that match all criteria except this one."""
        shared = mask_of(self._columns, criteria, leaving=own)
        if not own:
            return self._rows(shared), {}
        # A row that does not match the shared criteria misses two, so it is never near.
        missed = np.zeros(len(self), np.uint8) if shared is None else 2 * (~shared).view(np.uint8)
        which = np.zeros(len(self), np.uint8)
        for number, name in enumerate(own):
            mask = mask_of(self._columns, DiamondCriteria(**{name: getattr(criteria, name)}))
            if mask is not None:
                failed = (~mask).view(np.uint8)
                missed += failed
                which += failed * number
        near = np.flatnonzero(missed == 1)
        reason = which.take(near)
        return np.flatnonzero(missed == 0), {name: near[reason == number] for number, name in enumerate(own)}

    def _rows(self, mask: Mask | None) -> Array:
        return np.arange(len(self)) if mask is None else np.flatnonzero(mask)

    def _keys(self, rows: Array, order: SortOrder) -> Integers:
        """Sort keys of rows. They ascend in the order; NULLs are last."""
        column = sort_column(order.sort)
        values = self._columns[column].integers(rows, _LAST)
        if column in HIDEABLE:
            values[hidden_measurements(self._columns)[rows]] = _LAST
        if not order.descending:
            return values
        return np.where(values == _LAST, _LAST, -values) if order.sort.nullable else -values

    def _inside(self, rows: Array, keys: Integers, order: SortOrder, window: PageWindow) -> Mask | None:
        """Select the rows between the positions of a window."""
        inside: Mask | None = None
        for position, after in ((window.after, True), (window.before, False)):
            if position is None:
                continue
            key = _key(position, order)
            # Rows before this place have smaller ids; a stored id is at it.
            place = int(self._places(*_halves([position.id]))[0])
            present = place < len(self) and self._id(place) == position.id
            onward = after != order.descending  # towards larger ids
            ids = rows >= place + present if onward else rows < place
            beyond = ((keys > key) if after else (keys < key)) | ((keys == key) & ids)
            inside = beyond if inside is None else inside & beyond
        return inside

    def _positions(self, rows: Array, keys: Integers, order: SortOrder) -> list[SortPosition]:
        values = [gap(order) if key == _LAST else -key if order.descending else key for key in keys.tolist()]
        return list(map(SortPosition, values, self._ids(rows)))

    def _ids(self, rows: Array) -> list[UUID]:
        """Return the ids of rows. asyncpg's UUID is the standard one, written in C."""
        halves = np.empty(len(rows), _ID)
        halves["high"], halves["low"] = self._high[rows], self._low[rows]
        content = halves.tobytes()
        return [pgproto.UUID(content[start : start + 16]) for start in range(0, len(content), 16)]

    def _id(self, row: int) -> UUID:
        return UUID(int=int(self._high[row]) << 64 | int(self._low[row]))

    def _places(self, high: Array, low: Array) -> Array:
        """Return the places of ids, or the places at which they would be inserted."""
        places = np.searchsorted(self._high, high)
        at = np.minimum(places, max(len(self) - 1, 0))
        # Ids with the same first half are rare. The second half decides.
        same = (places < len(self)) & (self._high[at] == high) & (self._low[at] < low) if len(self) else ()
        for number in np.flatnonzero(same):
            place = int(places[number])
            while place < len(self) and self._high[place] == high[number] and self._low[place] < low[number]:
                place += 1
            places[number] = place
        return places

    def _slots(self, high: Array, low: Array) -> Array:
        """Return the row numbers of ids; -1 for an id that is not stored."""
        places = self._places(high, low)
        if not len(self):
            return np.full(len(places), -1)
        at = np.minimum(places, len(self) - 1)
        found = (places < len(self)) & (self._high[at] == high) & (self._low[at] == low)
        return np.where(found, places, -1)

    def _insert(self, parts: Sequence[EncodedRows], places: Array) -> None:
        self._high = np.insert(self._high, places, np.concatenate([part.high for part in parts]))
        self._low = np.insert(self._low, places, np.concatenate([part.low for part in parts]))
        for number, column in enumerate(self._columns.values()):
            arrays = [column.data, *(part.columns[number] for part in parts)]
            kind = max((array.dtype for array in arrays), key=lambda dtype: dtype.itemsize)
            old, *new = (widened(column, array, kind) for array in arrays)
            column.data = np.insert(old, places, np.concatenate(new))


def _key(position: SortPosition, order: SortOrder) -> int:
    """Sort key of a position: the value, negated in a descending order; `_LAST` for a position without a value."""
    if order.sort.nullable and position.value == gap(order):
        return _LAST
    return max(-_LAST, min(_LAST - 1, -position.value if order.descending else position.value))


def _first(keys: Integers, size: int, *, ids_down: bool, keys_down: bool) -> Array:
    """Select the first rows of an order by key, then by id. Ids ascend with the row numbers."""
    numbers = np.arange(len(keys))
    if keys_down:
        keys = -keys
    if size < len(keys):
        limit = np.partition(keys, size - 1)[size - 1]
        before = np.flatnonzero(keys < limit)
        ties = np.flatnonzero(keys == limit)
        missing = size - len(before)
        numbers = np.concatenate((before, ties[-missing:] if ids_down else ties[:missing]))
    ties_first = -numbers if ids_down else numbers
    return numbers[np.lexsort((ties_first, keys[numbers]))]


def _label(value: Any) -> str | None:
    """Text of a value as Postgres formats it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


def _halves(ids: Sequence[UUID]) -> tuple[Array, Array]:
    """First and last eight bytes of ids as unsigned integers, which sort like the ids."""
    pairs = np.frombuffer(b"".join([key.bytes for key in ids]), _ID)
    return pairs["high"].astype(np.uint64), pairs["low"].astype(np.uint64)
