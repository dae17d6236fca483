"""Random diamonds, searches and changes of the inventory."""

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from inventory.catalog import grades
from inventory.catalog.facets import COUNTED, MEASURED, Edges
from inventory.catalog.search import (
    LAST,
    SORTS,
    DiamondCriteria,
    NumericRange,
    PageOffset,
    PageWindow,
    SortOrder,
    SortPosition,
)
from inventory.core.clock import utc_now
from inventory.core.database import Connection, Database
from inventory.events import log
from inventory.events.models import EventKind, NewEvent
from tests.integration.api.diamonds import EPOCH, Row, build
from tests.integration.api.runs import build_run

_FLAGS = ("treated", "eye_clean", "brown_tinge", "green_tinge", "milky")
_SIZES = ("length_milli", "width_milli", "height_milli", "ratio_milli", "table_milli", "depth_milli")
_GRADES = {
    "color": (*grades.COLORS[:6], "K-L"),
    "clarity": (*grades.CLARITIES[:5], "SI"),
    "cut": grades.CUTS[:4],
    "polish": grades.FINISHES[:4],
    "symmetry": grades.FINISHES[:4],
    "fluorescence": grades.FLUORESCENCES,
}
# Grades that a filter may contain.
_FILTERABLE = {
    name: [*(grade for grade in scale if grade not in {"K-L", "SI"}), grades.OTHER] for name, scale in _GRADES.items()
}
_LABS = ("GIA", "IGI", "HRD")
FACETS = (*COUNTED, *MEASURED)


