"""SQL composition of searches from fixed fragments. Every value is a parameter. Pure."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from uuid import UUID

import msgspec

from inventory.catalog import grades
from inventory.catalog.diamond import COLUMNS
from inventory.catalog.facets import COUNTED, HIDEABLE, MEASURED, SHARES, STANDARD_EDGES, Edges, edges_of
from inventory.catalog.search import (
    LAST,
    OFFERED,
    RETAIL_PER_CARAT,
    DiamondCriteria,
    NumericRange,
    PageOffset,
    PageWindow,
    SortOrder,
    SortPosition,
)
from inventory.core.sql import Statements

sql = Statements("inventory.catalog")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# Sort values of diamonds without a value, which are last. All ranks, ratings, ratios and days lie between these.
_AFTER_ALL = 2**31 - 1
_BEFORE_ALL = -1
# From this offset, finding a page costs more than reading its rows by id.
_FAR = 1000


# Cached statements of first pages. Clients choose sort, page size and, by their selections, the columns.
_MAX_PAGES = 500
# Computed columns.
AVAILABILITY = sql.part("availability")
AVAILABILITY_OF_MANY = sql.part("availability_of_many").format(availability=AVAILABILITY)
_MADE: Mapping[str, str] = {"availability": AVAILABILITY, "open_hold": sql.part("open_hold")}


class Statement(msgspec.Struct, frozen=True):
    """SQL and its arguments ($1 first)."""

    text: str
    arguments: Sequence[object]


class _Arguments(list[object]):
    def take(self, value: object, sql_type: str) -> str:
        """Add a value. Returns its placeholder."""
        self.append(value)
        return f"${len(self)}::{sql_type}"


Criterion = Callable[[str, object, _Arguments], Iterator[str]]


def _available(expression: str) -> Criterion:
    """Criterion on the availability rule. The planner estimates a CASE as half of the diamonds, not as 0.5 percent."""

    def fragments(_name: str, values: object, arguments: _Arguments) -> Iterator[str]:
        yield f"CASE WHEN ({expression}) = ANY ({arguments.take(values, 'text[]')}) THEN true ELSE false END"

    return fragments


def _any_of(column: str, sql_type: str = "text") -> Criterion:
    def fragments(_name: str, values: object, arguments: _Arguments) -> Iterator[str]:
        yield f"{column} = ANY ({arguments.take(values, f'{sql_type}[]')})"

    return fragments


def _graded(scale: Sequence[str]) -> Criterion:
    ranks = grades.ranks(scale)

    def fragments(name: str, values: object, arguments: _Arguments) -> Iterator[str]:
        given = set(values)  # type: ignore[call-overload]  # a list, by the filter's type
        wanted = sorted(ranks[grade] for grade in given if grade != grades.OTHER)
        listed = f"{name}_rank = ANY ({arguments.take(wanted, 'smallint[]')})"
        yield f"({listed} OR {name} IS NOT NULL AND {name}_rank IS NULL)" if grades.OTHER in given else listed

    return fragments


def _between(expression: str | None = None) -> Criterion:
    def fragments(name: str, value: object, arguments: _Arguments) -> Iterator[str]:
        assert isinstance(value, NumericRange)  # noqa: S101 - by the filter's type
        for operator, end in ((">=", value.min), ("<=", value.max)):
            if end is not None:
                yield f"{expression or name} {operator} {arguments.take(end, 'bigint')}"

    return fragments


def _flag(name: str, value: object, _arguments: _Arguments) -> Iterator[str]:
    yield f"{name} = {'true' if value else 'false'}"


def _present(column: str) -> Criterion:
    def fragments(_name: str, value: object, _arguments: _Arguments) -> Iterator[str]:
        yield f"{column} IS {'NOT ' if value else ''}NULL"

    return fragments


def _stock_number(_name: str, values: object, arguments: _Arguments) -> Iterator[str]:
    numbers = [str(value).lower() for value in values]  # type: ignore[attr-defined]  # a list, by the filter's type
    listed = arguments.take(numbers, "text[]")
    yield f"(lower(stock_number) = ANY ({listed}) OR lower(supplier_stock_number) = ANY ({listed}))"


def _number_prefix(_name: str, value: object, arguments: _Arguments) -> Iterator[str]:
    """Prefix match as a byte range, for which an index is used with any value."""
    first = arguments.take(str(value).lower(), "text")
    last = arguments.take(f"{str(value).lower()}\U0010ffff", "text")
    columns = ("certificate_number", "stock_number", "supplier_stock_number")
    yield f"({' OR '.join(f'(lower({column}) ~>=~ {first} AND lower({column}) ~<=~ {last})' for column in columns)})"


def _except(_name: str, value: object, arguments: _Arguments) -> Iterator[str]:
    for name in DiamondCriteria.__struct_fields__:
        excluded = getattr(value, name)
        if excluded is not None:
            yield f"({' AND '.join(_CRITERIA[name](name, excluded, arguments)) or 'true'}) IS NOT TRUE"


def _since(column: str) -> Criterion:
    def fragments(_name: str, value: object, arguments: _Arguments) -> Iterator[str]:
        yield f"{column} >= {arguments.take(value, 'timestamptz')}"

    return fragments


_CRITERIA: Mapping[str, Criterion] = {
    "ids": _any_of("id", "uuid"),
    **{name: _any_of(name) for name in (
        "supplier", "shape", "fluorescence_color", "fancy_color", "fancy_intensity", "fancy_overtone", "growth_method",
        "certificate_lab", "certificate_number",
    )},
    "stock_number": _stock_number,
    "number_prefix": _number_prefix,
    "availability": _available(AVAILABILITY),
    "color": _graded(grades.COLORS),
    "clarity": _graded(grades.CLARITIES),
    "cut": _graded(grades.CUTS),
    "polish": _graded(grades.FINISHES),
    "symmetry": _graded(grades.FINISHES),
    "fluorescence": _graded(grades.FLUORESCENCES),
    **{name: _between() for name in (
        "carat_milli", "retail_price_cents", "supplier_price_cents", "length_milli", "width_milli", "height_milli",
        "ratio_milli", "table_milli", "depth_milli", "rating", "delivery_max_days", "return_days",
    )},
    "retail_per_carat_cents": _between(RETAIL_PER_CARAT.expression),
    **dict.fromkeys((
        "lab_grown", "treated", "eye_clean", "brown_tinge", "green_tinge", "milky", "certificate_hidden", "measurements_hidden",
    ), _flag),
    "has_image": _present("image_url"),
    "has_video": _present("video_url"),
    "has_spin": _present("spin_url"),
    "exclude": _except,
    "created_since": _since("created_at"),
    "updated_since": _since("updated_at"),
}  # fmt: skip


_availability_of_many = _available(AVAILABILITY_OF_MANY)


def _conditions(
    criteria: DiamondCriteria, arguments: _Arguments, leaving: Collection[str] = (), *, many: bool
) -> Iterator[str]:
    """SQL conditions of criteria. `many`: whether the statement probably reads most diamonds, not only the first."""
    for name in DiamondCriteria.__struct_fields__:
        value = getattr(criteria, name)
        if value is not None and name not in leaving:
            criterion = _availability_of_many if many and name == "availability" else _CRITERIA[name]
            yield from criterion(name, value, arguments)


Bounds = Sequence[tuple[SortPosition, str]]


def _bounds(window: PageWindow, order: SortOrder) -> Bounds:
    """Bounds of a window: positions, each with the operator that compares a diamond with it."""
    onward, back = ("<", ">") if order.descending else (">", "<")
    if order.then:
        onward, back = ">", "<"
    both = ((window.after, onward), (window.before, back))
    return [(position, operator) for position, operator in both if position]


def _beyond(bounds: Bounds, order: SortOrder, arguments: _Arguments) -> Iterator[str]:
    """Conditions of the bounds for diamonds with a value."""
    sort = order.sort
    for position, operator in bounds:
        if sort.instant:
            value = arguments.take(_EPOCH + position.value * _MICROSECOND, "timestamptz")
        else:
            value = arguments.take(position.value, "bigint")
        yield f"({sort.expression}, id) {operator} ({value}, {arguments.take(position.id, 'uuid')})"


def _beyond_in_gap(bounds: Bounds, order: SortOrder, arguments: _Arguments) -> Iterator[str]:
    """Conditions of the bounds for diamonds without a value, which are last."""
    for position, operator in bounds:
        if position.value == gap(order):
            yield f"id {operator} {arguments.take(position.id, 'uuid')}"
        else:
            yield "true" if operator == ("<" if order.descending else ">") else "false"


def _ascending(order: SortOrder) -> Sequence[str]:
    """Ascending sort expressions of several sorts. Missing values are last."""
    values = []
    for level in order.levels:
        sort = level.sort
        value = (
            f"(extract(epoch FROM {sort.expression}) * 1000000)::bigint"
            if sort.instant
            else f"({sort.expression})::bigint"
        )
        value = f"-{value}" if level.descending else value
        values.append(f"coalesce({value}, {LAST})" if sort.nullable else value)
    return values


def _beyond_all(bounds: Bounds, values: Sequence[str], arguments: _Arguments) -> Iterator[str]:
    """Conditions of the bounds in an order of several sorts."""
    for position, operator in bounds:
        taken = [arguments.take(value, "bigint") for value in position.values]
        yield f"({', '.join(values)}, id) {operator} ({', '.join(taken)}, {arguments.take(position.id, 'uuid')})"


def gap(order: SortOrder) -> int:
    """Sort value of a position without a value, in the order of a nullable sort."""
    return _BEFORE_ALL if order.descending else _AFTER_ALL


def _names(columns: Collection[str]) -> str:
    asked = {*columns, "id"}
    unknown = asked.difference(COLUMNS)
    if unknown:
        raise ValueError(f"diamonds have no columns {sorted(unknown)}")
    return ", ".join(f"{_MADE[name]} AS {name}" if name in _MADE else name for name in COLUMNS if name in asked)


def position(value: int | datetime | Sequence[int], key: UUID) -> SortPosition:
    """Position of a row by its `sort_value`."""
    if isinstance(value, datetime):
        return SortPosition((value - _EPOCH) // _MICROSECOND, key)
    if isinstance(value, int):
        return SortPosition(value, key)
    return SortPosition(value[0], key, tuple(value[1:]))


def page(
    criteria: DiamondCriteria, order: SortOrder, stretch: PageWindow | PageOffset, columns: Collection[str]
) -> Statement:
    """Statement of a page and one additional row, which shows whether more rows follow. A backward window is reversed."""
    # First pages of the default search are requested most often.
    if criteria == OFFERED and not (isinstance(stretch, PageWindow) and _bounds(stretch, order)):
        return _first_page(order, stretch, frozenset(columns))
    return _page(criteria, order, stretch, columns)


@lru_cache(_MAX_PAGES)
def _first_page(order: SortOrder, stretch: PageWindow | PageOffset, columns: frozenset[str]) -> Statement:
    return _page(OFFERED, order, stretch, columns)


def _page(
    criteria: DiamondCriteria, order: SortOrder, stretch: PageWindow | PageOffset, columns: Collection[str]
) -> Statement:
    arguments = _Arguments()
    # Most diamonds are available, so a page without them may require reading many rows.
    rare = criteria.availability is not None and "available" not in criteria.availability
    shared = list(_conditions(criteria, arguments, many=rare))
    bounds, offset, backwards = ((), stretch.offset, False) if isinstance(stretch, PageOffset) else (
        _bounds(stretch, order), 0, stretch.backwards
    )  # fmt: skip
    key = order.sort.expression
    direction = "DESC" if (order.descending and not order.then) != backwards else "ASC"
    size, start = arguments.take(stretch.limit + 1, "bigint"), arguments.take(offset, "bigint")
    names = _names(() if offset >= _FAR else columns)

    def part(value: str, conditions: Iterable[str], limit: str) -> str:
        every = "".join(f" AND {condition}" for condition in (*shared, *conditions))
        return sql.page.format(columns=names, value=value, key=key, direction=direction, conditions=every, limit=limit)

    if order.then:
        levels = _ascending(order)
        key = f" {direction}, ".join(levels)
        text = part(f"ARRAY[{', '.join(levels)}]", _beyond_all(bounds, levels, arguments), f"{size} OFFSET {start}")
        if offset >= _FAR:
            text = sql.page_far.format(columns=_names(columns), place=text, direction=direction)
        return Statement(text, arguments)
    valued = _beyond(bounds, order, arguments)
    if order.sort.nullable:
        reach = f"{size} + {start}"
        parts = [
            (key, [f"{key} IS NOT NULL", *valued]),
            (f"({gap(order)})::integer", [f"{key} IS NULL", *_beyond_in_gap(bounds, order, arguments)]),
        ]
        (near, near_conditions), (far, far_conditions) = reversed(parts) if backwards else parts
        text = sql.page_with_gap.format(
            near=part(near, near_conditions, reach),
            far=part(far, far_conditions, reach),
            reach=reach,
            direction=direction,
            limit=f"{size} OFFSET {start}",
        )
    else:
        text = part(key, valued, f"{size} OFFSET {start}")
    if offset >= _FAR:
        text = sql.page_far.format(columns=_names(columns), place=text, direction=direction)
    return Statement(text, arguments)


def count(criteria: DiamondCriteria) -> Statement:
    """Statement of the number of matches."""
    arguments = _Arguments()
    conditions = "".join(f" AND {condition}" for condition in _conditions(criteria, arguments, many=True))
    return Statement(sql.count.format(conditions=conditions), arguments)


def _facet_column(name: str) -> str:
    if name == "availability":
        return f"{AVAILABILITY_OF_MANY} AS {name}"
    return f"CASE WHEN NOT measurements_hidden THEN {name} END AS {name}" if name in HIDEABLE else name


def facets(
    criteria: DiamondCriteria, names: Collection[str], *, disregard_own: bool, edges: Edges = STANDARD_EDGES
) -> Statement:
    """Statement of facets. Rows: facet, kind (count, bucket or quantile), label, number. `names` must not be empty."""
    unknown = set(names).difference(COUNTED, MEASURED)
    if unknown:
        raise ValueError(f"there are no facets {sorted(unknown)}")
    arguments = _Arguments()
    own = [name for name in names if disregard_own and getattr(criteria, name) is not None]
    columns = [_facet_column(name) for name in names]
    for name in own:
        alone = " AND ".join(_CRITERIA[name](name, getattr(criteria, name), arguments)) or "true"
        columns.append(f"({alone}) AS {name}_fits")
    conditions = "".join(f" AND {condition}" for condition in _conditions(criteria, arguments, own, many=True))
    parts = []
    for name in names:
        others = " AND ".join(f"{other}_fits" for other in own if other != name)
        where = f" WHERE {others}" if others else ""
        if name in MEASURED:
            where = f" WHERE {f'{others} AND ' if others else ''}{name} IS NOT NULL"
            starts = arguments.take(list(edges_of(name, edges)), "bigint[]")
            shares = arguments.take(list(SHARES), "double precision[]")
            parts.append(sql.facet_buckets.format(name=name, own=where, edges=starts))
            parts.append(sql.facet_quantiles.format(name=name, own=where, shares=shares))
        else:
            parts.append(sql.facet_counts.format(name=name, own=where))
    text = sql.facets.format(columns=", ".join(columns), conditions=conditions, parts="\nUNION ALL\n".join(parts))
    return Statement(text, arguments)


def find(ids: Collection[object], columns: Collection[str]) -> Statement:
    """Statement of diamonds by id."""
    return Statement(sql.find.format(columns=_names(columns)), [list(ids)])


def columns_of_find(columns: Collection[str]) -> str:
    """Select list of diamonds by id."""
    return _names(columns)