def diamond(number: int, chance: random.Random) -> Row:
    """A row of `diamonds`. Few distinct values, so that sorts have ties; some are large, some missing."""

    def maybe(value: Any) -> Any:
        return None if chance.random() < 0.2 else value

    cents = chance.choice([chance.randrange(40_000, 60_000, 500), 2**31 + chance.randrange(5), 10**14 + 3, 0])
    return build(
        number,
        shape=chance.choice(grades.SHAPES[:5]),
        carat_milli=chance.choice([300, 500, 1000, 1010, 7000, chance.randrange(1, 12_000)]),
        **{name: maybe(chance.choice(scale)) for name, scale in _GRADES.items()},
        fancy_color=maybe(chance.choice(grades.FANCY_COLORS)),
        fancy_intensity=maybe(chance.choice(grades.FANCY_INTENSITIES)),
        fancy_overtone=maybe(chance.choice(["GREENISH", "BROWNISH"])),
        fluorescence_color=maybe(chance.choice(["BLUE", "YELLOW"])),
        lab_grown=chance.random() < 0.3,
        growth_method=maybe(chance.choice(grades.GROWTH_METHODS)),
        spin_url=maybe("https://example.com/360"),
        stock_number=maybe(f"N{chance.randrange(100):04d}"),
        delivery_max_days=maybe(chance.randrange(30)),
        return_days=maybe(chance.choice([0, 7, 30])),
        **{name: maybe(chance.random() < 0.5) for name in _FLAGS},
        **{name: maybe(chance.randrange(0, 70_000)) for name in _SIZES},
        supplier_price_cents=max(1, cents // 2),
        retail_price_cents=cents,
        rating=maybe(chance.randint(1, 10)),
        availability=chance.choice(grades.AVAILABILITIES),
        hold_id=maybe(f"hold-{number}"),
        image_url=maybe("https://example.com/a.jpg"),
        video_url=maybe("https://example.com/a.mp4"),
        certificate_lab=maybe(chance.choice(_LABS)),
        certificate_hidden=chance.random() < 0.1,
        measurements_hidden=chance.random() < 0.1,
        created_at=EPOCH + timedelta(microseconds=chance.randrange(0, 10**9, 10**7)),
        updated_at=EPOCH + timedelta(microseconds=chance.randrange(10**9)),
        status=chance.choice(["active"] * 9 + ["quarantined"]),
    )


def criteria(chance: random.Random, share: float = 1.0) -> DiamondCriteria:
    """A random filter over every column of the index. `share`: probability of a criterion, relative to the default."""

    def some(share: float, value: Any) -> Any:
        return value() if chance.random() < share else None

    def any_of(values: Sequence[str]) -> list[str]:
        return chance.sample(list(values), chance.randint(0 if chance.random() < 0.05 else 1, len(values)))

    def between(low: int, high: int) -> NumericRange:
        ends = sorted((chance.randint(low, high), chance.randint(low, high)))
        return NumericRange(*(chance.choice([end, end, None]) for end in ends))

    every = share * chance.choice([0.03, 0.1])
    excluded = criteria(chance, 0.3) if share == 1 and chance.random() < 0.3 else None
    return DiamondCriteria(
        supplier=some(every, lambda: ["nivoda"]),
        shape=some(0.3 * share, lambda: any_of(grades.SHAPES[:6])),
        **{name: some(2 * every, lambda name=name: any_of(_FILTERABLE[name])) for name in _GRADES},
        fancy_color=some(every, lambda: any_of(grades.FANCY_COLORS)),
        fancy_intensity=some(every, lambda: any_of(grades.FANCY_INTENSITIES)),
        fancy_overtone=some(every, lambda: ["GREENISH", "PINKISH"]),
        fluorescence_color=some(every, lambda: any_of(["BLUE", "YELLOW", "GREEN"])),
        growth_method=some(every, lambda: any_of(grades.GROWTH_METHODS)),
        delivery_max_days=some(every, lambda: between(0, 30)),
        return_days=some(every, lambda: chance.choice([NumericRange(1, None), NumericRange(0, 0)])),
        exclude=excluded,
        availability=some(0.4 * share, lambda: any_of(grades.AVAILABILITIES)),
        certificate_lab=some(every, lambda: any_of((*_LABS, "OTHER"))),
        carat_milli=some(0.2 * share, lambda: between(1, 12_000)),
        retail_price_cents=some(0.2 * share, lambda: between(0, chance.choice([70_000, 2**33, 10**15]))),
        retail_per_carat_cents=some(every, lambda: between(0, 200_000)),
        supplier_price_cents=some(every, lambda: between(0, 70_000)),
        **{name: some(every, lambda: between(-10, 100_000)) for name in _SIZES},
        rating=some(every, lambda: between(0, 11)),
        lab_grown=some(0.2 * share, lambda: chance.random() < 0.5),
        **{name: some(every, lambda: chance.random() < 0.5) for name in (
            *_FLAGS, "certificate_hidden", "measurements_hidden", "has_image", "has_video", "has_spin",
        )},
        created_since=some(every, lambda: EPOCH + timedelta(microseconds=chance.randrange(10**9))),
        updated_since=some(every, lambda: EPOCH + timedelta(microseconds=chance.randrange(10**9))),
    )  # fmt: skip


def order(chance: random.Random) -> SortOrder:
    """Random sorts and directions: one, or several."""
    number = chance.choice([1, 1, 2, 3])
    first, *then = (SortOrder(sort, descending=chance.random() < 0.5) for sort in chance.sample(SORTS, number))
    return SortOrder(first.sort, first.descending, tuple(then))


def edges(chance: random.Random) -> Edges:
    """Random histogram edges for some of the measures."""
    measures = chance.sample(list(MEASURED), chance.randint(0, len(MEASURED)))
    return {name: sorted(chance.sample(range(0, 20_000, 7), chance.randint(1, 9))) for name in measures}


def window(chance: random.Random, positions: Sequence[SortPosition]) -> PageWindow | PageOffset:
    """A page between positions, some of which belong to no diamond; or a page by number."""
    if chance.random() < 0.2:
        return PageOffset(chance.randint(1, 30), chance.choice([0, 7, 500, 10_000]))

    def place() -> SortPosition | None:
        if not positions or chance.random() < 0.4:
            return None
        position = chance.choice(positions)
        if chance.random() < 0.3:
            others = tuple(value if value == LAST else value + chance.choice([-1, 0, 1]) for value in position.others)
            value = position.value if position.value == LAST else position.value + chance.choice([-1, 0, 1])
            return SortPosition(value, UUID(int=chance.getrandbits(128)), others)
        return position

    return PageWindow(limit=chance.randint(1, 30), after=place(), before=place(), backwards=chance.random() < 0.5)


async def stock(database: Database, count: int, chance: random.Random) -> list[UUID]:
    """Insert diamonds and a completed run."""
    rows = [diamond(number, chance) for number in range(count)]
    run = build_run(1)
    async with database.connection() as connection:
        for table, records in (("diamonds", rows), ("run_metadata", [run])):
            await connection.copy_records_to_table(
                table, records=[tuple(row.values()) for row in records], columns=list(records[0])
            )
    return [row["id"] for row in rows]


class Changes:
    """Changes of the inventory as syncs, holds and purchases make them: with their events, one transaction each."""

    def __init__(self, database: Database, ids: list[UUID], chance: random.Random) -> None:
        self._database = database
        self._ids = ids
        self._chance = chance
        self._next = len(ids)

    async def one(self) -> None:
        """Make one change."""
        change = self._chance.choice([self._sync, self._remove, self._hold, self._buy, self._end_hold, self._expire])
        async with self._database.transaction() as connection:
            await change(connection)

    async def _sync(self, connection: Connection) -> None:
        numbers = [self._chance.randrange(self._next + 5) for _ in range(self._chance.randint(1, 40))]
        rows = [diamond(number, self._chance) for number in sorted(set(numbers))]
        self._next = max(self._next, *(number + 1 for number in numbers))
        names = [name for name in rows[0] if name not in {"id", "supplier", "supplier_stone_id"}]
        for row in rows:
            places = ", ".join(f"${place}" for place in range(1, len(row) + 1))
            sets = ", ".join(f"{name} = excluded.{name}" for name in names)
            await connection.execute(
                f"INSERT INTO diamonds ({', '.join(row)}) VALUES ({places}) ON CONFLICT (id) DO UPDATE SET {sets}",  # noqa: S608
                *row.values(),
            )
        ids = [row["id"] for row in rows]
        self._ids.extend(set(ids).difference(self._ids))
        await log.append(connection, NewEvent(EventKind.DIAMONDS_CHANGED, ids))

    async def _remove(self, connection: Connection) -> None:
        ids = self._chance.sample(self._ids, 5)
        await connection.execute("UPDATE diamonds SET status = 'quarantined' WHERE id = ANY ($1)", ids)
        await log.append(connection, NewEvent(EventKind.DIAMONDS_REMOVED, ids))

    async def _hold(self, connection: Connection) -> None:
        key = self._chance.choice(self._ids)
        await connection.execute(
            "INSERT INTO hold_history (diamond_id, client_id, state, price_cents, wanted_until, expires_at, supplier_hold_id) "
            "SELECT id, 'acme', 'active', 1, $2, $2, hold_id FROM diamonds WHERE id = $1 ON CONFLICT DO NOTHING",
            key, utc_now() + timedelta(hours=1),
        )  # fmt: skip
        await log.append(connection, NewEvent(EventKind.HOLD_ACTIVATED, [key], client_id="acme"))

    async def _end_hold(self, connection: Connection) -> None:
        ended = await connection.fetch(
            "UPDATE hold_history SET state = 'released', ended_at = now() WHERE id IN "
            "(SELECT id FROM hold_history WHERE state = 'active' ORDER BY id LIMIT 2) RETURNING diamond_id"
        )
        await log.append(connection, NewEvent(EventKind.HOLD_RELEASED, [row["diamond_id"] for row in ended]))

    async def _expire(self, connection: Connection) -> None:
        """An hour passes, without an event."""
        await connection.execute(
            "UPDATE hold_history SET expires_at = expires_at - interval '2 hours' WHERE id IN "
            "(SELECT id FROM hold_history WHERE state = 'active' AND expires_at > now() ORDER BY id LIMIT 1)"
        )

    async def _buy(self, connection: Connection) -> None:
        key = self._chance.choice(self._ids)
        await connection.execute(
            "INSERT INTO purchase_history (diamond_id, client_id, idempotency_key, request_hash, state, price_cents, offer_id) "
            "VALUES ($1, 'acme', gen_random_uuid()::text, '', 'unknown', 1, 'x') ON CONFLICT DO NOTHING",
            key,
        )  # fmt: skip
        await log.append(connection, NewEvent(EventKind.PURCHASE_PENDING, [key], client_id="acme"))
